"""The page of a suite: its figure, table, differences, parts and runs, in one file that needs nothing else."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from typing import TYPE_CHECKING

from jinja2 import Template

from kgprism.platform.studies.reports.entries import IDLE, Row, Table
from kgprism.platform.studies.reports.page import lines
from kgprism.platform.studies.reports.page.behind import Behind
from kgprism.platform.studies.reports.page.dots import WIDTH, beside, forest
from kgprism.platform.studies.reports.page.runs import Runs, anchor, runs
from kgprism.platform.studies.reports.page.templates import template
from kgprism.platform.studies.reports.page.tuned import retuned
from kgprism.platform.studies.reports.view import Line, Shown, View
from kgprism.platform.studies.reports.words import MISSING, TITLES, counted, titled
from kgprism.platform.studies.suites.protocol import HONEST

if TYPE_CHECKING:
    from kgprism.platform.studies.reports.figures.chart import Chart


@dataclass(frozen=True)
class Said:
    """A verdict in a word, the metrics that it is about (none: all that were published), and why."""

    word: str
    metrics: str
    why: str


@dataclass(frozen=True)
class Across:
    """A row's cells on one panel, where its runs are on the page, and what is said of its published numbers."""

    cells: tuple[Shown, ...]
    anchor: str
    said: tuple[Said, ...]


@dataclass(frozen=True)
class Stripe:
    """A row and its panels; ``group`` where it is the first of one, and ``idle`` why it does nothing, if so."""

    row: Row
    group: str
    idle: str
    panels: tuple[Across, ...]


def page(view: View, behind: Behind | None = None) -> str:
    """Return the page, in light and in dark; of what stands `behind` the table it shows figure, parts and runs."""
    found = runs(view.table, behind) if behind else []
    known = {one.anchor for one in found}
    stripes = list(_stripes(view, known))
    chart = behind.chart if behind else None
    return _template().render(
        view=view,
        table=view.table,
        stripes=stripes,
        judged=[any(stripe.panels[n].said for stripe in stripes) for n in range(len(view.panels))],
        anything=view.quoted or any(entry.values or entry.failures for row in view.table.rows for entry in row.entries),
        starred=any(cell.delta.endswith("*") for block in view.blocks for line in block.lines for cell in line.cells),
        curves=_curves(chart),
        beside=beside(chart) if chart and chart.axis.words else [],
        forest=forest(view),
        against=_against(view.table),
        parts=behind.parts if behind else (),
        retuned=retuned(view.table, [panel.title for panel in view.panels]),
        runs=[(panel, tuple(some)) for panel, some in groupby(_by_panel(found), key=lambda one: one.panel)],
        places={panel.title: n for n, panel in enumerate(view.panels)},
        frame=lines,
        width=WIDTH,
    )


def _against(table: Table) -> str:
    """Say what differences are to."""
    full = {"", *(row.id for row in table.rows if row.full)}
    own = any(row.versus not in full for row in table.rows)
    return "what a row is compared with" if own else "the full method"


def _stripes(view: View, known: set[str]) -> Iterator[Stripe]:
    """Yield the rows of the table, each cut into its panels."""
    number = 0
    for block in view.blocks:
        for n, line in enumerate(block.lines):
            each = enumerate(_cut(line))
            panels = [
                Across(cells, name if (name := anchor(number, m)) in known else "", said(cells)) for m, cells in each
            ]
            yield Stripe(line.row, block.group if n == 0 else "", _idle(view, line.row), tuple(panels))
            number += 1


def _idle(view: View, row: Row) -> str:
    """Return what the notes say of a row that does nothing."""
    name = titled(view.table, row).removesuffix(f" {IDLE}")
    dead = row.label != row.title
    return "\n".join(note for note in view.table.notes if dead and note.startswith(f"{IDLE} {name} on "))


def _cut(line: Line) -> list[tuple[Shown, ...]]:
    """Return the cells of a row panel by panel."""
    found: list[list[Shown]] = []
    for cell in line.cells:
        if cell.opens:
            found.append([])
        found[-1].append(cell)
    return [tuple(cells) for cells in found]


def said(cells: Sequence[Shown]) -> tuple[Said, ...]:
    """Return what is said of a row's published numbers on one panel, a word each time it is another."""
    judged = [(cell, cell.entry.verdict) for cell in cells if cell.entry.verdict]
    by_word: dict[str, list[tuple[str, str]]] = {}
    for cell, verdict in judged:
        by_word.setdefault(verdict.word, []).append((TITLES[cell.column.metric], verdict.why))
    return tuple(
        Said(
            word,
            "" if len(by_word) == 1 else ", ".join(title for title, _ in some),
            "; ".join(dict.fromkeys(why for _, why in some if why)),
        )
        for word, some in by_word.items()
    )


def _curves(chart: "Chart | None") -> list[list[lines.Drawing]]:
    """Return the figure of a suite whose axis has numbers, a line of drawings a dataset."""
    if chart is None or chart.axis.words:
        return []
    return [[lines.over_axis(plot, chart.axis) for plot in row] for row in chart.plots]


def _by_panel(found: Sequence[Runs]) -> list[Runs]:
    order = list(dict.fromkeys(one.panel for one in found))
    return sorted(found, key=lambda one: order.index(one.panel))


@cache
def _template() -> Template:
    return template(
        "kgprism.platform.studies.reports.page",
        "page.html.jinja",
        TITLES=TITLES,
        MISSING=MISSING,
        honest=HONEST,
        counted=counted,
    )
