"""How far a run is that has no result yet: noted by the process that carries it out, read by whoever asks."""

import os
import socket
import time
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from kgprism.platform.files import replacing
from kgprism.platform.kept import DamagedError, Kept, read
from kgprism.platform.locks import held
from kgprism.platform.studies.store import machine
from kgprism.platform.studies.store.duration import duration
from kgprism.platform.studies.store.ownership import lock_of
from kgprism.platform.studies.store.runs import CANNOT, Store

if TYPE_CHECKING:
    from kgprism.platform.training.loop import Listener
    from kgprism.platform.training.outcome import Row
    from kgprism.platform.training.run import Run

FILE, CHECKPOINT = "progress.json", "checkpoint.pt"
#: Least seconds between two notes.
_PAUSE = 1.0


class Progress(Kept):
    """What is noted; ``kept`` is the epoch that the checkpoint holds, ``pace`` the seconds an epoch took here."""

    host: str
    pid: int
    since: float
    noted: float
    epoch: int = Field(ge=0)
    epochs: int
    kept: int = Field(ge=0)
    pace: float = Field(ge=0)
    dataset: str = ""
    # Earlier versions did not note these.
    method: str = ""
    seed: int | None = None

    def left(self) -> float | None:
        """Return the seconds until the last epoch, none before the first."""
        return max(0.0, (self.epochs - self.epoch) * self.pace - (time.time() - self.noted)) if self.pace else None


class Noting:
    """A listener that notes each epoch in a run's partial folder, and hands it on. It begins when it is made."""

    def __init__(self, store: Store, run: "Run", listener: "Listener | None" = None) -> None:
        self.folder, self.listener, self.run = store.partial(run.id), listener, run
        self.epochs, self.since = int(run.configuration["train.epochs"]), time.time()
        self.kept = resumed_epoch(store, run.id)
        self.checkpoint = _changed(self.folder / CHECKPOINT)
        self.seconds, self.told, self.noted = 0.0, 0, 0.0
        machine.code()  # as it is now: it may be edited while the run is going on
        with suppress(OSError):  # it is tried again: what it failed of before is no longer so
            (self.folder / "failed.txt").unlink(missing_ok=True)
        self._note(self.kept)

    def __call__(self, row: "Row") -> bool:
        """Note an epoch that has ended."""
        self.seconds, self.told = self.seconds + row.get("seconds", 0.0), self.told + 1
        written = _changed(self.folder / CHECKPOINT)
        fresh = written != self.checkpoint
        if fresh:  # it is written after the row of its epoch was told
            self.kept, self.checkpoint = int(row["epoch"]) - 1, written
        if fresh or self.told == 1 or time.time() - self.noted >= _PAUSE:
            self._note(int(row["epoch"]))
        return self.listener(row) if self.listener else False

    def _note(self, epoch: int) -> None:
        self.noted = time.time()
        progress = Progress(
            host=socket.gethostname(),
            pid=os.getpid(),
            since=self.since,
            noted=self.noted,
            epoch=epoch,
            epochs=self.epochs,
            kept=self.kept,
            pace=self.seconds / self.told if self.told else 0.0,
            dataset=self.run.dataset,
            method=self.run.method,
            seed=self.run.seed,
        )
        # A note that cannot be written ends no run: a full disk is found when it matters.
        with suppress(OSError), replacing(self.folder / FILE) as scratch:
            scratch.write_text(progress.model_dump_json(), encoding="utf-8")


@dataclass(frozen=True)
class Status:
    """What became of a run that was asked for; ``reason`` is why it failed."""

    state: Literal["finished", "running", "interrupted", "failed", "to run"]
    progress: Progress | None = None
    reason: str = ""

    def __str__(self) -> str:
        """Say it in one line: ``running: node1, process 17, since 2026-01-31 09:30, epoch 3 of 10, 50 s left``."""
        if self.state == "failed":
            return self.reason if self.reason.startswith(CANNOT) else f"failed: {self.reason}"
        if self.progress is None or self.state not in ("running", "interrupted"):
            return self.state
        told = self.progress
        if self.state == "interrupted":
            return f"interrupted: epoch {told.epoch} of {told.epochs}, goes on from epoch {told.kept}"
        since = datetime.fromtimestamp(told.since, UTC).astimezone().strftime("%Y-%m-%d %H:%M")
        left = "" if (seconds := told.left()) is None else f", {duration(seconds)} left"
        return f"running: {told.host}, process {told.pid}, since {since}, epoch {told.epoch} of {told.epochs}{left}"


def status(store: Store, run_id: str) -> Status:
    """Return what became of a run."""
    return Status("finished") if store.has(run_id) else unfinished(store, run_id)


def unfinished(store: Store, run_id: str) -> Status:
    """Return what became of a run that has no result."""
    progress = _read(store, run_id)
    if held(lock_of(store, run_id)):
        return Status("running", progress)
    if (reason := store.failure(run_id)) is not None:
        return Status("failed", progress, reason)
    begun = progress or (store.folder / f"{run_id}.partial" / CHECKPOINT).exists()
    return Status("interrupted" if begun else "to run", progress)


def underway(store: Store, datasets: Collection[str]) -> list[str]:
    """Return the runs on these datasets that a living process carries out."""
    going = sorted(folder.name.removesuffix(".partial") for folder in store.folder.glob("*.partial"))
    noted = {run_id: _read(store, run_id) for run_id in going if held(lock_of(store, run_id))}
    return [run_id for run_id, progress in noted.items() if progress and progress.dataset in datasets]


def resumed_epoch(store: Store, run_id: str) -> int:
    """Return the epoch that a run would go on from; 0 where there is no checkpoint, or nothing is known of it."""
    folder, progress = store.folder / f"{run_id}.partial", _read(store, run_id)
    written = _changed(folder / CHECKPOINT)
    if progress is None or not written:
        return 0
    return progress.epoch if written > progress.noted * 1e9 else progress.kept


def _read(store: Store, run_id: str) -> Progress | None:
    """Return what was noted; a note that is damaged tells nothing, and nothing depends on it."""
    try:
        return read(store.folder / f"{run_id}.partial" / FILE, Progress)
    except DamagedError:
        return None


def _changed(file: Path) -> int:
    """Return when a file was last written, in nanoseconds; 0 where there is none."""
    try:
        return file.stat().st_mtime_ns
    except OSError:
        return 0
