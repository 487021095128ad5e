"""Whether a stored run is what was written: every file is read, sums and numbers are compared."""

import math
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from kgprism.platform.errors import DataError
from kgprism.platform.kept import DamagedError
from kgprism.platform.settings import METRICS
from kgprism.platform.studies.store import sums
from kgprism.platform.studies.store.record import FILE, HISTORY, RANKS, Record, read_record

#: How far a mean over ranks may be from the one that was written: another NumPy may add in another order.
_NEAR = 1e-9
_OPTIMISTIC = "_optimistic"


def problems(folder: Path) -> list[str]:
    """Return a line for everything that is wrong with a finished run's folder; nothing is set aside."""
    try:
        record = read_record(folder)
    except DataError as error:
        return [str(error)]
    if record is None:
        return [f"{FILE} is not there"]
    found = list(_files(record))
    try:
        record.check()
    except DataError as error:
        found.append(str(error))
    with suppress(DamagedError):  # what cannot be read is told already
        found += _epochs(record)
    with suppress(DamagedError):
        found += _ranks(record)
    return found


def _files(record: Record) -> Iterator[str]:
    """Compare each file with its sum; the record compares its own."""
    for name, word in record.sums.items():
        if name == FILE or (name in (HISTORY, RANKS) and not (record.folder / name).is_file()):
            continue
        try:
            if sums.of_file(record.folder / name) != word:
                yield f"{name}: changed since it was written"
        except FileNotFoundError:
            yield f"{name} is not there"
        except OSError as error:
            yield f"{name}: cannot be read: {error.strerror}"


def _epochs(record: Record) -> Iterator[str]:
    """Compare the metrics with those of their epoch."""
    rows = record.epochs()
    epochs = rows["epoch"].to_pylist()
    columns = {name: rows[name].to_pylist() for name in rows.column_names}
    for select, chosen in record.selections.items():
        if chosen["epoch"] not in epochs:
            yield f"{FILE}: {select}: epoch {chosen['epoch']}, which {HISTORY} does not have"
            continue
        row = epochs.index(chosen["epoch"])
        for name, value in chosen["metrics"].items():
            there = columns[name][row] if name in columns else None
            if there is None or not (there == value or (math.isnan(there) and math.isnan(value))):
                yield f"{FILE}: {select}: {name} is {value}, but {HISTORY} has {there}"


def _ranks(record: Record) -> Iterator[str]:
    """Compare the metrics of the test split with the means over its queries."""
    lists = record.queries()
    for select, chosen in record.selections.items():
        own = {key.removeprefix(f"{select}/"): found for key, found in lists.items() if key.startswith(f"{select}/")}
        if not own:
            yield f"{RANKS}: nothing of {select}"
        made = _means(own)
        for name, value in chosen["metrics"].items():
            there = made.get(name)
            if there is not None and not math.isclose(there, value, rel_tol=_NEAR, abs_tol=_NEAR):
                yield f"{FILE}: {select}: {name} is {value}, but {RANKS} makes {there}"


def _means(ranks: Mapping[str, np.ndarray]) -> dict[str, float]:
    """Return what the judge makes of ranks, without what needs more than them: that of triples that were seen."""
    found: dict[str, dict[str, float]] = {}
    for key, of_queries in ranks.items():
        way, _, kind = key.rpartition("/")
        behind = _OPTIMISTIC if kind == "optimistic" else ""
        values: Any = of_queries.astype(np.float64)
        if len(values):
            means = {f"{word}{behind}": float(metric.of(values).mean()) for word, metric in METRICS.items()}
            found.setdefault(way, {}).update(means)
    both = {word for of_way in found.values() for word in of_way}
    if len(found) == 2:
        first, second = found.values()
        found["mean"] = {word: (first[word] + second[word]) / 2 for word in both if word in first and word in second}
    return {f"test/{way}/{word}": value for way, means in found.items() for word, value in means.items()}
