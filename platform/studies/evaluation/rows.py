"""A suite's rows that are judged again, as if they were rows with runs of their own."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from kgprism.platform.studies.evaluation.results import has_weights, recall, selected
from kgprism.platform.studies.store.record import Record
from kgprism.platform.studies.store.runs import Store
from kgprism.platform.studies.suites.cells import Cell
from kgprism.platform.studies.suites.evaluations import Again, rows_again
from kgprism.platform.studies.suites.protocol import Protocol
from kgprism.platform.studies.suites.suite import Suite


@dataclass(frozen=True)
class Joined:
    """A suite, its cells and its finished runs by identity, rows that are judged again among them.

    ``notes`` say what of these rows is not there, and why.
    """

    suite: Suite
    cells: list[Cell]
    records: Mapping[str, Record]
    again: Mapping[str, Again] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def protocol(self, row: str, other: Protocol) -> Protocol:
        """Return by what a row is measured where all others are by `other`."""
        return self.again[row].evaluation.changed(other) if row in self.again else other


def joined(suite: Suite, cells: list[Cell], records: Mapping[str, Record], folder: Path) -> Joined:
    """Put each row that is judged again behind the row whose weights it has; results are kept in `folder`."""
    rows = rows_again(suite.variants, suite.evaluations)
    if not rows:
        return Joined(suite, cells, records)
    variants = [one for row in suite.variants for one in (row, *(again.row for again in rows if again.source is row))]
    every, found, missing, bare = list(cells), dict(records), dict[str, set[str]](), set[str]()
    for again in rows:
        for cell in (cell for cell in cells if cell.variant == again.source.id):
            mine = _cell(cell, again)
            every.append(mine)
            if (record := records.get(cell.run.id)) is None:
                continue
            judged = recall(folder, record, again.evaluation.set) if again.evaluation.set else record
            if judged:
                found[mine.run.id] = judged
            elif has_weights(record):
                missing.setdefault(again.evaluation.label or again.evaluation.id, set()).add(record.id)
            else:
                bare.add(record.id)
    notes = (
        *_left(suite, missing, bare),
        *_epochs(rows, [records[cell.run.id] for cell in cells if cell.run.id in records]),
    )
    changed = suite.model_copy(update={"variants": tuple(variants)})
    return Joined(changed, every, found, {again.row.id: again for again in rows}, notes)


@dataclass(frozen=True)
class Order:
    """One run to judge again, with each of some settings, and the row that asks for it first."""

    cell: Cell
    settings: tuple[Mapping[str, Any], ...]


def orders(suite: Suite, cells: Iterable[Cell], store: Store, folder: Path) -> list[Order]:
    """Return what is left to judge of the runs that are finished and kept their weights."""
    asked = [again for again in rows_again(suite.variants, suite.evaluations) if again.evaluation.set]
    found: dict[str, Order] = {}
    for cell in cells:
        record = store.read(cell.run.id)
        if record is None or not has_weights(record):
            continue
        before = found.get(record.id, Order(cell, ()))
        mine = [again.evaluation.set for again in asked if again.source.id == cell.variant]
        left = [one for one in mine if one not in before.settings and recall(folder, record, one) is None]
        found[record.id] = Order(before.cell, (*before.settings, *left))
    return [order for order in found.values() if order.settings]


def _cell(cell: Cell, again: Again) -> Cell:
    """Return the cell of a row that is judged again; its run is called by both."""
    run = replace(cell.run)
    vars(run)["id"] = f"{cell.run.id}-{again.evaluation.id}"
    return replace(cell, variant=again.row.id, run=run)


def _left(suite: Suite, missing: Mapping[str, set[str]], bare: set[str]) -> Iterator[str]:
    if missing:
        told = ", ".join(f"{label} ({len(runs)})" for label, runs in missing.items())
        yield f"Runs that are not judged again yet: {told}: kgprism report --evaluate does it."
    if bare:
        yield f"{len(bare)} runs kept no weights (train.keep_weights=false): they cannot be judged again."


def _epochs(rows: Sequence[Again], records: Iterable[Record]) -> Iterator[str]:
    """Say of which epoch the weights are, as those of the others are not kept."""
    if any(again.evaluation.set for again in rows):
        words = sorted({selected(record) for record in records})
        labels = dict.fromkeys(again.evaluation.label or again.evaluation.id for again in rows if again.evaluation.set)
        if words:
            kept = " or ".join(words)
            yield f"Judged again with the weights of select={kept}, the only ones kept: {', '.join(labels)}."
