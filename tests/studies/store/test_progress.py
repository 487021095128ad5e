"""What becomes of a run that has no result: running where and how far, interrupted at which epoch, failed of what."""

import os
import socket
import time
from pathlib import Path

import pytest

from kgprism.platform.data.catalogue import toy
from kgprism.platform.errors import RunError
from kgprism.platform.studies.store.duration import duration
from kgprism.platform.studies.store.ownership import owning
from kgprism.platform.studies.store.progress import FILE, Noting, Progress, resumed_epoch, status
from kgprism.platform.studies.store.runs import Store
from kgprism.platform.training.outcome import Row
from kgprism.platform.training.run import Run, execute, plan

TINY = {"graph_width": 8, "modal_width": 8, "eval.every": 2, "pseudo_pairs": "none", "train.epochs": 4}


@pytest.fixture
def run() -> Run:
    return plan("loginmea", toy.aligned(), 1, {**TINY, "train.checkpoint_seconds": 0})


def test_a_run_from_nothing_to_its_result(store: Store, run: Run) -> None:
    assert str(status(store, run.id)) == "to run"
    said: list[str] = []
    with owning(store, run.id):
        noting = Noting(store, run, lambda row: said.append(str(status(store, run.id))) or False)
        assert status(store, run.id).state == "running"
        outcome = execute(run, toy.aligned(), folder=store.partial(run.id), listener=noting)
        store.write(run, outcome)
    assert str(status(store, run.id)) == "finished"
    here = f"running: {socket.gethostname()}, process {os.getpid()}, since {time.strftime('%Y-%m-%d ')}"
    assert said[0].startswith(here)
    assert ", epoch 1 of 4, " in said[0]
    assert said[0].endswith(" s left")


def test_an_interrupted_run_tells_its_epoch_and_the_one_that_it_goes_on_from(store: Store, run: Run) -> None:
    def dies(row: Row) -> bool:
        if row["epoch"] == 3:
            raise KeyboardInterrupt
        return False

    with owning(store, run.id), pytest.raises(KeyboardInterrupt):
        execute(run, toy.aligned(), folder=store.partial(run.id), listener=Noting(store, run, dies))
    found = status(store, run.id)
    assert (found.state, resumed_epoch(store, run.id)) == ("interrupted", 2)
    assert str(found) == f"interrupted: epoch {found.progress.epoch} of 4, goes on from epoch {found.progress.kept}"
    again = Noting(store, run)
    assert again.kept == 2
    rows: list[Row] = []
    execute(run, toy.aligned(), folder=store.partial(run.id), listener=lambda row: bool(rows.append(row)))
    assert rows[0]["epoch"] == 3


def test_a_failed_run_says_of_what_until_it_is_begun_again(store: Store, run: Run) -> None:
    store.fail(run.id, "loss 'x' is nan")
    assert str(status(store, run.id)) == "failed: loss 'x' is nan"
    with owning(store, run.id):
        assert str(status(store, run.id)) == "running"
        Noting(store, run)
    assert status(store, run.id).state == "interrupted"


def test_what_is_noted_never_ends_a_run_nor_a_report(store: Store, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*others: object, **options: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    assert Noting(store, run)({"epoch": 1.0, "seconds": 1.0}) is False
    monkeypatch.undo()
    for text in ("", "{}", '{"epoch": -1}', "[]"):
        (store.partial(run.id) / FILE).write_text(text)
        assert (str(status(store, run.id)), resumed_epoch(store, run.id)) == ("to run", 0)
    (store.partial(run.id) / "checkpoint.pt").write_text("written by an earlier version")
    assert str(status(store, run.id)) == "interrupted"
    with pytest.raises(RunError):
        Noting(store, run, _raise)({"epoch": 1.0})


def _raise(row: Row) -> bool:
    raise RunError("no")


def test_time_left() -> None:
    now = time.time()
    told = Progress(host="a", pid=1, since=now, noted=now - 10, epoch=4, epochs=10, kept=0, pace=10.0)
    assert told.left() == pytest.approx(50, abs=1)
    assert told.model_copy(update={"pace": 0.0}).left() is None
    assert told.model_copy(update={"epoch": 10}).left() == 0
    assert [duration(s) for s in (4.6, 98.0, 150.0, 5400.0, 11000.0)] == [
        "5 s",
        "98 s",
        "2 min",
        "90 min",
        "3 h 03 min",
    ]
