"""Lines over an axis as a drawing: learning curves, and figures over seed ratios or what is swept."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kgprism.platform.studies.reports.page.scale import Scale, short, spanned, thinned, ticks

if TYPE_CHECKING:
    from kgprism.platform.studies.reports.figures.chart import Axis, Plot, Point

#: A drawing's size, and the frame in which its lines are, in pixels.
WIDTH, HEIGHT = 300, 190
LEFT, RIGHT, TOP, BOTTOM = 46, WIDTH - 8, 10, HEIGHT - 34


@dataclass(frozen=True)
class Mark:
    """A point that is told when one points at it."""

    x: float
    y: float
    told: str
    hollow: bool = False


@dataclass(frozen=True)
class Line:
    """A curve in its colour, the `colour`-th: SVG paths of the line, of its band, of what was published."""

    label: str
    colour: int
    path: str
    band: str = ""
    published: str = ""
    marks: tuple[Mark, ...] = ()
    level: bool = False


@dataclass(frozen=True)
class Drawing:
    """A frame with ticks, ``(place, word)`` each, and lines."""

    title: str
    across: str
    x_ticks: tuple[tuple[float, str], ...]
    y_ticks: tuple[tuple[float, str], ...]
    lines: tuple[Line, ...]


def over_epochs(title: str, curves: Sequence[tuple[str, Sequence[float], Sequence[float]]]) -> Drawing:
    """Draw ``(label, epochs, values)`` each as a line of at most 200 points."""
    return _over(title, "epoch", curves)


def over_trials(title: str, curves: Sequence[tuple[str, Sequence[float], Sequence[float]]]) -> Drawing:
    """Draw ``(label, numbers of trials, values)`` each as a line."""
    return _over(title, "trials", curves)


def _over(title: str, across: str, curves: Sequence[tuple[str, Sequence[float], Sequence[float]]]) -> Drawing:
    points = [(label, thinned(epochs, values)) for label, epochs, values in curves]
    every = [point for _, some in points for point in some]
    along = spanned((x for x, _ in every), LEFT, RIGHT, 0.01)
    up = spanned((y for _, y in every), BOTTOM, TOP)
    lines = [
        Line(label, n, _path(some, along, up), marks=_last(across, some, along, up))
        for n, (label, some) in enumerate(points)
    ]
    return _framed(
        title, across, along, up, [(along(x), short(x)) for x in ticks(along, 5) if abs(x - round(x)) < 1e-9], lines
    )


def over_axis(plot: "Plot", axis: "Axis") -> Drawing:
    """Draw one plot of a figure: curves with bands of one deviation, published values hollow, levels dashed."""
    low, high = axis.ticks[0], axis.ticks[-1]
    if axis.log:
        along = Scale(low / (high / low) ** 0.05, high * (high / low) ** 0.05, LEFT, RIGHT, log=True)
    else:
        along = spanned(axis.ticks, LEFT, RIGHT)
    up = spanned([y for curve in plot.curves for point in curve.points for y in reach(point)], BOTTOM, TOP)
    lines = [_line(n, curve.label, curve.points, along, up) for n, curve in enumerate(plot.curves)]
    return _framed(plot.title, axis.label, along, up, _apart([(along(x), short(x)) for x in axis.ticks]), lines)


def reach(point: "Point") -> list[float]:
    """Return the values that must be on the axis of a point."""
    mean, std = point.mean, point.std or 0.0
    ends = [] if mean is None else [mean - std, mean + std]
    return ends if point.published is None else [*ends, point.published]


def _line(n: int, label: str, points: "Sequence[Point]", along: Scale, up: Scale) -> Line:
    """Draw a curve; a row that the axis does not touch is a level from one end to the other."""
    level = any(point.x is None for point in points)
    ends = (along.low, along.high)
    placed = [(x, p) for p in points for x in (ends if p.x is None else (p.x,))]
    own = [(x, p.mean, p.std) for x, p in placed if p.mean is not None]
    known = [(x, mean, std) for x, mean, std in own if std is not None]
    edge = [(x, mean + std) for x, mean, std in known] + [(x, mean - std) for x, mean, std in reversed(known)]
    quoted = [(x, p.published) for x, p in placed if p.published is not None]
    marks = [Mark(along(x), up(y), f"{label} · {short(x)}: {y:.4g}{_spread(std)}") for x, y, std in own]
    marks += [Mark(along(x), up(y), f"{label} · {short(x)}: {y:.4g} published", hollow=True) for x, y in quoted]
    path, band = _path([(x, mean) for x, mean, _ in own], along, up), _path(edge, along, up)
    band = f"{band}Z" if len(known) > 1 else ""
    return Line(label, n, path, band, _path(quoted, along, up), () if level else tuple(marks), level)


def _spread(std: float | None) -> str:
    return "" if std is None else f" ± {std:.2g}"


def _last(across: str, points: Sequence[tuple[float, float]], along: Scale, up: Scale) -> tuple[Mark, ...]:
    """Mark a curve of a single point, which has no line."""
    return tuple(Mark(along(x), up(y), f"{across} {short(x)}: {y:.4g}") for x, y in points) if len(points) == 1 else ()


def _path(points: Sequence[tuple[float, float]], along: Scale, up: Scale) -> str:
    """Return the points as an SVG path; what is no number was left out."""
    places = [f"{along(x):g} {up(y):g}" for x, y in points if math.isfinite(y)]
    return f"M{'L'.join(places)}" if places else ""


def _apart(found: Sequence[tuple[float, str]]) -> list[tuple[float, str]]:
    """Leave the words out of ticks that would be written over the one before."""
    kept, last = [], -math.inf
    for place, word in found:
        fits = place - last > 6 * len(word) + 4
        kept.append((place, word if fits else ""))
        last = place if fits else last
    return kept


def _framed(
    title: str, across: str, along: Scale, up: Scale, x_ticks: Sequence[tuple[float, str]], lines: Sequence[Line]
) -> Drawing:
    y_ticks = tuple((up(y), short(y)) for y in ticks(up))
    return Drawing(title, across, tuple(x_ticks), y_ticks, tuple(lines))
