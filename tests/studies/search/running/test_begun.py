"""A spent budget and a kill: what had begun before is carried out, and nothing else; nor is who lives interrupted."""

import fcntl
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState

from kgprism.platform.data.catalogue import toy
from kgprism.platform.errors import ConfigurationError
from kgprism.platform.studies.search.driver import ATTRIBUTE, Driving
from kgprism.platform.studies.search.listing import searches
from kgprism.platform.studies.search.request import Request, request
from kgprism.platform.studies.search.sampling.attributes import AGAIN
from kgprism.platform.studies.search.spaces import space as spaces
from kgprism.platform.studies.search.spaces.samplers import Search
from kgprism.platform.studies.search.study import begun, continued
from kgprism.platform.studies.search.sweep import _lock, found_already, search
from kgprism.platform.studies.store.runs import Store

FILE = """\
schema: 1
space: tiny
method: loginmea
params:
  train.learning_rate: {type: float, low: 1e-3, high: 1e-1, log: true}
search: {sampler: random, trials: 5, budget: 1h}
"""
SMALL = {"modalities": ["relation"], "train.epochs": 1, "eval.every": 1, "modal_width": 8, "graph_width": 8}
SMALL |= {"structure": "none", "pseudo_pairs": "none"}


@pytest.fixture
def wanted(tmp_path: Path) -> Request:
    (tmp_path / "tiny.yaml").write_text(FILE)
    return request(spaces.read(str(tmp_path / "tiny.yaml")), toy.aligned(), overrides=SMALL, name="mine")


@pytest.fixture
def killed(wanted: Request) -> optuna.Study:
    """Return a study whose budget was spent while two trials ran, whose driver was killed."""
    study = begun(wanted.name, wanted.storage, wanted.goal)
    for key, value in wanted.asked().model_dump().items():
        study.set_user_attr(key, value)
    for number in range(2):
        trial = study.ask()
        wanted.region.suggest(trial)
        trial.set_user_attr("run", f"{number:016}")
    study.set_user_attr("spent", {"seconds": 4000.0})
    study.set_user_attr(ATTRIBUTE, Driving(study)._self().model_dump() | {"heard": 1.0})
    return study


def test_what_had_begun_is_carried_out_and_nothing_else(inline: None, wanted: Request, killed: optuna.Study) -> None:
    store, before = Store(), [trial.params for trial in killed.trials]
    assert found_already(wanted, store) is None
    assert searches()[0].state == "interrupted"
    sweep = search(wanted, store)
    assert sweep.trials["state"].tolist() == ["FAIL", "FAIL", "COMPLETE", "COMPLETE"]
    assert [trial.params for trial in killed.trials] == before * 2
    assert sweep.best is not None
    assert sweep.ended.startswith("the budget of 1h is spent")
    again = found_already(wanted, store)
    assert again is not None
    assert again.best == sweep.best
    assert searches()[0].state == "finished"
    assert "user_attrs_again" not in sweep.trials
    # Killed after a run was stored and before the study heard of it: its answer makes no place for another one.
    late = begun("late", wanted.storage, wanted.goal)
    late.set_user_attr("spent", {"seconds": 4000.0})
    late.enqueue_trial(before[0])
    trial = late.ask()
    wanted.region.suggest(trial)
    trial.set_user_attr("run", "0" * 16)
    assert search(replace(wanted, name="late"), store).trials["state"].tolist() == ["FAIL", "COMPLETE"]


def test_a_second_kill_before_they_are_begun_again_loses_none(wanted: Request, killed: optuna.Study) -> None:
    for _ in range(2):
        continued(killed, wanted.storage, Search(sampler="random"), 0)
        assert found_already(wanted, Store()) is None
        again = [trial for trial in killed.trials if trial.state == TrialState.WAITING]
        assert [trial.user_attrs[AGAIN] for trial in again] == [0, 1]


@pytest.mark.parametrize("here", [True, False])
def test_who_still_finishes_its_trials_is_not_answered_for(wanted: Request, killed: optuna.Study, here: bool) -> None:
    told: dict[str, Any] = Driving(killed)._self().model_dump()
    killed.set_user_attr(ATTRIBUTE, told if here else told | {"home": "/elsewhere"})
    lock = _lock(wanted)
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as handle:
        if here:
            fcntl.flock(handle, fcntl.LOCK_EX)
        with pytest.raises(ConfigurationError, match="running in another process"):
            found_already(wanted, Store())
