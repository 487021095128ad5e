"""The store: whole runs or none, whoever dies; merged by copying; what is damaged is set aside."""

import errno
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

from kgprism.platform.errors import ConfigurationError, DataError
from kgprism.platform.studies.store.runs import Store
from kgprism.platform.training.outcome import Outcome
from kgprism.platform.training.run import Run

#: Writes one run and dies by SIGKILL when Python reports the given event on the given file.
DYING = """
import os, signal, sys
from pathlib import Path
import numpy as np, torch
from kgprism.platform.data.catalogue import toy
from kgprism.platform.studies.store.runs import Store
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
    assert json.loads((record.folder / "run.json").read_text())["packages"]["torch"] == str(torch.__version__)
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


def test_a_file_in_the_place_of_all_runs_is_named(store: Store, run: Run) -> None:
    store.folder.write_text("a file stands here", encoding="utf-8")
    with pytest.raises(DataError, match=r"runs: not a folder, but runs are kept there: move it away"):
        store.has(run.id)
    assert store.folder.read_text(encoding="utf-8") == "a file stands here"


def test_what_may_not_be_read_or_moved_is_named_and_left(
    store: Store, run: Run, outcome: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = store.write(run, outcome(0.5)).folder

    def refused(*others: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_bytes", refused)
        with pytest.raises(DataError, match=r"run\.json: cannot be read: Permission denied"):
            store.read(run.id)
    assert store.has(run.id)
    (folder / "run.json").write_text("{}", encoding="utf-8")
    monkeypatch.setattr(Path, "rename", refused)
    with pytest.raises(DataError, match=r"cannot be set aside \(Permission denied\): move it away"):
        store.read(run.id)
    assert folder.exists()


@pytest.mark.parametrize("word", ["..", "../runs", "a/b", "", "a\0b", 300 * "x"])
def test_a_word_that_is_no_identity_is_no_run(
    store: Store, run: Run, outcome: Callable[..., Outcome], word: str
) -> None:
    store.write(run, outcome(0.5))
    assert store.read(word) is None
    assert not store.has(word)


def test_why_a_run_failed_may_be_unreadable(store: Store, run: Run) -> None:
    (store.partial(run.id) / "failed.txt").mkdir()
    assert store.failure(run.id) is None
    (store.partial(run.id) / "failed.txt").rmdir()
    (store.partial(run.id) / "failed.txt").write_bytes(b"lost \xe9")
    assert store.failure(run.id) == "lost \N{REPLACEMENT CHARACTER}"


def test_why_a_run_failed_is_kept_until_it_succeeds(store: Store, run: Run, outcome: Callable[..., Outcome]) -> None:
    assert store.failure(run.id) is None
    assert not store.folder.exists()
    store.fail(run.id, "loss is nan")
    assert store.failure(run.id) == "loss is nan"
    assert not store.has(run.id)
    store.write(run, outcome(0.5))
    assert store.failure(run.id) is None


def test_a_run_is_found_by_how_its_identity_begins(store: Store, run: Run, outcome: Callable[..., Outcome]) -> None:
    record = store.write(run, outcome(0.5))
    assert store.find(record.id[:5]) == store.find(record.id) == record
    twin = store.folder / f"{record.id[:8]}{'0' * 8}"
    shutil.copytree(record.folder, twin)
    (twin / "run.json").write_text((twin / "run.json").read_text().replace(record.id, twin.name))
    with pytest.raises(ConfigurationError) as caught:
        store.find(record.id[:8])
    assert (
        str(caught.value) == f"several runs begin with '{record.id[:8]}': {', '.join(sorted((record.id, twin.name)))}"
    )
    assert store.find(record.id[:15]) == record
    for word in ("", "zzzz", "../runs"):
        with pytest.raises(ConfigurationError, match="no finished run"):
            store.find(word)
