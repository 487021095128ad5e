"""One process at a time carries a search out, whatever home it comes from; a dead one's trials are freed."""

import subprocess
import sys
import time
from contextlib import nullcontext
from functools import partial
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState

from kgprism.platform.errors import ConfigurationError
from kgprism.platform.studies.search.driver import ATTRIBUTE, driver_of, driving
from kgprism.platform.studies.search.searcher import StudySearcher
from kgprism.platform.studies.search.spaces.comparison import Goal
from kgprism.platform.studies.search.spaces.samplers import Search
from kgprism.platform.studies.search.study import alone_at, begun, continued, evaluated, sqlite
from kgprism.platform.studies.search.trainable import CURVE, EPOCH, VALUE

BEAT = 0.05
RANDOM = Search(sampler="random")


def rate(trial: optuna.Trial) -> dict[str, float]:
    return {"rate": trial.suggest_float("rate", 0, 1)}


@pytest.fixture
def storage(tmp_path: Path) -> str:
    return sqlite(tmp_path / "optuna.db")


@pytest.fixture
def study(storage: str) -> optuna.Study:
    return begun("s", storage, Goal())


@pytest.mark.slow
def test_two_homes_share_a_storage(
    storage: str, study: optuna.Study, other_driver: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim = partial(driving, study, partial(alone_at, storage), BEAT)
    command = [sys.executable, "-c", other_driver, storage, str(BEAT)]
    monkeypatch.setenv("KGPRISM_HOME", "/elsewhere")
    other = subprocess.Popen(command, stdin=-1, stdout=-1, text=True)
    monkeypatch.setenv("KGPRISM_HOME", "/here")
    assert other.stdout is not None
    assert other.stdout.readline() == "0\n"
    with pytest.raises(ConfigurationError, match=f"running in another process: process {other.pid} on "), claim():
        pass
    assert study.trials[0].state == TrialState.RUNNING
    said, _ = other.communicate("go on\n")
    assert (said, other.returncode) == ("through\n", 0)
    assert study.trials[0].value == 0.5
    assert study.user_attrs[ATTRIBUTE] is None

    monkeypatch.setenv("KGPRISM_HOME", "/elsewhere")
    killed = subprocess.Popen(command, stdin=-1, stdout=-1, text=True)
    monkeypatch.setenv("KGPRISM_HOME", "/here")
    assert killed.stdout is not None
    assert killed.stdout.readline() == "1\n"
    killed.kill()
    killed.communicate()
    time.sleep(7 * BEAT)
    with claim():
        continued(study, storage, RANDOM, 0)
        assert [trial.state for trial in study.trials] == [TrialState.COMPLETE, TrialState.FAIL, TrialState.WAITING]


def test_a_driver_is_heard_again_and_again(study: optuna.Study) -> None:
    with driving(study, lambda: nullcontext(True), BEAT) as driver:
        first = driver_of(study)
        assert first is not None
        end = time.monotonic() + 10
        while driver_of(study) == first:
            assert time.monotonic() < end
            time.sleep(BEAT / 5)
        assert not driver.lost
    assert driver_of(study) is None


def test_an_old_heartbeat_is_given_time_to_be_heard(study: optuna.Study, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other machine's clock is behind: what it says is always old, but never the same."""
    monkeypatch.setenv("KGPRISM_HOME", "/elsewhere")
    with driving(study, lambda: nullcontext(True), BEAT):
        monkeypatch.setenv("KGPRISM_HOME", "/here")
        now = time.time
        monkeypatch.setattr("kgprism.platform.studies.search.driver.time.time", lambda: now() + 1000 * BEAT)
        with (
            pytest.raises(ConfigurationError, match="running in another process"),
            driving(study, lambda: nullcontext(True), 3 * BEAT),
        ):
            pass


def test_the_same_home_goes_on_at_once(study: optuna.Study) -> None:
    """Who holds the home's lock knows that the one that is still told of was killed."""
    with driving(study, lambda: nullcontext(True), 60) as one:
        began = time.monotonic()
        with driving(study, lambda: nullcontext(True), 60):
            assert time.monotonic() - began < 5
        assert not one.lost


def test_who_was_taken_over_ends_without_an_error(storage: str, study: optuna.Study) -> None:
    """Such as on a machine that slept: its trial was freed by another driver, and is told nothing any more."""
    lost: list[bool] = []
    searcher = StudySearcher(study, rate, 3, lost=lambda: bool(lost))
    searcher.suggest("a")
    searcher.suggest("b")
    continued(begun("s", storage, Goal()), storage, RANDOM, 0)
    before = [trial.state for trial in study.trials]
    searcher.on_trial_result("a", {EPOCH: 1, VALUE: 0.5})
    searcher.on_trial_complete("a", {EPOCH: 2, VALUE: 0.7, CURVE: [(1, 0.5), (2, 0.7)]})
    searcher.on_trial_complete("b", None, error=True)
    lost.append(True)
    assert searcher.suggest("c") == searcher.FINISHED
    assert [trial.state for trial in study.trials] == before
    assert list(evaluated(study)) == []
