"""The store: whole runs or none, whoever dies; merged by copying; a damaged file is named."""

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from kgprism.platform.errors import DataError
from kgprism.platform.studies.store import Store
from kgprism.platform.training.outcome import Outcome
from kgprism.platform.training.run import Run

#: Writes one run and dies by SIGKILL when Python reports the given event on the given file.
DYING = """
import os, signal, sys
from pathlib import Path
import numpy as np, torch
from kgprism.platform.data import toy
from kgprism.platform.studies.store import Store
from kgprism.platform.training.outcome import Chosen, Outcome
from kgprism.platform.training.run import plan
folder, event, name = sys.argv[1:]
run = plan("loginmea", toy.aligned(), 1)
(Store(Path(folder)).partial(run.id) / "checkpoint").write_text("x")
chosen = Chosen(1, {"test/l2r/mrr": 0.5}, {"l2r/realistic": np.arange(3.0)})
outcome = Outcome([{"epoch": 1.0}], {"last": chosen}, {"w": torch.ones(2)}, "finished", 1.0, 1)
def die(what, arguments):
    if what == event and str(arguments[0]).endswith(name):
        os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(die)
Store(Path(folder)).write(run, outcome)
"""


@pytest.fixture
def run() -> Run:
    from kgprism.platform.data import toy
    from kgprism.platform.training.run import plan

    return plan("loginmea", toy.aligned(), 1)


def test_a_run_comes_back_as_it_was(store: Store, run: Run, outcome: Callable[..., Outcome]) -> None:
    assert store.read(run.id) is None
    store.partial(run.id)
    record = store.write(run, outcome(0.5))
    assert store.read(run.id) == record
    assert list(store) == [record]
    assert (record.id, record.dataset, record.seed, record.configuration) == (run.id, "toy", 1, run.configuration)
    assert record.metric("valid", "test/l2r/mrr") == 0.6
    assert record.metric("valid", "test/l2r/none") is None
    assert record.history()["loss"].tolist() == [2.0, 1.0]
    assert record.history()["test/l2r/mrr"].isna().tolist() == [True, False]
    assert np.array_equal(record.ranks("last")["l2r/realistic"], [1.0, 2.5, 3.0])
    assert load_file(record.folder / "model.safetensors")["w"].tolist() == [0, 1, 2]
    assert json.loads((record.folder / "run.json").read_text())["machine"]["torch"] == str(torch.__version__)
    assert [path.name for path in store.folder.iterdir()] == [run.id]


@pytest.mark.parametrize(
    ("event", "name", "finished"),
    [
        ("open", "ranks.npz", False),
        ("open", "run.json", False),
        ("os.rename", "", False),
        ("shutil.rmtree", ".partial", True),
    ],
)
def test_a_kill_leaves_a_whole_run_or_none(
    store: Store, run: Run, outcome: Callable[..., Outcome], event: str, name: str, finished: bool
) -> None:
    died = subprocess.run([sys.executable, "-c", DYING, str(store.folder), event, name], check=False)
    assert died.returncode == -signal.SIGKILL
    assert store.has(run.id) == finished
    assert [record.id for record in store] == ([run.id] if finished else [])
    assert (store.partial(run.id) / "checkpoint").exists()
    assert store.write(run, outcome(0.5)).id == run.id
    assert len(list(store)) == 1
    assert not (store.folder / f"{run.id}.partial").exists()


def test_the_first_of_two_equal_runs_stays(store: Store, run: Run, outcome: Callable[..., Outcome]) -> None:
    first = store.write(run, outcome(0.5))
    assert store.write(run, outcome(0.4)) == first
    assert len(list(store.folder.iterdir())) == 1


def test_stores_merge_by_copying(store: Store, tmp_path: Path, run: Run, outcome: Callable[..., Outcome]) -> None:
    store.write(run, outcome(0.5))
    copied = Store(tmp_path / "copied")
    shutil.copytree(store.folder, copied.folder)
    record = copied.read(run.id)
    assert record is not None
    assert record.metric("last", "test/l2r/hits_at_1") == pytest.approx(0.45)
    assert len(record.ranks("best_test")) == 1


def test_half_a_copy_is_no_run_and_gives_way(store: Store, run: Run, outcome: Callable[..., Outcome]) -> None:
    (store.folder / run.id).mkdir(parents=True)
    (store.folder / run.id / "history.parquet").write_text("half")
    assert not store.has(run.id)
    assert store.write(run, outcome(0.5)).history()["loss"].tolist() == [2.0, 1.0]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"id": "x"}', '{"notes": 3}'])
def test_a_damaged_record_is_named(store: Store, run: Run, outcome: Callable[..., Outcome], text: str) -> None:
    file = store.write(run, outcome(0.5)).folder / "run.json"
    file.write_text(text)
    with pytest.raises(DataError) as caught:
        store.read(run.id)
    assert str(caught.value).startswith(f"{file}: not a run record")
    assert "delete its folder to run it again" in str(caught.value)


def test_a_folder_that_cannot_be_written_is_an_error(store: Store, run: Run, outcome: Callable[..., Outcome]) -> None:
    store.folder.mkdir()
    (store.folder / run.id).write_text("a file stands where the run belongs")
    with pytest.raises(OSError, match=run.id):
        store.write(run, outcome(0.5))


def test_why_a_run_failed_is_kept_until_it_succeeds(store: Store, run: Run, outcome: Callable[..., Outcome]) -> None:
    assert store.failure(run.id) is None
    assert not store.folder.exists()
    store.fail(run.id, "loss is nan")
    assert store.failure(run.id) == "loss is nan"
    assert not store.has(run.id)
    store.write(run, outcome(0.5))
    assert store.failure(run.id) is None
