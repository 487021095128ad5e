"""A finished run as it lies in its folder: what ``run.json`` may hold, and its tables read back."""

import json
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import numpy as np
from pyarrow import ArrowException, ChunkedArray, Table, types
from pyarrow.parquet import ParquetFile
from pydantic import AfterValidator, Field, JsonValue

from kgprism.platform.errors import DataError, first_line
from kgprism.platform.kept import DamagedError, Kept, read, set_aside
from kgprism.platform.settings import DIRECTIONS, SELECTIONS
from kgprism.platform.studies.store import sums

if TYPE_CHECKING:
    import pandas as pd

FILE, HISTORY, RANKS = "run.json", "history.parquet", "ranks.npz"
#: What earlier versions had among the machine's facts.
_PACKAGES = ("kgprism", "torch", "numpy", "python")
T = TypeVar("T")
#: What NumPy and pandas raise at bytes that are none of theirs.
_UNREADABLE = (
    *(OSError, ValueError, LookupError, TypeError, ArithmeticError, EOFError, MemoryError, RuntimeError, SyntaxError),
    *(ArrowException, struct.error, tokenize.TokenError, zipfile.BadZipFile, zlib.error),
)


def _moment(word: str) -> str:
    datetime.fromisoformat(word)
    return word


def _with_last(selections: "dict[str, Selected]") -> "dict[str, Selected]":
    if "last" not in selections:
        raise ValueError("the last epoch is not there")
    return selections


class Selected(Kept):
    """One way to pick the epoch."""

    epoch: int = Field(ge=0)
    metrics: dict[str, float]


class Stored(Kept):
    """What ``run.json`` holds."""

    id: str
    method: str
    dataset: str
    seed: int
    configuration: dict[str, JsonValue]
    notes: tuple[str, ...]
    selections: Annotated[dict[str, Selected], AfterValidator(_with_last)]
    stopped: str
    seconds: float = Field(ge=0)
    peak_bytes: int
    finished: Annotated[str, AfterValidator(_moment)]
    # Earlier versions did not write these, or had the packages among the machine's facts.
    fingerprint: str = ""
    cpu_seconds: float | None = None
    code: dict[str, JsonValue] = Field(default_factory=dict)
    machine: dict[str, str] = Field(default_factory=dict)
    packages: dict[str, str] = Field(default_factory=dict)
    sums: dict[str, str] = Field(default_factory=dict)


