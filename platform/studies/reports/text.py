"""A table in aligned words: as plain text, and the rows of its Markdown."""

from collections.abc import Sequence

from kgprism.platform.studies.reports.fair.told import heading, remarks, sections
from kgprism.platform.studies.reports.view import Panel, View
from kgprism.platform.studies.reports.words import TITLES, counted, one_line


def text(view: View) -> str:
    """Return the table for a terminal or a log."""
    lines = [view.heading]
    for panel in view.panels:
        lines += ["", panel.title, *_ruled(spelled(view, panel, "{}:"))]
    lines += ["", *_ruled(rows)] if (rows := counted(view.table)) else []
    lines += map(one_line, view.table.notes)
    if fair := view.table.fair:
        lines += ["", heading(fair)]
        for section in sections(view.table):
            lines += ["", section.title, *_ruled([section.head, *section.rows], words=True)]
        lines += remarks(fair)
    return "\n".join([*lines, ""])


def _ruled(rows: Sequence[Sequence[str]], *, words: bool = False) -> list[str]:
    """Return a head and rows as lines between rules; the last column has `words`, or numbers."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    rule = "-" * (sum(widths) + 2 * len(widths) - 2)
    each = [justified(row, widths) if not words else [*justified(row, widths)[:-1], row[-1]] for row in rows]
    head, *body = ["  ".join(row).rstrip() for row in each]
    return [rule, head, rule, *body, rule]


def markdown_rows(view: View, panel: Panel) -> list[list[str]]:
    """Return the rows of a panel, head and rule included, each cell as wide as its column."""
    return piped(spelled(view, panel, "*{}*"))


def piped(rows: Sequence[Sequence[str]]) -> list[list[str]]:
    """Return a head and rows as Markdown has them, a rule between, each cell as wide as its column."""
    rows = [[word.replace("|", "\\|") for word in row] for row in rows]
    widths = [max(3, *map(len, words)) for words in zip(*rows, strict=True)]
    rule = [("-" * (width - 1) + ":") if n else "-" * width for n, width in enumerate(widths)]
    head, *body = [justified(row, widths) for row in rows]
    return [head, rule, *body]


def spelled(view: View, panel: Panel, group: str) -> list[list[str]]:
    """Return head and rows of a panel as words; a group's name, written as `group`, is a row of its own."""
    titles = [TITLES[column.metric] for column in panel.columns]
    head = ["Variant", *(kind.title.format(title) for title in titles for kind in view.kinds)]
    rows = [head]
    for block in panel.blocks:
        if block.group:
            rows.append([group.format(one_line(block.group)), *[""] * (len(head) - 1)])
        for line in block.lines:
            rows.append([one_line(line.row.label), *(cell.said(kind) for cell in line.cells for kind in view.kinds)])
    return rows


def justified(row: Sequence[str], widths: Sequence[int]) -> list[str]:
    """Return words filled up to their columns' widths: the first to the left, numbers to the right."""
    first, *others = zip(row, widths, strict=True)
    return [first[0].ljust(first[1]), *(word.rjust(width) for word, width in others)]
