"""A table on sheets of paper: what stands side by side, what goes on the next sheet, how large the letters are."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from kgprism.platform.settings import Metric
from kgprism.platform.studies.reports.view import Block, Line, Panel, Shown, View
from kgprism.platform.studies.reports.words import TITLES

#: Points of the text on a page, the least of what ACL, ACM, IEEE and LaTeX's own article have on two columns.
WIDTH, HEIGHT = 455.0, 550.0
#: Points of a caption in two lines, and of what surrounds the lines of a table's head.
_CAPTION = 52.0
#: A rule and the space above a group, in the size of a letter.
_RULE, _SPACE = 0.55, 0.5


@dataclass(frozen=True)
class Size:
    """A size of letters: its LaTeX name, points of a letter, of a line, and of the space beside a column.

    ``letter`` is what ten points would be: small letters are the broader for their height.
    """

    name: str
    letter: float
    line: float
    space: float


#: The largest first. The last is for what is wide by itself.
SIZES = (
    Size("normalsize", 10, 12, 6),
    Size("small", 9.25, 11, 4),
    Size("footnotesize", 8.5, 9.5, 3),
    Size("scriptsize", 8, 8, 2.5),
)
_NOTES = SIZES[2]
#: Widths of Computer Modern's letters, of which all others that papers are set in are narrower.
_EMS = (
    (0.28, "ijl.,:;'|"),
    (0.34, " "),
    (0.4, "frstI()[]/-"),
    (0.5, "0123456789aceg_oqvxyzJ*"),
    (0.56, "bdhknpuS"),
    (0.76, "wBCDEFLPRTZ"),
    (0.8, "AGHKNOQUVXY+=±<>&"),
    (0.86, "m%Δ"),
    (1.05, "MW—@"),
)
_WIDTHS = {letter: width for width, letters in _EMS for letter in letters}
_BOLD = 1.15


@dataclass(frozen=True)
class Section:
    """Panels side by side, by their titles; each line has the cells of all."""

    titles: tuple[str, ...]
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Page:
    """What goes on one sheet: sections below each other, each of at most `beside` panels with these metrics."""

    size: Size
    metrics: tuple[Metric, ...]
    beside: int
    sections: tuple[Section, ...]
    notes: tuple[str, ...] = ()


def pages(view: View) -> list[Page]:
    """Return the sheets of a table: one if all fits, with the notes where they fit."""
    metrics = tuple(dict.fromkeys(column.metric for column in view.table.columns))
    found = [page for group in _groups(view, metrics) for page in _sheets(view, group)]
    return list(_with_notes(found, view.table.notes))


def width(view: View, metrics: Sequence[Metric], beside: int, size: Size) -> float:
    """Return the points across a table with so many panels side by side, somewhat more than LaTeX takes."""
    columns = [column for metric in metrics for column in _columns(view, metric)]
    label = max((letters(line.row.label) for block in view.blocks for line in block.lines), default=0.0)
    return size.letter * (max(label, 3.5) + beside * sum(columns)) + 2 * size.space * beside * len(columns)


def height(section: Section, size: Size) -> float:
    """Return the points from a section's title to its last line."""
    title = 2 * _RULE * size.letter + size.line
    return title + sum(_head(block, size) + size.line * len(block.lines) for block in section.blocks)


def _groups(view: View, metrics: tuple[Metric, ...]) -> list[tuple[Metric, ...]]:
    """Return metrics in the fewest groups that are no wider than a page, about as long as each other."""
    for parts in range(1, len(metrics) + 1):
        bounds = [round(n * len(metrics) / parts) for n in range(parts + 1)]
        groups = [metrics[low:high] for low, high in pairwise(bounds)]
        if all(width(view, group, 1, SIZES[-1]) <= WIDTH for group in groups):
            return groups
    return [(metric,) for metric in metrics]


def _sheets(view: View, metrics: tuple[Metric, ...]) -> list[Page]:
    """Return the sheets of some metrics: as few as may be, and then in letters as large as may be."""
    panels = [_of(panel, metrics) for panel in view.panels]
    found = [
        _laid_out(panels, metrics, beside, size)
        for size in SIZES
        for beside in range(1, len(panels) + 1)
        if width(view, metrics, beside, size) <= WIDTH
    ]
    return min(found or [_laid_out(panels, metrics, 1, SIZES[-1])], key=len)


def _laid_out(panels: Sequence[Panel], metrics: tuple[Metric, ...], beside: int, size: Size) -> list[Page]:
    sections = [_beside(panels[n : n + beside]) for n in range(0, len(panels), beside)]
    return [Page(size, metrics, beside, tuple(sheet)) for sheet in _filled(sections, size)]


