"""How far each row was trained, and which epochs were chosen: a small table."""

from collections.abc import Mapping, Sequence

from kgprism.platform.settings import SELECTIONS
from kgprism.platform.studies.reports.notes import group, span, where
from kgprism.platform.studies.reports.words import MISSING, one_line
from kgprism.platform.studies.store.record import Record
from kgprism.platform.studies.suites.cells import Cell
from kgprism.platform.studies.suites.suite import Suite

#: What a history calls the pairs that were accepted in an epoch.
_ACCEPTED = "pseudo_pairs"


def epochs(
    suite: Suite, cells: Sequence[Cell], records: Mapping[str, Record], preset: str | None = None
) -> list[list[str]]:
    """Return a head and a row for each row and panel that has a finished run, of several seeds from least to most.

    `preset` is what the command named instead of the suite's own.
    """
    grouped = group(cell for cell in cells if cell.run.id in records)
    panels = dict.fromkeys((cell.dataset, cell.seed_ratio) for cell in cells)
    chosen = [word for word in SELECTIONS if word != "last"]
    found: list[list[str]] = []
    for panel in panels:
        for row in suite.variants:
            if some := grouped.get((row.id, *panel)):
                mine = [records[cell.run.id] for cell in some]
                method, chosen_preset = suite.composed(row, preset)
                name = [one_line(suite.named(row.id)), f"{method}, {chosen_preset}" if chosen_preset else method]
                name += [where(*panel)] if len(panels) > 1 else []
                asked = span(cell.run.configuration["train.epochs"] for cell in some)
                picks = [_chosen(mine, word) for word in chosen]
                found.append([*name, f"{_chosen(mine, 'last')} of {asked}", *picks, _pairs(mine)])
    place = ["data"] if len(panels) > 1 else []
    head = ["Row", "method, preset", *place, "epochs", *(f"by {word}" for word in chosen), "pseudo-pairs"]
    table = [head, *found]
    return table if any(line[-1] for line in found) else [line[:-1] for line in table]


def _chosen(records: Sequence[Record], select: str) -> str:
    """Return the epochs that a way to choose has found; of runs that all held nothing out there is none."""
    found = [record.selections[select]["epoch"] for record in records if select in record.selections]
    return span(found) if found else MISSING


def _pairs(records: Sequence[Record]) -> str:
    """Return how many pairs were accepted in all epochs, empty where a history has no such column."""
    each = [record.epochs() for record in records]
    counts = [
        int(sum(number for number in table[_ACCEPTED].to_pylist() if number is not None and number == number))
        for table in each
        if _ACCEPTED in table.column_names
    ]
    return span(counts) if counts else ""
