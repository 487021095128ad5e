"""TensorBoard's files of a suite: curves of every run, hyper-parameters with final metrics, the table as text."""

import shutil
import struct
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any

import pandas as pd
from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter
from torch.utils.tensorboard import SummaryWriter

from kgprism.platform.files import replacing
from kgprism.platform.locks import locked
from kgprism.platform.studies.reports.board import hparams
from kgprism.platform.studies.reports.board.folders import FORM, shows, suffix
from kgprism.platform.studies.reports.entries import Table
from kgprism.platform.studies.reports.render import render
from kgprism.platform.studies.store.record import Record
from kgprism.platform.studies.store.runs import Store
from kgprism.platform.training.outcome import Row

#: How a PNG begins.
PNG = b"\x89PNG\r\n\x1a\n"


class Live:
    """A listener that writes each epoch's row while a run is under way; what the folder had of another run goes."""

    def __init__(self, folder: Path, run_id: str = "") -> None:
        self.folder, self.ending = folder, f".{run_id}.live" if run_id else ".live"
        self.writer: SummaryWriter | None = None

    def __call__(self, row: Row) -> bool:
        """Write one row; never ask to stop."""
        if self.writer is None:
            for file in self.folder.glob("events.*"):
                if not file.name.endswith(self.ending):
                    file.unlink(missing_ok=True)
            # A run that resumes repeats epochs: the viewer drops what it had from here on.
            self.writer = SummaryWriter(str(self.folder), purge_step=int(row["epoch"]), filename_suffix=self.ending)
        _scalars(self.writer, row)
        self.writer.flush()
        return False

    def __enter__(self) -> "Live":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.writer:
            self.writer.close()


def write_run(
    folder: Path, record: Record, labels: Mapping[str, str] | None = None, value: float | None = None
) -> None:
    """Write a finished run's whole curves and its hyper-parameters, in place of what the folder held.

    `labels` are words of its row; `value` is what a search compares its trials by. A folder that already shows this run
    is left alone: nothing is ever drawn twice.
    """
    if shows(folder, record.id):
        return
    with _replacing_folder(folder) as scratch:
        scratch.mkdir()
        name = f"events.out.tfevents.{int(time.time()):010}{suffix(record.id)}"
        with (scratch / name).open("wb") as raw:
            file = RecordWriter(raw)
            for event in _events(record, labels or {}, value):
                file.write(event.SerializeToString())


def write_trial(folder: Path, settings: Mapping[str, Any], state: str, value: float | None, epoch: int) -> None:
    """Write the hyper-parameters of a trial without a result, beside the curves that it has."""
    ending = f".{state}.{FORM}"
    if any(folder.glob(f"*{ending}")):
        return
    # Behind the curves, whose beginning lets viewers drop what came before.
    name = f"events.out.tfevents.{int(time.time()) + 1:010}{ending}"
    with replacing(folder / name) as scratch, scratch.open("wb") as raw:
        file, clock = RecordWriter(raw), time.time()
        summaries = hparams.trial(settings, state)
        if value is not None:
            summaries.append(Summary(value=[Summary.Value(tag=hparams.VALUE, simple_value=value)]))
        for event in (
            Event(wall_time=clock, file_version="brain.Event:2"),
            *(Event(wall_time=clock, step=epoch, summary=summary) for summary in summaries),
        ):
            file.write(event.SerializeToString())


def _events(record: Record, labels: Mapping[str, str], value: float | None) -> Iterator[Event]:
    """Yield what a finished run's file holds, an event an epoch: a writer of TensorBoard's own starts a thread a file,
    and takes an event a number.
    """
    clock = datetime.fromisoformat(record.finished).timestamp() - record.seconds
    yield Event(wall_time=clock, file_version="brain.Event:2")
    # Whoever looks on drops what the folder held before.
    yield Event(wall_time=clock, step=0, session_log=SessionLog(status=SessionLog.START))
    history = {name: column.tolist() for name, column in record.history().items()}
    named = [(str(name), column) for name, column in history.items() if name != "epoch"]
    for n, epoch in enumerate(history["epoch"]):
        row = {name: column[n] for name, column in named if not pd.isna(column[n])}
        clock += row.get("seconds", 0.0)
        values = [Summary.Value(tag=name, simple_value=value) for name, value in row.items()]
        yield Event(wall_time=clock, step=int(epoch), summary=Summary(value=values))
    for summary in hparams.row(record, labels):
        yield Event(wall_time=clock, summary=summary)
    for select, chosen in record.selections.items():
        final = [Summary.Value(tag=name, simple_value=value) for name, value in hparams.metrics(record, select).items()]
        if select == "valid" and value is not None:
            final.append(Summary.Value(tag=hparams.VALUE, simple_value=value))
        yield Event(wall_time=clock, step=int(chosen["epoch"]), summary=Summary(value=final))


def write_columns(
    root: Path,
    store: Store,
    labels: Mapping[str, Iterable[str]] | None = None,
    trials: Iterable[Mapping[str, Any]] | None = None,
) -> None:
    """Write which hyper-parameters and metrics the runs below a folder have, in place of an earlier list.

    `trials` are the settings of a search's trials without a result.
    """
    with _replacing_folder(root / "columns") as scratch, SummaryWriter(str(scratch)) as writer:
        writer.file_writer.add_summary(hparams.columns(hparams.shown(root, store), labels or {}, trials))


def write_table(folder: Path, table: Table) -> None:
    """Write the table as text, in place of an earlier one."""
    with _replacing_folder(folder) as scratch, SummaryWriter(str(scratch)) as writer:
        writer.add_text("table", render(table, "md"))


def write_images(folder: Path, images: Mapping[str, bytes]) -> None:
    """Write PNG images by their names, in place of earlier ones; a folder without any goes."""
    if not images:
        shutil.rmtree(folder, ignore_errors=True)
        return
    with _replacing_folder(folder) as scratch:
        scratch.mkdir()
        with (scratch / f"events.out.tfevents.{int(time.time()):010}.images").open("wb") as raw:
            file = RecordWriter(raw)
            file.write(Event(wall_time=time.time(), file_version="brain.Event:2").SerializeToString())
            for name, data in images.items():
                # A PNG begins with its signature, the length and the name of its head, then both sizes.
                width, height = struct.unpack(">II", data[16:24])
                image = Summary.Image(width=width, height=height, colorspace=4, encoded_image_string=data)
                summary = Summary(value=[Summary.Value(tag=name, image=image)])
                file.write(Event(wall_time=time.time(), step=0, summary=summary).SerializeToString())


@contextmanager
def _replacing_folder(folder: Path) -> Iterator[Path]:
    """Yield a scratch folder that takes a folder's place when all went well; what kills left of earlier ones goes.

    One process at a time: another one's scratch is no left-over.
    """
    with locked(folder.parent / f".lock-{folder.name}"):
        for left_over in folder.parent.glob(f".{folder.name}.*"):
            shutil.rmtree(left_over)
        with replacing(folder) as scratch:
            yield scratch
            shutil.rmtree(folder, ignore_errors=True)


def _scalars(writer: SummaryWriter, row: Mapping[str, float]) -> None:
    """Write a row as it is now."""
    for name, value in row.items():
        if name != "epoch" and not pd.isna(value):
            writer.add_scalar(name, value, int(row["epoch"]))
