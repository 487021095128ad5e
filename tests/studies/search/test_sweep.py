"""Whole searches: what they leave in the store and the study, and a driver that is killed."""

import fcntl
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
import ray

from kgprism.platform.cluster.session import share
from kgprism.platform.data.catalogue import toy
from kgprism.platform.errors import ConfigurationError, RunError
from kgprism.platform.studies.search.objective import RunObjective
from kgprism.platform.studies.search.request import request
from kgprism.platform.studies.search.searcher import TrialNews
from kgprism.platform.studies.search.spaces import space as spaces
from kgprism.platform.studies.search.spaces.samplers import Search
from kgprism.platform.studies.search.spaces.space import Space
from kgprism.platform.studies.search.sweep import run_sweep
from kgprism.platform.studies.store.runs import Store

RANDOM = Search(sampler="random", startup=3)
FILE = """\
schema: 1
space: tiny
method: loginmea
params:
  fusion: {type: choice, of: [low_rank, sum]}
  fusion.rank: {type: int, low: 1, high: 4, when: {fusion: low_rank}}
  train.learning_rate: {type: float, low: 1e-3, high: 1e-2, log: true}
start:
  - {fusion: sum, train.learning_rate: 5e-3}
search: {sampler: random, trials: 3}
"""
SMALL = {
    "train.epochs": 6,
    "train.checkpoint_seconds": 0,
    "eval.every": 1,
    "modal_width": 8,
    "graph_width": 8,
    "structure": "none",
    "pseudo_pairs": "none",
}


@pytest.fixture
def tiny(tmp_path: Path) -> Space:
    (tmp_path / "tiny.yaml").write_text(FILE)
    return spaces.read(str(tmp_path / "tiny.yaml"))


@pytest.mark.ray
def test_a_search_fills_the_store_and_is_not_repeated(cluster: None, tmp_path: Path, tiny: Space) -> None:
    store, heard = Store(tmp_path / "runs"), list[TrialNews]()
    sweep = run_sweep(tiny, toy.aligned(), store=store, overrides=SMALL, concurrent=2, listener=heard.append)
    assert sweep.errors == ()
    assert sweep.trials["state"].tolist() == ["COMPLETE"] * 3
    first = sweep.trials.iloc[0]
    assert (first["params_fusion.kind"], first["params_train.learning_rate"]) == ("sum", 0.005)
    values = {record.id: record.history()["valid/l2r/hits_at_1"].max() for record in store}
    assert dict(zip(sweep.trials["user_attrs_run"], sweep.trials["value"], strict=True)) == pytest.approx(values)
    assert sweep.best is not None
    assert values[sweep.best.id] == max(values.values())
    assert {key: sweep.best.configuration[key] for key in sweep.overrides} == sweep.overrides
    assert Counter(news.state for news in heard)["complete"] == 3
    assert sweep.storage == f"sqlite:///{os.environ['KGPRISM_HOME']}/studies/tiny/optuna.db"

    again = list[TrialNews]()
    more = run_sweep(tiny, toy.aligned(), store=store, overrides=SMALL, trials=3, resume=True, listener=again.append)
    assert again == []
    assert more.best == sweep.best
    elsewhere = f"sqlite:///{tmp_path}/elsewhere.db"
    run_sweep(tiny, toy.aligned(), store=store, overrides=SMALL, storage=elsewhere, listener=again.append)
    # A new study meets the same configurations: their runs are there already.
    assert [news.state for news in again] == ["complete"] * 3


@pytest.mark.ray
def test_two_searches_on_one_storage_do_not_mix(cluster: None, tmp_path: Path, tiny: Space) -> None:
    store, settings = Store(tmp_path / "runs"), SMALL | {"train.epochs": 1}
    one, two = (run_sweep(tiny, toy.aligned(), store=store, overrides=settings, trials=1, seed=seed) for seed in (0, 1))
    assert one.storage == two.storage
    assert one.study_name != two.study_name
    assert len(one.trials) == len(two.trials) == 1
    assert {record.seed for record in store} == {0, 1}


@pytest.mark.ray
def test_resuming_needs_an_earlier_search(cluster: None, tmp_path: Path, tiny: Space) -> None:
    with pytest.raises(ConfigurationError, match=r"--resume: sqlite:.*holds no trial of this search"):
        run_sweep(tiny, toy.aligned(), store=Store(tmp_path / "runs"), overrides=SMALL, resume=True)


