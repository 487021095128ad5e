"""From a cell to its runs: seeds, epochs, values, what is set otherwise than in its base, learning curves."""

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from kgprism.platform.errors import DataError
from kgprism.platform.settings import METRICS, Metric
from kgprism.platform.studies.reports import words
from kgprism.platform.studies.reports.entries import Column, Row, Table
from kgprism.platform.studies.reports.notes import where
from kgprism.platform.studies.reports.page.behind import Behind
from kgprism.platform.studies.reports.page.lines import Drawing, over_epochs
from kgprism.platform.studies.store.duration import duration
from kgprism.platform.studies.store.progress import status
from kgprism.platform.studies.store.record import Record
from kgprism.platform.studies.suites.cells import Cell


@dataclass(frozen=True)
class Seen:
    """One seed: its run, how it stands, and where it is finished the chosen epoch and a value a metric."""

    seed: int
    run: str
    state: str
    epoch: str = ""
    values: tuple[str, ...] = ()
    took: str = ""
    finished: str = ""


@dataclass(frozen=True)
class Runs:
    """The runs of one row on one panel. ``changes`` are keys with the ``base``'s setting and the row's own."""

    anchor: str
    row: str
    panel: str
    base: str
    metrics: tuple[Metric, ...]
    seen: tuple[Seen, ...]
    changes: tuple[tuple[str, str, str], ...]
    notes: tuple[str, ...]
    machines: tuple[str, ...]
    curves: tuple[Drawing, ...]


def anchor(row: int, panel: int) -> str:
    """Return how the page calls the runs of a row and a panel."""
    return f"runs-{row}-{panel}"


def runs(table: Table, behind: Behind) -> list[Runs]:
    """Return the runs of every row and panel that was asked for."""
    panels = list(dict.fromkeys(column.place for column in table.columns))
    found = []
    for n, row in enumerate(table.rows):
        for m, place in enumerate(panels):
            if cells := behind.places.get((row.id, *place), []):
                columns = [column for column in table.columns if column.place == place]
                found.append(_runs(table, behind, row, columns, cells, anchor(n, m)))
    return found


def _runs(table: Table, behind: Behind, row: Row, columns: list[Column], cells: list[Cell], named: str) -> Runs:
    records = [record for cell in cells if (record := behind.records.get(cell.run.id))]
    place = columns[0].place
    base = behind.places.get((row.versus, *place), [])
    changes = _changes(base[0], cells[0]) if base else []
    notes = dict.fromkeys(note for cell in cells for note in cell.run.notes)
    return Runs(
        anchor=named,
        row=words.titled(table, row),
        panel=where(*place),
        base=behind.suite.named(row.versus) if row.versus else "",
        metrics=tuple(column.metric for column in columns),
        seen=tuple(_seen(table, behind, columns, cell) for cell in cells),
        changes=tuple(changes),
        notes=tuple(notes),
        machines=tuple(dict.fromkeys(_machine(record) for record in records)),
        curves=tuple(_curves(table, records, [column.metric for column in columns])),
    )


def _seen(table: Table, behind: Behind, columns: Sequence[Column], cell: Cell) -> Seen:
    record = behind.records.get(cell.run.id)
    if record is None:
        return Seen(cell.seed, cell.run.id, str(status(behind.store, cell.run.id)))
    values = [record.metric(table.select, f"test/{table.direction}/{column.metric}") for column in columns]
    chosen = record.selections.get(table.select)
    return Seen(
        cell.seed,
        record.id,
        record.stopped,
        epoch="" if chosen is None else str(chosen["epoch"]),
        values=tuple(words.number(table, *pair) for pair in zip(columns, values, strict=True)),
        took=duration(record.seconds),
        finished=f"{datetime.fromisoformat(record.finished):%Y-%m-%d %H:%M}",
    )


def _changes(base: Cell, mine: Cell) -> Iterator[tuple[str, str, str]]:
    """Yield the keys that a row sets otherwise than its base, both values beside each other."""
    before, after = base.run.configuration, mine.run.configuration
    if base.run.method != mine.run.method:
        yield "method", base.run.method, mine.run.method
        return
    for key in sorted({*before, *after}):
        if before.get(key) != after.get(key):
            yield key, _written(before.get(key)), _written(after.get(key))


def _written(value: Any) -> str:
    return words.MISSING if value is None else value if isinstance(value, str) else json.dumps(value)


def _machine(record: Record) -> str:
    """Return what a run was made with, in one line."""
    facts = {**record.machine, **record.packages, **{key: value for key, value in record.code.items() if value}}
    return ", ".join(f"{key} {value if isinstance(value, str) else json.dumps(value)}" for key, value in facts.items())


def _curves(table: Table, records: Sequence[Record], metrics: Sequence[Metric]) -> Iterator[Drawing]:
    """Yield a drawing of each loss term, metric and the learning rate, a line a seed."""
    told = []
    for record in records:
        with suppress(DataError):  # it is set aside, and missing in the next table
            told.append((f"seed {record.seed}", record.history()))
    for name, title in _quantities(table, [list(rows.columns) for _, rows in told], metrics):
        lines = [(seed, rows["epoch"].tolist(), rows[name].tolist()) for seed, rows in told if name in rows]
        yield over_epochs(title, lines)


def _quantities(table: Table, columns: Sequence[list[str]], metrics: Sequence[Metric]) -> Iterator[tuple[str, str]]:
    """Yield the columns of a history that are drawn, with a title each; a single loss term is the loss."""
    known = list(dict.fromkeys(name for some in columns for name in some))
    terms = [name for name in known if name.startswith("loss/")]
    if "loss" in known:
        yield "loss", "loss"
    for name in terms if len(terms) > 1 else []:
        yield name, name.replace("/", ": ", 1)
    for metric in metrics:
        for part in ("valid", "test"):
            name = f"{part}/{table.direction}/{metric}"
            if name in known:
                yield name, f"{part} {METRICS[metric].title}"
    if "rate" in known:
        yield "rate", "learning rate"
