"""Rows tuned by themselves on a page: frozen beside re-tuned in words, and the best of each budget as curves."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kgprism.platform.studies.reports.entries import Table
from kgprism.platform.studies.reports.fair.fair import Fair, Tuned
from kgprism.platform.studies.reports.fair.told import Section, heading, remarks, sections
from kgprism.platform.studies.reports.notes import where
from kgprism.platform.studies.reports.page.lines import Drawing, over_trials


@dataclass(frozen=True)
class Retuned:
    """A heading, tables with the number of their panel, curves with the same, and remarks."""

    heading: str
    sections: tuple[tuple[int, Section], ...]
    curves: tuple[tuple[int, Drawing], ...]
    remarks: tuple[str, ...]


def retuned(table: Table, places: Sequence[str]) -> Retuned | None:
    """Return what a page shows of re-tuned rows, none where no row was; `places` are the titles of the panels."""
    if table.fair is None:
        return None
    numbers = {title: n for n, title in enumerate(places)}
    told = [(numbers[section.panel], section) for section in sections(table)]
    curves = [(numbers[title], drawing) for title, drawing in _curves(table.fair)]
    return Retuned(heading(table.fair), tuple(told), tuple(curves), tuple(remarks(table.fair)))


def _curves(fair: Fair) -> Iterator[tuple[str, Drawing]]:
    """Yield a drawing a panel: a line a row, and the row as it is as a level at no trial."""
    for place in dict.fromkeys(row.place for row in fair.rows):
        rows = [row for row in fair.rows if row.place == place and row.curve]
        if rows:
            what = "expected best" if fair.by_chance else "best so far"
            yield where(*place), over_trials(f"{where(*place)}: {what} {fair.metric}", [_line(row) for row in rows])


def _line(row: Tuned) -> tuple[str, Sequence[float], Sequence[float]]:
    return row.label, range(1, len(row.curve) + 1), row.curve
