"""A cell of a passport made again, here: do the same settings on the same data give the same numbers?"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from kgprism.platform.data.catalogue import choice, datasets
from kgprism.platform.errors import ConfigurationError, DataError, nearest
from kgprism.platform.settings import METRICS, SELECTIONS
from kgprism.platform.studies.passport.archive import Passport, Stamp, read, unpacked
from kgprism.platform.studies.reports.words import lowest
from kgprism.platform.studies.store import machine
from kgprism.platform.studies.store.comparison import Difference
from kgprism.platform.studies.store.record import Record
from kgprism.platform.training.loop import Listener, quiet
from kgprism.platform.training.outcome import Outcome
from kgprism.platform.training.run import Run, execute, source_digest


@dataclass(frozen=True)
class Compared:
    """One number of the test split: in the passport and here."""

    select: str
    metric: str
    there: float
    here: float | None

    @property
    def apart(self) -> float:
        """How far they are from each other; without bound where there is none here."""
        return abs(self.there - self.here) if self.here is not None else float("inf")


@dataclass(frozen=True)
class Checked:
    """A cell made again: its numbers, and what of code, packages and machine is not as it was."""

    stamp: Stamp
    numbers: list[Compared]
    unlike: list[Difference]

    @property
    def apart(self) -> float:
        """The largest difference of a share or a mean reciprocal rank, all of which lie between 0 and 1."""
        kept = [one.apart for one in self.numbers if not lowest(one.metric)]
        return max(kept, default=float("inf"))


def verify(
    file: Path,
    row: str,
    *,
    dataset: str | None = None,
    seed: int | None = None,
    listener: Listener = quiet,
    told: Callable[[Stamp], None] = lambda stamp: None,
) -> Checked:
    """Make a row's first cell again, in this process; `dataset` and `seed` choose another one of that row.

    Raises:
        DataError: if the passport is none, was changed, or its dataset is another one here.
        ConfigurationError: if there is no such cell, or its settings are none of this version's.
    """
    stamp = _chosen(read(file), row, dataset, seed)
    with TemporaryDirectory() as scratch:
        record = unpacked(file, stamp.run, Path(scratch))
    run = Run(record.method, record.dataset, record.fingerprint, record.seed, record.configuration, record.notes)
    data = choice.chosen(run.settings, datasets.load(record.dataset))
    if record.fingerprint != data.fingerprint:
        raise DataError(
            f"{record.dataset} here is not that of the passport (fingerprint {data.fingerprint}, there "
            f"{record.fingerprint}): import the same files"
        )
    told(stamp)
    return Checked(stamp, _compared(record, execute(run, data, listener=listener)), _unlike(record))


def _chosen(passport: Passport, row: str, dataset: str | None, seed: int | None) -> Stamp:
    rows = dict.fromkeys(stamp.variant for stamp in passport.cells)
    if row not in rows:
        raise ConfigurationError(f"--cell: the passport has no finished row '{row}'{nearest(row, rows)}")
    found = [
        stamp
        for stamp in passport.cells
        if stamp.variant == row and dataset in (None, stamp.dataset) and seed in (None, stamp.seed)
    ]
    if not found:
        had = ", ".join(f"{s.dataset} with seed {s.seed}" for s in passport.cells if s.variant == row)
        raise ConfigurationError(f"--cell: the passport has row '{row}' on {had}")
    return found[0]


def _compared(record: Record, outcome: Outcome) -> list[Compared]:
    made = {str(name): chosen.metrics for name, chosen in outcome.selections.items()}
    return [
        Compared(select, name, value, made.get(select, {}).get(name))
        for select in SELECTIONS
        for name, value in record.selections.get(select, {"metrics": {}})["metrics"].items()
        if name.startswith("test/") and name.rpartition("/")[2] in METRICS
    ]


def _unlike(record: Record) -> list[Difference]:
    here = {
        "code": {"digest": source_digest(record.method)},
        "packages": machine.packages("kgprism"),
        "machine": machine.hardware(),
    }
    there = {"code": record.code, "packages": record.packages, "machine": record.machine}
    return [
        Difference(part, key, there[part][key], word)
        for part, facts in here.items()
        for key, word in facts.items()
        if key in there[part] and there[part][key] != word
    ]
