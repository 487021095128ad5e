"""What the searcher tells the study; no Ray is started."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState
from ray.tune.search import Searcher

from kgprism.platform.configuration import Overrides
from kgprism.platform.errors import ConfigurationError
from kgprism.platform.studies.search.sampling.attributes import RUN
from kgprism.platform.studies.search.sampling.proposals import EXHAUSTED
from kgprism.platform.studies.search.searcher import Recalled, StudySearcher, TrialNews
from kgprism.platform.studies.search.spaces.comparison import Goal
from kgprism.platform.studies.search.spaces.samplers import Search
from kgprism.platform.studies.search.study import evaluated, open_study
from kgprism.platform.studies.search.trainable import CURVE, EPOCH, FAILED, VALUE

Draw = Callable[[optuna.Trial], dict[str, Any]]
RANDOM = Search(sampler="random")


@pytest.fixture
def storage(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/deep/optuna.db"


def _rate(trial: optuna.Trial) -> dict[str, Any]:
    return {"rate": trial.suggest_float("rate", 0, 1)}


def _coin(trial: optuna.Trial) -> dict[str, Any]:
    return {"side": trial.suggest_categorical("side", ["head", "tail"])}


def _searcher(storage: str, trials: int = 10, draw: Draw = _rate, **options: Any) -> StudySearcher:
    return StudySearcher(open_study("s", storage, RANDOM, Goal(), 0), draw, trials, **options)


def _report(searcher: StudySearcher, name: str, *values: float) -> None:
    for epoch, value in enumerate(values, start=1):
        searcher.on_trial_result(name, {EPOCH: epoch, VALUE: value})


def _end(searcher: StudySearcher, name: str, *values: float) -> None:
    """Finish a trial as `trainable` does: the whole curve comes with the last value."""
    result = {EPOCH: len(values), VALUE: values[-1], CURVE: list(enumerate(values, start=1))}
    searcher.on_trial_result(name, result)
    searcher.on_trial_complete(name, result)


def test_a_finished_trial_is_complete_with_its_best_value(storage: str) -> None:
    searcher = _searcher(storage)
    searcher.suggest("a")
    _report(searcher, "a", 0.1, 0.7)
    _end(searcher, "a", 0.1, 0.7, 0.2)
    (trial,) = searcher.study.trials
    assert (trial.state, trial.value) == (TrialState.COMPLETE, 0.7)
    assert trial.intermediate_values == {1: 0.1, 2: 0.7, 3: 0.2}


def test_best_is_least_where_the_objective_is_minimised(storage: str) -> None:
    study = open_study("s", storage, RANDOM, Goal(mode="min"), 0)
    searcher = StudySearcher(study, _rate, 1)
    searcher.suggest("a")
    _end(searcher, "a", 3.0, 1.0, 2.0)
    assert searcher.mode == "min"
    assert study.best_value == 1.0


def test_a_stopped_trial_is_pruned_and_its_last_value_is_kept(storage: str) -> None:
    searcher = _searcher(storage)
    searcher.suggest("a")
    _report(searcher, "a", 0.5)
    # Tune gives the result that made the scheduler stop the trial to the end only.
    searcher.on_trial_complete("a", {EPOCH: 2, VALUE: 0.4, "done": True})
    (trial,) = searcher.study.trials
    assert trial.state == TrialState.PRUNED
    assert trial.intermediate_values == {1: 0.5, 2: 0.4}


@pytest.mark.parametrize(
    ("result", "error", "reason"),
    [
        ({EPOCH: 2, VALUE: math.nan, CURVE: [(1, 0.5), (2, math.nan)]}, False, "epoch 2 is not a number"),
        ({VALUE: math.nan, FAILED: "loss 'alignment' is nan in epoch 3"}, False, "loss 'alignment' is nan"),
        ({EPOCH: 1, VALUE: 0.5}, True, "died or raised"),
        (None, True, "died or raised"),
        ({}, False, "without a value"),
    ],
)
def test_a_broken_trial_failed_and_says_why(storage: str, result: Any, error: bool, reason: str) -> None:
    searcher = _searcher(storage)
    searcher.suggest("a")
    _report(searcher, "a", 0.5)
    searcher.on_trial_complete("a", result, error)
    (trial,) = searcher.study.trials
    assert trial.state == TrialState.FAIL
    assert reason in trial.user_attrs["reason"]


def _overrides(searcher: StudySearcher, count: int) -> list[dict[str, Any]]:
    found = []
    for number in range(count):
        suggested = searcher.suggest(str(number))
        assert suggested is not None
        found.append(suggested["overrides"])
        _end(searcher, str(number), found[-1]["rate"])
    return found


@pytest.mark.parametrize("sampler", ["random", "tpe", pytest.param("gp", marks=pytest.mark.slow)])
def test_the_same_seed_gives_the_same_trials(tmp_path: Path, sampler: Any) -> None:
    def drawn(name: str, seed: int) -> list[dict[str, Any]]:
        search = Search(sampler=sampler, startup=3)
        study = open_study(name, f"sqlite:///{tmp_path}/{name}.db", search, Goal(), seed)
        return _overrides(StudySearcher(study, _rate, 6), 6)

    assert drawn("one", 0) == drawn("two", 0) != drawn("three", 1)


def test_starting_points_come_first(storage: str) -> None:
    points = [{"rate": 0.25}, {"rate": 0.75}]
    for _ in range(2):  # a second start must not queue them again
        study = open_study("s", storage, RANDOM, Goal(), 0, points)
    found = _overrides(StudySearcher(study, _rate, 3), 3)
    assert found[:2] == points
    assert found[2] not in points


def test_what_is_known_is_told_again_and_not_carried_out_again(storage: str) -> None:
    heard: list[TrialNews] = []
    searcher = _searcher(storage, trials=20, draw=_coin, listener=heard.append)
    suggested = []
    while (one := searcher.suggest(str(len(suggested)))) != Searcher.FINISHED:
        assert one is not None
        suggested.append(one["overrides"]["side"])
        _end(searcher, str(len(suggested) - 1), 0.5, 0.75, 0.25)
    assert sorted(suggested) == ["head", "tail"]
    repeated = [trial for trial in searcher.study.trials if "repeats" in trial.user_attrs]
    assert len(repeated) >= EXHAUSTED
    assert {(trial.state, trial.value) for trial in repeated} == {(TrialState.COMPLETE, 0.75)}
    assert [news.state for news in heard].count("repeated") == len(repeated)
    assert len(list(evaluated(searcher.study))) == 2
    assert searcher.ended == "exhausted"


def test_a_search_that_found_as_many_as_asked_for_is_not_exhausted(storage: str) -> None:
    searcher = _searcher(storage, trials=2)
    _overrides(searcher, 2)
    assert searcher.suggest("more") == Searcher.FINISHED
    assert searcher.ended == ""


def test_a_stopped_configuration_that_comes_again_is_stopped_again(storage: str) -> None:
    searcher = _searcher(storage, draw=lambda trial: {"only": trial.suggest_categorical("only", [1])})
    searcher.suggest("a")
    searcher.on_trial_complete("a", {EPOCH: 4, VALUE: 0.4})
    assert searcher.suggest("b") == Searcher.FINISHED
    states = {(trial.state, tuple(trial.intermediate_values.items())) for trial in searcher.study.trials}
    assert states == {(TrialState.PRUNED, ((4, 0.4),))}


def test_a_twin_waits_until_the_first_has_ended(storage: str) -> None:
    searcher = _searcher(storage, draw=lambda trial: {"only": trial.suggest_categorical("only", [1])})
    assert searcher.suggest("a") == {"overrides": {"only": 1}}
    assert [searcher.suggest("b"), searcher.suggest("c")] == [None, None]
    assert len(searcher.study.trials) == 2
    _end(searcher, "a", 0.5)
    assert searcher.suggest("d") == Searcher.FINISHED


def test_a_finished_run_is_told_from_the_store(storage: str) -> None:
    def recall(overrides: Overrides) -> Recalled:
        return Recalled(f"run {overrides['side']}", {5: 0.3, 10: 0.9, 15: 0.6} if overrides["side"] == "tail" else None)

    searcher = _searcher(storage, trials=2, draw=_coin, recall=recall)
    assert searcher.suggest("a") == {"overrides": {"side": "head"}}
    _end(searcher, "a", 0.1)
    assert searcher.suggest("b") == Searcher.FINISHED
    best = searcher.study.best_trial
    assert (best.user_attrs[RUN], best.value, best.last_step) == ("run tail", 0.9, 15)


def test_a_refused_configuration_fails_and_the_search_goes_on(storage: str) -> None:
    def recall(overrides: Overrides) -> Recalled:
        if overrides["rate"] < 0.5:
            raise ConfigurationError("too small")
        return Recalled(str(overrides))

    searcher = _searcher(storage, trials=20, recall=recall)
    taken = []
    while (one := searcher.suggest(str(len(taken)))) != Searcher.FINISHED:
        assert one is not None
        taken.append(one["overrides"]["rate"])
    failed = [t.params["rate"] for t in searcher.study.trials if t.user_attrs.get("reason") == "too small"]
    assert len(taken) + len(failed) == 20
    assert min(taken) >= 0.5 > max(failed)


def test_a_killed_search_goes_on(storage: str) -> None:
    searcher = _searcher(storage, trials=4)
    first = searcher.suggest("a")
    _end(searcher, "a", 0.5)
    lost = searcher.suggest("b")
    _report(searcher, "b", 0.4)
    again = _searcher(storage, trials=4)  # the first process never ends its second trial
    assert again.study.trials[1].state == TrialState.FAIL
    assert again.suggest("a") == lost
    _end(again, "a", 0.4, 0.6)
    others = [again.suggest("b"), again.suggest("c")]
    assert again.suggest("d") == Searcher.FINISHED
    assert first not in others
    assert lost not in others
    assert sum(1 for _ in evaluated(again.study)) == 2
    assert again.study.best_value == 0.6


def test_more_trials_are_other_trials(storage: str) -> None:
    first = _overrides(_searcher(storage, trials=3), 3)
    more = _searcher(storage, trials=5)
    second = _overrides(more, 2)
    assert more.suggest("x") == Searcher.FINISHED
    assert not [one for one in second if one in first]


def test_two_searches_on_one_storage_do_not_mix(storage: str) -> None:
    _overrides(_searcher(storage, trials=3), 3)
    other = open_study("other", storage, RANDOM, Goal(), 0)
    assert other.trials == []
    assert sorted(optuna.get_all_study_names(storage)) == ["other", "s"]


@pytest.mark.parametrize("storage", ["nosuch://x/y", "not a url", "sqlite:////proc/nowhere/optuna.db"])
def test_a_storage_that_cannot_be_opened_is_told(storage: str) -> None:
    with pytest.raises(ConfigurationError, match=r"--storage .*cannot be opened") as error:
        open_study("s", storage, RANDOM, Goal(), 0)
    assert "\n" not in str(error.value)
