"""A passport's table, computed anew, in Markdown: both protocols, what differences are worth, verdicts, notes."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

from kgprism.platform.errors import ConfigurationError
from kgprism.platform.studies.reports.entries import Table
from kgprism.platform.studies.reports.page.page import said
from kgprism.platform.studies.reports.table import tabulate
from kgprism.platform.studies.reports.text import markdown_rows, piped
from kgprism.platform.studies.reports.view import Line, Panel, View, view
from kgprism.platform.studies.reports.words import TITLES, counted, number, one_line, titled
from kgprism.platform.studies.results.unpacking import Opened
from kgprism.platform.studies.suites.asked import options
from kgprism.platform.studies.suites.cells import left_alone
from kgprism.platform.studies.suites.evaluations import rows_again


def table_of(opened: Opened) -> Table:
    """Return the table of a passport: the rows that were asked for, and those that are published only.

    It says the same whatever the code of methods is today, unlike a home's.

    Raises:
        ConfigurationError: if its method is none of today's.
    """
    # Weights are not packed: what judges them again has nothing to read.
    kept = tuple(one for one in opened.suite.evaluations if not one.set)
    asked = opened.manifest
    wanted = {cell.variant for cell in asked.cells}
    suite = opened.suite.model_copy(update={"evaluations": kept})
    settings = options(asked.preset, asked.overrides)
    table = tabulate(suite, asked.cells, opened.store, protocol="both", unlike=filter(None, [settings]))
    # Only now: what a row is compared with hangs on all rows.
    gone = {row.id for row in suite.variants if row.id not in wanted and not row.full}
    gone |= {again.row.id for again in rows_again(suite.variants, kept) if again.source.id in gone}
    return replace(table, rows=tuple(row for row in table.rows if row.id not in gone))


def lines(table: Table) -> Iterator[str]:
    """Yield the blocks of a table: each panel's name, numbers, and what is said of them."""
    shown = view(table)
    for panel in shown.panels:
        yield f"**{panel.title}**"
        yield markdown(markdown_rows(shown, panel))
        if len(judged := _judged(shown, panel)) > 1:
            yield markdown(piped(judged))
    if rows := counted(table):
        yield markdown(piped([list(row) for row in rows]))


def notes(opened: Opened, table: Table) -> str:
    """Return the notes of a table as a list, and what a passport leaves out."""
    suite, asked = opened.suite, opened.manifest
    told = list(table.notes)
    with suppress(ConfigurationError):  # overrides of older code may be none of today's
        told = [*left_alone(suite, asked.cells, asked.overrides, preset=asked.preset), *told]
    if any(entry.evidence for row in table.rows for entry in row.entries):
        told.append("(95 %; p): interval over seeds and queries, p of its t test after Holm over a column's rows.")
    if again := [one.label or one.id for one in suite.evaluations if one.set]:
        told.append(f"Left out, as a passport has no weights to judge again: {', '.join(again)}.")
    if suite.tuning.wanted:
        told.append("Rows are as they are: what was tuned row by row is in no passport.")
    # A star at the beginning would open a list in the list.
    return "\n".join(f"- {_plain(one_line(note))}" for note in told)


def markdown(rows: list[list[str]]) -> str:
    """Return rows of equal widths as Markdown."""
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _plain(note: str) -> str:
    return f"\\{note}" if note.startswith("*") else note


def _judged(shown: View, panel: Panel) -> list[list[str]]:
    """Return a head and the rows of which a difference or a published number is judged."""
    measured = [line for block in panel.blocks for line in block.lines if line.row.measured]
    worth = [[_worth(shown.table, line, n) for n in range(len(panel.columns))] for line in measured]
    titles = [f"Δ {TITLES[column.metric]} (95 %; p)" for column in panel.columns] if any(map(any, worth)) else []
    rows = [["Variant", *titles, *(["published numbers"] if shown.quoted else [])]]
    for line, each in zip(measured, worth, strict=True):
        verdicts = "; ".join(
            f"**{one.word}**{f' ({one.metrics})' if one.metrics else ''}{f': {one.why}' if one.why else ''}"
            for one in said(line.cells)
        )
        if verdicts or any(each):
            told = [*each[: len(titles)], *([verdicts] if shown.quoted else [])]
            rows.append([one_line(titled(shown.table, line.row)), *told])
    return rows


def _worth(table: Table, line: Line, n: int) -> str:
    """Return a difference with its interval and its chance over all rows (Holm), empty where there is none."""
    cell = line.cells[n]
    found = cell.entry.evidence
    if found is None:
        return ""
    low, high = (number(table, cell.column, end, sign=True) for end in found.interval)
    return f"{cell.delta} ({low} to {high}; {found.adjusted:.2g})"
