"""TensorBoard's files of a suite: curves of every run, hyper-parameters with final metrics, the table as text."""

import shutil
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any
from uuid import uuid4

import pandas as pd
from torch.utils.tensorboard import SummaryWriter
from torch.utils.tensorboard.summary import hparams

from kgprism.platform.studies.cells import Cell
from kgprism.platform.studies.render import render
from kgprism.platform.studies.store import Record
from kgprism.platform.studies.table import Table
from kgprism.platform.training.outcome import Row

#: The metrics beside the hyper-parameters, one for each way to pick the epoch; the curves hold all others.
HEADLINES = ("hits_at_1", "hits_at_10", "mrr")


def folder(root: Path, cell: Cell) -> Path:
    """Return where a cell's curves are: ``<root>/<dataset>-<ratio>/<variant>/seed-<n>``."""
    place = cell.dataset if cell.seed_ratio is None else f"{cell.dataset}-{cell.seed_ratio:g}"
    return root / place / cell.variant / f"seed-{cell.seed}"


class Live:
    """A listener that writes each epoch's row while a run is under way."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.writer: SummaryWriter | None = None

    def __call__(self, row: Row) -> bool:
        """Write one row; never ask to stop."""
        if self.writer is None:
            # A run that resumes repeats epochs: the viewer drops what it had from here on.
            self.writer = SummaryWriter(str(self.folder), purge_step=int(row["epoch"]), filename_suffix=".live")
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


def write_run(folder: Path, record: Record, labels: Mapping[str, str] | None = None) -> None:
    """Write a finished run's whole curves and its hyper-parameters, in place of what the folder held.

    A folder that already shows this run is left alone: nothing is ever drawn twice.
    """
    if any(folder.glob(f"*.{record.id}")):
        return
    with (
        _Replaced(folder) as scratch,
        SummaryWriter(str(scratch), purge_step=0, filename_suffix=f".{record.id}") as writer,
    ):
        clock = datetime.fromisoformat(record.finished).timestamp() - record.seconds
        for row in record.history().to_dict("records"):
            clock += row.get("seconds", 0.0)
            _scalars(writer, row, clock)
        settings = {"method": record.method, "dataset": record.dataset, "seed": record.seed, **(labels or {})}
        settings |= {key: _plain(value) for key, value in record.configuration.items()}
        tested = f"test/{record.configuration['eval.direction']}"
        metrics = {
            f"selected/{select}/{name}": chosen["metrics"][f"{tested}/{name}"]
            for select, chosen in record.selections.items()
            for name in HEADLINES
            if f"{tested}/{name}" in chosen["metrics"]
        }
        for summary in hparams(settings, metrics):
            writer.file_writer.add_summary(summary)
        for name, value in metrics.items():
            writer.add_scalar(name, value)


def write_table(folder: Path, table: Table) -> None:
    """Write the table as text, in place of an earlier one."""
    with _Replaced(folder) as scratch, SummaryWriter(str(scratch)) as writer:
        writer.add_text("table", render(table, "md"))


class _Replaced:
    """A scratch folder that takes a folder's place when all went well."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.scratch = folder, folder.with_name(f".{folder.name}.{uuid4().hex[:8]}")

    def __enter__(self) -> Path:
        for left_over in self.folder.parent.glob(f".{self.folder.name}.*"):
            shutil.rmtree(left_over)
        return self.scratch

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            shutil.rmtree(self.folder, ignore_errors=True)
            self.scratch.rename(self.folder)
        else:
            shutil.rmtree(self.scratch, ignore_errors=True)


def _scalars(writer: SummaryWriter, row: Mapping[str, float], clock: float | None = None) -> None:
    """Write a row as it was at a wall time, in seconds since 1970; now by default."""
    for name, value in row.items():
        if name != "epoch" and not pd.isna(value):
            writer.add_scalar(name, value, int(row["epoch"]), walltime=clock)


def _plain(value: Any) -> str | int | float | bool:
    """Return a value that the HParams view knows."""
    return value if isinstance(value, str | int | float | bool) else str(value)