def test_a_search_needs_validation_pairs(tmp_path: Path, tiny: Space) -> None:
    blind = {"eval.valid_ratio": 0, "eval.select": "last"}
    with pytest.raises(ConfigurationError, match=r"eval.valid_ratio is 0: valid/l2r/hits_at_1 needs"):
        run_sweep(tiny, toy.aligned(), store=Store(tmp_path / "runs"), overrides=blind)


@pytest.mark.ray
def test_a_stopped_run_leaves_nothing_in_the_store(cluster: None, tmp_path: Path) -> None:
    hopeless = FILE.replace("low: 1e-3", "low: 1e-9").replace(
        "search:", "  - {train.learning_rate: 1e-9}\nschedule: {kind: asha, min: 4, max: 6, eta: 4}\nsearch:"
    )
    (tmp_path / "tiny.yaml").write_text(hopeless)
    space, store = spaces.read(str(tmp_path / "tiny.yaml")), Store(tmp_path / "runs")
    sweep = run_sweep(space, toy.aligned(), store=store, overrides=SMALL, trials=2, concurrent=1)
    assert sweep.trials["state"].tolist() == ["COMPLETE", "PRUNED"]
    assert [file.name for file in store.folder.iterdir()] == [sweep.trials["user_attrs_run"][0]]


@pytest.mark.ray
def test_a_process_with_other_code_refuses(cluster: None, tmp_path: Path) -> None:
    data = share(toy.aligned())
    trial = RunObjective("loginmea", None, SMALL, 0, "valid/l2r/mrr", tmp_path / "runs", data, base="of other code")
    with pytest.raises(RunError, match="the code of loginmea has changed since this search was started"):
        trial({}, lambda epoch, value: None)
    assert not (tmp_path / "runs").exists()


def test_the_same_search_does_not_run_twice_at_once(own_home: Path, tmp_path: Path, tiny: Space) -> None:
    data, store = toy.aligned(), Store(tmp_path / "runs")
    name = request(tiny, data, overrides=SMALL).name
    lock = own_home / "studies" / "tiny" / f"{name}.lock"
    lock.parent.mkdir(parents=True)
    with lock.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        with pytest.raises(ConfigurationError, match="running in another process"):
            run_sweep(tiny, data, store=store, overrides=SMALL)


DRIVER = """\
import sys
from pathlib import Path
from kgprism.platform.data.catalogue import toy
from kgprism.platform.studies.search.spaces import space
from kgprism.platform.cluster.session import session
from kgprism.platform.studies.store.runs import Store
from kgprism.platform.studies.search.sweep import run_sweep

def told(news):
    print(news.trial, news.state, news.identity, news.epoch, flush=True)

address, folder = sys.argv[1], Path(sys.argv[2])
with session(address):
    run_sweep(
        space.read(folder / "tiny.yaml"), toy.aligned(), store=Store(folder / "runs"), overrides=%r,
        concurrent=1, listener=told,
    )
"""


@pytest.mark.ray
def test_a_killed_driver_loses_no_finished_trial(cluster: None, tmp_path: Path, tiny: Space) -> None:
    (tmp_path / "driver.py").write_text(DRIVER % SMALL)
    address = ray.get_runtime_context().gcs_address
    command = [sys.executable, str(tmp_path / "driver.py"), address, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as driver:
        assert driver.stdout is not None
        before = []
        for line in driver.stdout:
            before.append(line.split())
            # Reported epoch 4 of the second trial: its checkpoint of epoch 3 is on the disk.
            if before[-1][:2] == ["1", "running"] and before[-1][3] == "4":
                driver.kill()
                break
    assert before[-1][3] == "4", before
    (lost,) = {line[2] for line in before if line[0] == "1"}
    store, heard = Store(tmp_path / "runs"), list[TrialNews]()
    assert not store.has(lost)
    sweep = run_sweep(tiny, toy.aligned(), store=store, overrides=SMALL, concurrent=1, listener=heard.append)
    assert sweep.trials["state"].tolist() == ["COMPLETE", "FAIL", "COMPLETE", "COMPLETE"]
    resumed = [news.epoch for news in heard if news.identity == lost and news.epoch]
    assert resumed[0] >= 4, "it went on from a checkpoint: the process that trained may have lived an epoch longer"
    record = store.read(lost)
    assert record is not None
    assert record.history()["epoch"].tolist() == [1, 2, 3, 4, 5, 6]
    assert sum(1 for _ in store) == 3
