"""Rows beside each other on one axis: differences with their intervals, or means with their deviations."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kgprism.platform.settings import METRICS
from kgprism.platform.studies.reports import words
from kgprism.platform.studies.reports.entries import Entry, Table
from kgprism.platform.studies.reports.page.lines import reach
from kgprism.platform.studies.reports.page.scale import Scale, short, spanned, ticks
from kgprism.platform.studies.reports.view import Panel, Shown, View

if TYPE_CHECKING:
    from kgprism.platform.studies.reports.figures.chart import Chart, Point

#: The width of one metric's strip, in pixels.
WIDTH = 230


@dataclass(frozen=True)
class Dot:
    """A value with its reach, in pixels, and what is told of it; ``full`` where it is filled, ``falls`` for a loss."""

    x: float
    low: float
    high: float
    full: bool
    falls: bool
    text: str
    told: str
    published: float | None = None


@dataclass(frozen=True)
class Strip:
    """One metric's axis: ticks as ``(place, word)``, and where zero is, if that is on it."""

    title: str
    ticks: tuple[tuple[float, str], ...]
    zero: float | None


@dataclass(frozen=True)
class Dots:
    """Rows and metrics; ``rows`` holds each row's name and its dot on every strip, none where there is no value."""

    title: str
    strips: tuple[Strip, ...]
    rows: tuple[tuple[str, tuple[Dot | None, ...]], ...]


def forest(view: View) -> list[Dots]:
    """Return the differences panel by panel, with 95 % intervals; starred ones are filled."""
    return [found for panel in view.panels if (found := _differences(view, panel)).rows]


def beside(chart: "Chart") -> list[Dots]:
    """Return a figure whose rows stand beside each other: means with one deviation, published values hollow."""
    return [_means(chart, n) for n in range(len(chart.plots))]


def _differences(view: View, panel: Panel) -> Dots:
    lines = [line for block in panel.blocks for line in block.lines]
    some = [line for line in lines if any(cell.entry.delta is not None for cell in line.cells)]
    scales = [_around_zero([line.cells[n].entry for line in some]) for n in range(len(panel.columns))]
    strips = []
    for column, scale in zip(panel.columns, scales, strict=True):
        times = 100.0 if view.table.percent and not METRICS[column.metric].lowest else 1.0
        strips.append(_strip(f"Δ {words.TITLES[column.metric]}", scale, times))
    rows = []
    for line in some:
        found = tuple(_difference(view.table, *pair) for pair in zip(line.cells, scales, strict=True))
        rows.append((words.compared(view.table, line.row), found))
    return Dots(panel.title, tuple(strips), tuple(rows))


def _around_zero(entries: Sequence[Entry]) -> Scale:
    ends = [end for entry in entries if entry.evidence for end in entry.evidence.interval]
    return spanned([0.0, *ends, *(entry.delta for entry in entries if entry.delta is not None)], 8, WIDTH - 8)


def _difference(table: Table, cell: Shown, scale: Scale) -> Dot | None:
    entry, column = cell.entry, cell.column
    if entry.delta is None:
        return None
    low, high = entry.evidence.interval if entry.evidence else (entry.delta, entry.delta)
    told = words.worth(table, column, entry.evidence) if entry.evidence else "no interval: ranks are not kept"
    full = entry.evidence is not None and entry.evidence.starred
    return Dot(scale(entry.delta), scale(low), scale(high), full, cell.falls, cell.delta, told)


def _means(chart: "Chart", n: int) -> Dots:
    """Return one line of a figure's plots: rows are what its axis has words for."""
    plots = chart.plots[n]
    columns = [[point for curve in plot.curves for point in curve.points] for plot in plots]
    reaches = [[end for point in points for end in reach(point)] for points in columns]
    scales = [spanned(ends, 8, WIDTH - 8) for ends in reaches]
    strips = [_strip(plot.title, scale, zero=False) for plot, scale in zip(plots, scales, strict=True)]
    rows = []
    for place, word in enumerate(chart.axis.words):
        each = zip(scales, columns, strict=True)
        rows.append((word, tuple(_mean(points[place], scale) for scale, points in each)))
    return Dots("", tuple(strips), tuple(rows))


def _mean(point: "Point", scale: Scale) -> Dot | None:
    published = None if point.published is None else scale(point.published)
    told = "" if point.published is None else f"published {point.published:.4g}"
    if point.mean is None:
        return None if published is None else Dot(published, published, published, False, False, "", told, published)
    std = point.std or 0.0
    text = f"{short(round(point.mean, 4))}{'' if point.std is None else f' ± {short(round(std, 4))}'}"
    x, low, high = (scale(end) for end in (point.mean, point.mean - std, point.mean + std))
    return Dot(x, low, high, True, False, text, told, published)


def _strip(title: str, scale: Scale, times: float = 1.0, zero: bool = True) -> Strip:
    found = tuple((scale(tick), short(tick * times)) for tick in ticks(scale))
    return Strip(title, found, scale(0.0) if zero else None)