def _of(panel: Panel, metrics: Sequence[Metric]) -> Panel:
    """Return a panel with some of its metrics."""

    def some(line: Line) -> Line:
        return Line(line.row, tuple(cell for cell in line.cells if cell.column.metric in metrics))

    blocks = tuple(Block(block.group, tuple(some(line) for line in block.lines)) for block in panel.blocks)
    return Panel(panel.title, tuple(column for column in panel.columns if column.metric in metrics), blocks)


def _beside(panels: Sequence[Panel]) -> Section:
    """Return panels, which all have the same rows, as one section."""
    blocks = []
    for same in zip(*(panel.blocks for panel in panels), strict=True):
        lines = zip(*(block.lines for block in same), strict=True)
        joined = tuple(Line(some[0].row, tuple(cell for line in some for cell in line.cells)) for some in lines)
        blocks.append(Block(same[0].group, joined))
    return Section(tuple(panel.title for panel in panels), tuple(blocks))


def _filled(sections: Iterable[Section], size: Size) -> Iterator[list[Section]]:
    """Yield sections by sheet; only one that is higher than a sheet is cut."""
    sheet: list[Section] = []
    room = _room(size)
    for section in sections:
        for part in _cut(section, size, _room(size)):
            needed = height(part, size)
            if sheet and needed > room:
                yield sheet
                sheet, room = [], _room(size)
            sheet.append(part)
            room -= needed
    yield sheet


def _cut(section: Section, size: Size, room: float) -> Iterator[Section]:
    """Yield a section in parts that are no higher than `room`; a group that is cut is named again."""
    blocks: list[Block] = []
    left = room - height(Section(section.titles, ()), size)
    for block in section.blocks:
        lines: list[Line] = []
        for line in block.lines:
            needed = size.line + (0 if lines else _head(block, size))
            if needed > left and (blocks or lines):
                yield Section(section.titles, (*blocks, *_some(block, lines)))
                blocks, lines, left = [], [], room - height(Section(section.titles, ()), size)
                needed = size.line + _head(block, size)
            lines.append(line)
            left -= needed
        blocks += _some(block, lines)
    yield Section(section.titles, tuple(blocks))


def _some(block: Block, lines: Sequence[Line]) -> list[Block]:
    return [Block(block.group, tuple(lines))] if lines else []


def _with_notes(sheets: Sequence[Page], notes: Sequence[str]) -> Iterator[Page]:
    """Yield the sheets, with the notes on the last as far as there is room, and the others on sheets of their own."""
    yield from sheets[:-1]
    last = sheets[-1]
    room = _room(last.size) - sum(height(section, last.size) for section in last.sections)
    held: list[str] = []
    for note in notes:
        needed = _NOTES.line * (1 + letters(note) * _NOTES.letter // (0.87 * WIDTH))
        if needed > room and (held or last.sections):
            yield replace(last, notes=tuple(held))
            last, held, room = replace(last, sections=()), [], HEIGHT - _CAPTION
        held.append(note)
        room -= needed
    yield replace(last, notes=tuple(held))


def _room(size: Size) -> float:
    """Return the points that are left for sections on a sheet, below the caption and the two lines of the head."""
    return HEIGHT - _CAPTION - 2 * size.line


def _head(block: Block, size: Size) -> float:
    return _SPACE * size.letter + (size.line if block.group else 0)


def _columns(view: View, metric: Metric) -> list[float]:
    """Return the widths of a metric's columns in the size of a letter, the difference last."""
    cells = [cell for block in view.blocks for line in block.lines for cell in line.cells]
    words = [_words(view, cell) for cell in cells if cell.column.metric == metric]
    names = [kind.short for kind in view.kinds]
    found = [max(map(letters, [name, *column])) for name, *column in zip(names, *words, strict=True)]
    found = [*(_BOLD * width for width in found[:-1]), found[-1]]
    return found if sum(found) >= letters(TITLES[metric]) else [letters(TITLES[metric]) / len(found)] * len(found)


def _words(view: View, cell: Shown) -> list[str]:
    """Return what a cell says; in a difference the hyphen is set as a minus, as wide as a plus."""
    said = [cell.said(kind) for kind in view.kinds]
    return [*said[:-1], said[-1].replace("-", "+")]


def letters(text: str) -> float:
    """Return the width of a text in the size of a letter."""
    return sum(_WIDTHS.get(letter, 0.6) for letter in text)
