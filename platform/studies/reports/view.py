"""What a table shows, worked out once: panels of columns, blocks of rows, cells in words. Every form walks this."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from kgprism.platform.settings import METRICS
from kgprism.platform.studies.reports import words
from kgprism.platform.studies.reports.entries import Column, Entry, Row, Table, mean
from kgprism.platform.studies.reports.notes import where


@dataclass(frozen=True)
class Kind:
    """One of the columns that every metric has: what its cells say, and how it is headed, in full and in short."""

    what: Literal["published", "paper", "measured", "delta"]
    title: str
    short: str


@dataclass(frozen=True)
class Shown:
    """One cell: ``entry`` in words, empty where there is nothing to say.

    ``place`` is 1 for the best and 2 for the second best of its column, 0 for all others, ``published_place`` and
    ``paper_place`` the same among numbers of these kinds; ``paper`` and ``honest`` are those of both protocols;
    ``falls`` says that ``delta`` is a loss; ``opens`` that the cell is the first of its panel.
    """

    column: Column
    entry: Entry
    published: str
    mean: str
    std: str
    measured: str
    delta: str
    falls: bool
    origin: str
    place: int
    published_place: int
    opens: bool
    paper: str = ""
    paper_place: int = 0
    honest: str = ""

    def said(self, kind: Kind) -> str:
        """Return what the cell says in a column of this kind."""
        word = str(getattr(self, kind.what))
        return word or words.MISSING if kind.what == "published" else word

    def placed(self, kind: Kind) -> int:
        """Return the place of what it says there."""
        return {"published": self.published_place, "paper": self.paper_place, "measured": self.place}.get(kind.what, 0)


@dataclass(frozen=True)
class Line:
    """A row and its cells."""

    row: Row
    cells: tuple[Shown, ...]


@dataclass(frozen=True)
class Block:
    """Neighbouring rows of one group; its name is empty where they have none."""

    group: str
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Panel:
    """The columns of one dataset and seed ratio."""

    title: str
    columns: tuple[Column, ...]
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class View:
    """A table by panel, and in ``blocks`` with all panels side by side.

    ``quoted`` says that there is a published number; without one no form has a column for them. ``kinds`` are the
    columns of each metric.
    """

    table: Table
    heading: str
    quoted: bool
    panels: tuple[Panel, ...]
    blocks: tuple[Block, ...]
    kinds: tuple[Kind, ...]


def view(table: Table) -> View:
    """Return what every form of the table shows."""
    by_place: dict[tuple[str, float | None], list[int]] = {}
    for n, column in enumerate(table.columns):
        by_place.setdefault(column.place, []).append(n)
    shown = {n: _column(table, n, opens=n == numbers[0]) for numbers in by_place.values() for n in numbers}
    panels = tuple(
        Panel(
            where(*place),
            tuple(table.columns[n] for n in numbers),
            _blocks(table.rows, [shown[n] for n in numbers]),
        )
        for place, numbers in by_place.items()
    )
    quoted = any(entry.published is not None for row in table.rows for entry in row.entries)
    blocks = _blocks(table.rows, shown.values())
    return View(table, words.one_line(table.title or table.suite), quoted, panels, blocks, _kinds(table, quoted))


def _kinds(table: Table, quoted: bool) -> tuple[Kind, ...]:
    published = [Kind("published", "{} published", "pub.")] if quoted else []
    measured = [Kind("measured", "{} measured" if quoted else "{}", "measured")]
    if table.both:
        measured = [Kind("paper", "{} paper", "paper"), Kind("measured", "{} honest", "honest")]
    return (*published, *measured, Kind("delta", "Δ", "Δ"))


def _blocks(rows: Iterable[Row], columns: Iterable[Sequence[Shown]]) -> tuple[Block, ...]:
    """Return rows under their groups, from cells column by column."""
    lines = [Line(row, tuple(cells)) for row, *cells in zip(rows, *columns, strict=True)]
    return tuple(Block(group, tuple(found)) for group, found in groupby(lines, key=lambda line: line.row.group))


def _column(table: Table, n: int, opens: bool) -> list[Shown]:
    """Return a column's cells, row by row."""
    column, entries = table.columns[n], [row.entries[n] for row in table.rows]
    lowest = METRICS[column.metric].lowest
    places = _places([entry.mean for entry in entries], lowest)
    published = _places([entry.published for entry in entries], lowest)
    paper = _places([mean(entry.paper) for entry in entries], lowest)
    return [
        Shown(
            column,
            entry,
            published="" if entry.published is None else words.number(table, column, entry.published),
            mean="" if entry.mean is None else words.number(table, column, entry.mean),
            std="-" if entry.std is None else words.number(table, column, entry.std),
            measured=words.measured(table, column, entry) if row.measured else "",
            delta=words.delta(table, column, row, entry),
            falls=entry.delta is not None and (entry.delta < 0) != lowest,
            origin=words.origin(table, column, row, entry),
            place=place,
            published_place=published_place,
            opens=opens,
            paper=words.paper(table, column, entry) if row.measured else "",
            paper_place=paper_place,
            honest=words.honest(table, column, entry) if row.measured else "",
        )
        for row, entry, place, published_place, paper_place in zip(
            table.rows, entries, places, published, paper, strict=True
        )
    ]


def _places(values: Sequence[float | None], lowest: bool) -> list[int]:
    """Return 1 for the best values of a column, 2 for the second best, else 0; equal ones share a place."""
    rounded = [None if value is None else round(value, 9) for value in values]
    # What is not a number is unequal to itself and has no place.
    best = sorted({value for value in rounded if value is not None and value == value}, reverse=not lowest)[:2]
    return [best.index(value) + 1 if value in best else 0 for value in rounded]