@dataclass(frozen=True)
class Record:
    """A finished run as stored.

    ``metric("valid", "test/l2r/mrr")`` is one number of a chosen epoch (valid, best_test or last);
    ``selections["valid"]`` has that ``epoch`` and all its ``metrics``; ``history()`` is a DataFrame, a row an epoch;
    ``ranks("valid")`` has every test query's rank; ``folder`` holds the files. ``code``, ``machine``, ``packages``
    and the data's ``fingerprint`` say what it was made with, ``sums`` digest its files.
    """

    id: str
    method: str
    dataset: str
    seed: int
    configuration: Mapping[str, Any]
    notes: tuple[str, ...]
    selections: Mapping[str, Mapping[str, Any]]
    stopped: str
    seconds: float
    peak_bytes: int
    finished: str
    folder: Path
    fingerprint: str = ""
    cpu_seconds: float | None = None
    code: Mapping[str, Any] = field(default_factory=dict)
    machine: Mapping[str, str] = field(default_factory=dict)
    packages: Mapping[str, str] = field(default_factory=dict)
    sums: Mapping[str, str] = field(default_factory=dict)

    def metric(self, select: str, name: str) -> float | None:
        """Return one number, such as ``metric("valid", "test/l2r/mrr")``; none where that selection was not made."""
        chosen = self.selections.get(select)
        return None if chosen is None else chosen["metrics"].get(name)

    def __repr__(self) -> str:
        select = next(word for word in SELECTIONS if word in self.selections)
        epoch, metrics = self.selections[select]["epoch"], self.selections[select]["metrics"]
        names = [f"test/{ways[0]}/mrr" for ways in DIRECTIONS.values()]
        said = [f"{select}: epoch {epoch}", *(f"{name} {metrics[name]:.3f}" for name in names if name in metrics)][:2]
        return f"Record({self.id}: {self.method} on {self.dataset}, seed {self.seed}; {', '.join(said)})"

    def history(self) -> "pd.DataFrame":
        """Return one row an epoch; cells of epochs without evaluation are NaN.

        Raises:
            DataError: if the file was damaged; the run is set aside.
        """
        return self._or_aside(lambda: self.epochs().to_pandas(use_threads=False, ignore_metadata=True))

    def ranks(self, select: str, kind: str = "") -> dict[str, np.ndarray]:
        """Return the test ranks of every query: ``l2r/realistic``, ``l2r/optimistic`` and so on.

        With a `kind`, such as ``realistic``, only those: the others are not even read.

        Raises:
            DataError: if the file was damaged; the run is set aside.
        """
        ranks = self._or_aside(lambda: self.queries(f"{select}/", f"/{kind}" if kind else ""))
        return {key.removeprefix(f"{select}/"): found for key, found in ranks.items()}

    def check(self) -> None:
        """Read everything that is ever read of a run; of what its sums hold, the record's own is compared.

        Raises:
            DamagedError: naming the file that is not what it should be.
        """
        self.epochs()
        self.queries()
        if self.sums and sums.of_record(json.loads((self.folder / FILE).read_bytes())) != self.sums.get(FILE):
            raise DamagedError(f"{FILE}: changed since it was written")

    def epochs(self) -> Table:
        """Return the history as it is read.

        Raises:
            DamagedError: if it cannot be; nothing is set aside.
        """
        rows = _readable(self.folder / HISTORY, _table)
        if rows.column_names.count("epoch") != 1 or not all(map(_numbers, rows.columns)) or _gaps(rows["epoch"]):
            raise DamagedError(f"{HISTORY}: expected numbers, a row an epoch")
        return rows

    def queries(self, before: str = "", behind: str = "") -> dict[str, np.ndarray]:
        """Return the lists of ranks whose names, such as ``valid/l2r/realistic``, begin and end so.

        Raises:
            DamagedError: if they cannot be read; nothing is set aside.
        """
        arrays = _readable(self.folder / RANKS, lambda file: _arrays(file, before, behind))
        if wrong := [key for key, ranks in arrays.items() if ranks.ndim != 1 or ranks.dtype.kind not in "iuf"]:
            raise DamagedError(f"{RANKS}: {wrong[0]}: expected a list of numbers")
        return arrays

    def _or_aside(self, look: Callable[[], T]) -> T:
        try:
            return look()
        except DamagedError as error:
            set_aside(self.folder, error)
            raise DataError(f"run {self.id}: its {error}: it must be made again") from None


def read_record(folder: Path) -> Record | None:
    """Return the finished run of a folder, none where there is no record of one.

    Raises:
        DamagedError: if there is something else.
        DataError: if it may not be read.
    """
    stored = read(folder / FILE, Stored)
    if stored is None:
        return None
    if stored.id != folder.name:
        raise DamagedError(f"{FILE}: it is run {stored.id}")
    plain = stored.model_dump()
    if not stored.packages:
        plain["packages"] = {name: plain["machine"].pop(name) for name in _PACKAGES if name in stored.machine}
    return Record(**plain, folder=folder)


def _readable(file: Path, look: Callable[[Path], T]) -> T:
    try:
        return look(file)
    except FileNotFoundError:
        raise DamagedError(f"{file.name} is not there") from None
    except _UNREADABLE as error:
        raise DamagedError(f"{file.name} cannot be read: {first_line(error)}") from None


def _table(file: Path) -> Table:
    # In one thread: a table has a few numbers an epoch, and a report reads thousands of them.
    with ParquetFile(file, page_checksum_verification=True) as table:
        return table.read(use_threads=False)


def _numbers(column: ChunkedArray) -> bool:
    kind = column.type
    return types.is_integer(kind) or types.is_floating(kind) or (types.is_boolean(kind) and not column.null_count)


def _gaps(column: ChunkedArray) -> bool:
    # Not by pyarrow.compute or NumPy's arrays of it, which load pandas: longer than a record takes to be read.
    return bool(column.null_count) or any(value != value for value in column.to_pylist())


def _arrays(file: Path, before: str, behind: str) -> dict[str, np.ndarray]:
    with np.load(file) as stored:
        return {key: stored[key] for key in stored if key.startswith(before) and key.endswith(behind)}
