"""Configurations whose runs another process carries out: no trial waits for them in a process of its own."""

from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState
from ray.tune.search import Searcher

from kgprism.platform.configuration import Overrides
from kgprism.platform.studies.search.searcher import Recalled, StudySearcher, TrialNews
from kgprism.platform.studies.search.spaces.comparison import Goal
from kgprism.platform.studies.search.spaces.samplers import Search
from kgprism.platform.studies.search.study import open_study
from kgprism.platform.studies.search.trainable import CURVE, ELSEWHERE, EPOCH, VALUE
from kgprism.platform.studies.store.ownership import owned_elsewhere, owning
from kgprism.platform.studies.store.runs import Store

POINTS: list[dict[str, Any]] = [{"side": "head"}, {"side": "tail"}]


class Others:
    """What other processes carry out, and what they have finished."""

    def __init__(self, *taken: str) -> None:
        self.taken = {*taken}
        self.finished: dict[str, dict[int, float]] = {}

    def recall(self, overrides: Overrides) -> Recalled:
        return Recalled(overrides["side"], self.finished.get(overrides["side"]))

    def has(self, identity: str) -> bool:
        return identity in self.taken


def _coin(trial: optuna.Trial) -> dict[str, Any]:
    return {"side": trial.suggest_categorical("side", ["head", "tail"])}


def _searcher(folder: Path, others: Others, heard: list[TrialNews], trials: int = 2) -> StudySearcher:
    study = open_study("s", f"sqlite:///{folder}/optuna.db", Search(sampler="random"), Goal(), 0, POINTS)
    asking: dict[str, Any] = {"recall": others.recall, "elsewhere": others.has, "listener": heard.append}
    return StudySearcher(study, _coin, trials, **asking)


def _end(searcher: StudySearcher, name: str) -> None:
    searcher.on_trial_complete(name, {EPOCH: 1, VALUE: 0.5, CURVE: [(1, 0.5)]})


def test_others_come_first_and_what_another_process_finishes_is_told(tmp_path: Path) -> None:
    others, heard = Others("head"), list[TrialNews]()
    searcher = _searcher(tmp_path, others, heard)
    assert searcher.suggest("a") == {"overrides": {"side": "tail"}}
    _end(searcher, "a")
    assert [searcher.suggest("b"), searcher.suggest("c")] == [None, None]
    others.taken.clear()
    others.finished["head"] = {1: 0.9}
    assert searcher.suggest("d") == Searcher.FINISHED
    assert [(trial.state, trial.value) for trial in searcher.study.trials] == [
        (TrialState.COMPLETE, 0.9),
        (TrialState.COMPLETE, 0.5),
    ]
    assert [news.state for news in heard] == ["waiting", "started", "complete", "complete"]
    assert searcher.ended == ""


def test_what_another_process_left_is_carried_out_here(tmp_path: Path) -> None:
    others, heard = Others("head"), list[TrialNews]()
    searcher = _searcher(tmp_path, others, heard)
    assert searcher.suggest("a") == {"overrides": {"side": "tail"}}
    others.taken.clear()
    assert searcher.suggest("b") == {"overrides": {"side": "head"}}
    _end(searcher, "a")
    _end(searcher, "b")
    assert searcher.suggest("c") == Searcher.FINISHED
    assert len(searcher.study.trials) == 2


def test_a_trial_that_comes_too_late_gives_its_place_back(tmp_path: Path) -> None:
    others, heard = Others(), list[TrialNews]()
    searcher = _searcher(tmp_path, others, heard, trials=1)
    assert searcher.suggest("a") == {"overrides": {"side": "head"}}
    others.taken.add("head")
    searcher.on_trial_complete("a", {VALUE: float("nan"), ELSEWHERE: True})
    assert searcher.suggest("b") is None
    assert heard[-1].reason == "another process carries it out"
    others.taken.clear()
    assert searcher.suggest("c") == {"overrides": {"side": "head"}}
    _end(searcher, "c")
    assert searcher.suggest("d") == Searcher.FINISHED
    assert [trial.state for trial in searcher.study.trials] == [TrialState.COMPLETE, TrialState.WAITING]


def test_an_exhausted_space_still_waits_for_what_is_carried_out_elsewhere(tmp_path: Path) -> None:
    others = Others("head")
    searcher = _searcher(tmp_path, others, [], trials=9)
    assert searcher.suggest("a") == {"overrides": {"side": "tail"}}
    _end(searcher, "a")
    answers = [searcher.suggest(str(number)) for number in range(40)]
    assert answers == [None] * 40
    known = len(searcher.study.trials)
    assert searcher.suggest("more") is None
    assert len(searcher.study.trials) == known
    others.finished["head"] = {1: 0.9}
    assert searcher.suggest("last") == Searcher.FINISHED
    assert searcher.ended == "exhausted"
    assert searcher.study.best_value == 0.9


@pytest.mark.parametrize("owned", [False, True])
def test_who_owns_a_run_is_asked_without_taking_it(tmp_path: Path, owned: bool) -> None:
    store = Store(tmp_path)
    if owned:
        with owning(store, "a"):
            assert owned_elsewhere(store, "a")
    else:
        assert not owned_elsewhere(store, "a")
    assert list(tmp_path.iterdir()) == []
