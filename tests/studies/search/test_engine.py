"""Trials through Ray Tune: how they end, early stops, crashes."""

import math
import os
import signal
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState

from kgprism.platform.errors import ConfigurationError, RunError
from kgprism.platform.part import Part
from kgprism.platform.studies.search.engine import carry_out
from kgprism.platform.studies.search.running.stopping import stopping
from kgprism.platform.studies.search.searcher import StudySearcher
from kgprism.platform.studies.search.spaces.comparison import Goal
from kgprism.platform.studies.search.spaces.samplers import Search
from kgprism.platform.studies.search.spaces.schedules import Halving, Median
from kgprism.platform.studies.search.study import open_study
from kgprism.platform.studies.search.trainable import Objective

RANDOM = Search(sampler="random", startup=3)


def _rate(trial: optuna.Trial) -> dict[str, Any]:
    return {"rate": trial.suggest_float("rate", 0, 1)}


def _study(folder: Path, name: str = "s", points: Any = ()) -> optuna.Study:
    return open_study(name, f"sqlite:///{folder}/optuna.db", RANDOM, Goal(), 0, points)


def _humps() -> Objective:
    """Values that rise and then fall; nested, so that workers get it by value and need not import this file."""

    def objective(overrides: Any, report: Any) -> dict[int, float]:
        curve = {epoch: overrides["rate"] * (5 - abs(epoch - 5)) for epoch in range(1, 10)}
        for epoch, value in list(curve.items())[:-1]:
            report(epoch, value)
        return curve

    return objective


def _accidents() -> Objective:
    """One of each: a value that is no number, a run that gives up, a bug, a dead process, a good end."""

    def objective(overrides: Any, report: Any) -> dict[int, float]:
        report(1, 0.5)
        kind = int(overrides["kind"])
        if kind == 0:
            return {1: 0.5, 2: math.nan}
        if kind == 1:
            raise RunError("loss 'alignment' is nan in epoch 2")
        if kind == 2:
            raise ZeroDivisionError("a bug")
        if kind == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        return {1: 0.5, 2: 0.25}

    return objective


@pytest.mark.ray
def test_trials_end_with_their_best_value(cluster: None, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    study = _study(tmp_path)
    assert carry_out(_humps(), StudySearcher(study, _rate, 6), concurrent=2) == ()
    assert [trial.state for trial in study.trials] == [TrialState.COMPLETE] * 6
    for trial in study.trials:
        assert trial.value == pytest.approx(5 * trial.params["rate"])
        assert sorted(trial.intermediate_values) == list(range(1, 10))
    assert capfd.readouterr().out == ""


@pytest.mark.ray
def test_the_same_seed_gives_the_same_trials(cluster: None, tmp_path: Path) -> None:
    studies = [_study(tmp_path, name) for name in ("one", "two")]
    for study in studies:
        carry_out(_humps(), StudySearcher(study, _rate, 5), concurrent=2)
    first, second = ([trial.params for trial in study.trials] for study in studies)
    assert first == second
    assert len({trial["rate"] for trial in first}) == 5


@pytest.mark.ray
@pytest.mark.parametrize("schedule", [Halving(min=2, max=9, eta=2), Median(min=2, startup=1)])
def test_weak_trials_are_pruned_in_the_storage(cluster: None, tmp_path: Path, schedule: Part) -> None:
    study = _study(tmp_path, points=[{"rate": 1 - n / 10} for n in range(6)])
    searcher = StudySearcher(study, _rate, 6)
    carry_out(_humps(), searcher, scheduler=stopping(schedule, searcher), concurrent=1)
    stored = optuna.load_study(study_name="s", storage=f"sqlite:///{tmp_path}/optuna.db").trials
    # The first is the best; each later one is worse than all before it at the first rung, epoch 2.
    assert [trial.state for trial in stored] == [TrialState.COMPLETE] + [TrialState.PRUNED] * 5
    assert [trial.last_step for trial in stored] == [9] + [2] * 5


@pytest.mark.ray
def test_accidents_fail_and_the_search_goes_on(cluster: None, tmp_path: Path) -> None:
    study = _study(tmp_path, points=[{"kind": kind} for kind in range(5)])
    draw = lambda trial: {"kind": trial.suggest_int("kind", 0, 4)}  # noqa: E731
    errors = carry_out(_accidents(), StudySearcher(study, draw, 5), concurrent=2)
    ended = {trial.params["kind"]: trial for trial in study.trials}
    assert [ended[kind].state for kind in range(4)] == [TrialState.FAIL] * 4
    assert (ended[4].state, ended[4].value) == (TrialState.COMPLETE, 0.5)
    assert "epoch 2 is not a number" in ended[0].user_attrs["reason"]
    assert ended[1].user_attrs["reason"] == "loss 'alignment' is nan in epoch 2"
    assert sorted(errors) == ["The actor died unexpectedly before finishing this task.", "ZeroDivisionError: a bug"]


@pytest.mark.ray
def test_what_the_machine_cannot_hold_is_refused(cluster: None, tmp_path: Path) -> None:
    searcher = StudySearcher(_study(tmp_path), _rate, 1)
    with pytest.raises(ConfigurationError, match=r"a run needs 1 CPU and 1000 GPU, this machine has 6 CPU and 0 GPU"):
        carry_out(_humps(), searcher, gpus_per_trial=1000)
