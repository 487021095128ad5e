"""Frozen beside re-tuned rows on sheets of paper: what stands on which, and how wide its words are."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kgprism.platform.studies.reports.fair.told import heading, remarks, sections
from kgprism.platform.studies.reports.pages import SIZES, WIDTH, letters

if TYPE_CHECKING:
    from kgprism.platform.studies.reports.entries import Table

#: The rows of a sheet, of which each may take four lines.
_ROWS = 14
_SIZE = SIZES[-1]
#: Points of a column of words at least, and of a row's name at most.
_LEAST, _NAME = 56.0, 110.0


@dataclass(frozen=True)
class Sheet:
    """A table: ``head`` in two lines, columns of numbers between two of words that are ``name`` and ``last`` wide."""

    caption: str
    head: tuple[tuple[str, str], ...]
    rows: tuple[tuple[str, ...], ...]
    name: int
    last: int
    notes: tuple[str, ...]


def sheets(table: "Table") -> list[Sheet]:
    """Return the sheets of what was re-tuned, none where nothing was; remarks stand under the last."""
    found = list(_sheets(table))
    if not found or table.fair is None:
        return found
    last = found[-1]
    return [*found[:-1], Sheet(last.caption, last.head, last.rows, last.name, last.last, tuple(remarks(table.fair)))]


def _sheets(table: "Table") -> Iterator[Sheet]:
    for section in sections(table):
        head = tuple(_halved(word) for word in section.head)
        lines = [*([half[n] for half in head] for n in (0, 1)), *section.rows]
        widths = [
            _SIZE.letter * max(letters(word.replace("-", "+")) for word in words) for words in zip(*lines, strict=True)
        ]
        room = WIDTH - sum(widths[1:-1]) - 2 * _SIZE.space * (len(widths) - 1)
        name = max(min(widths[0], _NAME, room - _LEAST), _LEAST)
        left = room - name
        for n in range(0, len(section.rows), _ROWS):
            more = " (continued)" if n else ""
            caption = f"{section.title}{more}. {heading(table.fair)}" if table.fair else ""
            yield Sheet(caption, head, section.rows[n : n + _ROWS], int(name), int(max(left, _LEAST)), ())


def _halved(word: str) -> tuple[str, str]:
    """Return a column's head in two lines, the first of which is empty where it is short."""
    for part in (" best ", " ("):
        before, found, after = word.partition(part)
        if found:
            return before, f"{found}{after}".strip()
    return "", word


def _across(word: str) -> float:
    """Return the width of a word whose hyphens are set as minuses, as wide as a plus."""
    return letters(word.replace("-", "+"))
