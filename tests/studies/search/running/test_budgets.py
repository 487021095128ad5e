"""Searches with a budget: no trial starts after it, a kill gives none of it back, and more of it goes on."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import optuna
import pytest

from kgprism.platform.data.catalogue import toy
from kgprism.platform.errors import ConfigurationError
from kgprism.platform.studies.search.after.findings import findings
from kgprism.platform.studies.search.listing import found_by_name, searches
from kgprism.platform.studies.search.request import Request, request
from kgprism.platform.studies.search.running import running
from kgprism.platform.studies.search.running.account import PAUSE, Account, spent_on
from kgprism.platform.studies.search.searcher import StudySearcher
from kgprism.platform.studies.search.spaces import space as spaces
from kgprism.platform.studies.search.spaces.budget import budget
from kgprism.platform.studies.search.sweep import Sweep, found_already, search
from kgprism.platform.studies.search.trainable import CURVE, EPOCH, VALUE
from kgprism.platform.studies.search.trials import table_of
from kgprism.platform.studies.store.runs import Store

FILE = """\
schema: 1
space: tiny
method: loginmea
params:
  train.learning_rate: {type: float, low: 1e-3, high: 1e-1, log: true}
search: {sampler: random, trials: 3%s}
"""
SMALL = {"modalities": ["relation"], "train.epochs": 1, "eval.every": 1, "modal_width": 8, "graph_width": 8}
SMALL |= {"structure": "none", "pseudo_pairs": "none"}


class Clock:
    """An hour passes between two looks."""

    now = 0.0

    def __call__(self) -> float:
        Clock.now += 3600
        return Clock.now


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    def account(*words: Any, **options: Any) -> Account:
        return Account(*words, **options, clock=Clock())

    monkeypatch.setattr(running, "Account", account)


def wanted(folder: Path, limit: str | None = None, written: str = "", **options: Any) -> Request:
    (folder / "tiny.yaml").write_text(FILE % written)
    space = spaces.read(str(folder / "tiny.yaml"))
    return request(space, toy.aligned(), overrides=SMALL, name="mine", budget=limit, **options)


def test_no_trial_starts_after_the_budget_and_the_answer_says_so(inline: None, tmp_path: Path) -> None:
    store = Store()
    sweep = search(wanted(tmp_path, "5h"), store)
    assert 0 < len(sweep.trials) < 3
    assert sweep.trials["state"].tolist() == ["COMPLETE"] * len(sweep.trials)  # who runs goes on to the end
    assert sweep.ended.startswith("the budget of 5h is spent: no trial was started any more")
    assert not sweep.exhausted
    again = found_already(wanted(tmp_path, "5h"), store)
    assert again is not None
    assert again.ended == sweep.ended
    assert again.best == sweep.best
    assert searches()[0].state == "finished"
    by_name = found_already(found_by_name("mine"), store)
    assert isinstance(by_name, Sweep)
    assert by_name.ended == sweep.ended
    # More of it goes on, and is the same search.
    more = found_by_name("mine", budget="9d")
    assert found_already(more, store) is None
    assert len(search(more, store).trials) == 3
    assert searches()[0].trials == 3


def test_a_budget_stands_in_the_file_and_none_takes_it_away(tmp_path: Path) -> None:
    told = wanted(tmp_path, written=", budget: 5h")
    assert told.budget == budget("5h")
    assert wanted(tmp_path, "2d", written=", budget: 5h").budget == budget("2d")
    free = wanted(tmp_path, "none", written=", budget: 5h")
    assert free.budget is None
    assert free.identity == told.identity == wanted(tmp_path).identity


def test_what_was_noted_before_a_kill_is_spent() -> None:
    study, now = optuna.create_study(), [0.0]
    account = Account(study, budget("25 s"), cpus=2, gpus=0.5, clock=lambda: now[0])
    for second, told in ((10.0, 10), (10 + PAUSE / 2, 10)):
        now[0] = second
        assert not account.look(3)
        assert spent_on(study).seconds == told
    now[0] = 1000.0  # the next process
    after = Account(study, budget("25 s"), clock=lambda: now[0])
    now[0] += 14
    assert not after.look(1)
    now[0] += 1
    assert after.look(1)
    after.note()
    assert spent_on(study).model_dump() == {"seconds": 25, "cpu_seconds": 10 * 3 * 2 + 15, "gpu_seconds": 15}


def test_what_trials_hold_is_counted_while_they_run() -> None:
    study, now = optuna.create_study(), [0.0]
    account = Account(study, budget("0.01 cpu-hours"), cpus=2, clock=lambda: now[0])
    now[0] = 100.0
    assert not account.look(0)
    now[0] = 106.0
    assert account.look(3)


def test_a_trial_that_waits_for_a_process_spends_nothing() -> None:
    study, now = optuna.create_study(direction="maximize"), [0.0]
    account = Account(study, None, cpus=2, clock=lambda: now[0])

    def draw(trial: optuna.Trial) -> dict[str, Any]:
        return {"rate": trial.suggest_float("rate", 0, 1)}

    searcher = StudySearcher(study, draw, 3, clock=lambda: now[0])

    def pass_time(seconds: float) -> None:
        now[0] += seconds
        account.look(searcher.holding)

    for name in "abc":  # all are asked for at once, and there is one place
        searcher.suggest(name)
    pass_time(10)
    end = {EPOCH: 1, VALUE: 0.5, CURVE: [(1, 0.5)]}
    searcher.on_trial_start("a")
    pass_time(5)
    searcher.on_trial_complete("a", end)
    searcher.on_trial_start("b")
    pass_time(3)
    searcher.on_trial_lost("b")  # and gets another process a minute later
    pass_time(60)
    searcher.on_trial_start("b")
    pass_time(4)
    searcher.on_trial_complete("b", end)
    searcher.on_trial_result("c", {EPOCH: 1, VALUE: 0.5})  # whose news shows that it runs
    pass_time(2)
    searcher.on_trial_complete("c", end, error=True)
    account.note()
    assert spent_on(study).model_dump() == {"seconds": 84, "cpu_seconds": 2 * 14, "gpu_seconds": 0}
    assert [trial.seconds for trial in findings(study, "").trials] == [5, 7, 2]
    assert table_of(study)["duration"].dt.total_seconds().tolist() == [5, 7, 2]


def test_a_trial_of_an_earlier_version_took_what_optuna_says() -> None:
    study, begun = optuna.create_study(), datetime(2026, 11, 1)
    study.add_trial(optuna.trial.create_trial(value=1.0, user_attrs={"run": "0" * 16}))
    told = study.get_trials(deepcopy=False)[0]
    told.datetime_start, told.datetime_complete = begun, begun + timedelta(seconds=9)
    assert [trial.seconds for trial in findings(study, "").trials] == [9]
    assert table_of(study)["duration"].dt.total_seconds().tolist() == [9]


def test_a_study_of_another_program_has_spent_nothing() -> None:
    study = optuna.create_study()
    study.set_user_attr("spent", "much")
    assert spent_on(study).seconds == 0


def test_what_is_no_budget_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"--budget: expected a time such as 90m, .* got ''"):
        wanted(tmp_path, "", written=", budget: 5h")
    with pytest.raises(ConfigurationError, match=r"--budget: expected a time such as 90m, .* got '2 weeks'"):
        wanted(tmp_path, "2 weeks")
    with pytest.raises(ConfigurationError, match=r"tiny.yaml:6:38: search.budget: expected a time .*got '2 weeks'"):
        wanted(tmp_path, written=", budget: 2 weeks")
