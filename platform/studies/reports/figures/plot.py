"""A chart as PNG, SVG or PDF."""

import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from io import BytesIO
from itertools import cycle
from pathlib import Path
from textwrap import fill
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from kgprism.platform.files import write_bytes
from kgprism.platform.studies.reports.figures.chart import Axis, Chart, Curve, Plot, Point

#: Letters embedded as letters, as publishers ask; and equal charts are equal files.
_OPTIONS: Any = {"pdf.fonttype": 42, "svg.hashsalt": "kgprism"}
_UNDATED = {"pdf": "CreationDate", "svg": "Date"}
#: Ten colours, then again with other marks.
_STYLES = [(f"C{n}", mark) for mark in "os^Dv" for n in range(10)]
#: Letters of a row's name in one line.
_LINE = 30


@contextmanager
def any_letter() -> Iterator[None]:
    """Let a letter that the font lacks be a box, without forty lines about it."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"Glyph \d+")
        yield


def draw(chart: Chart, paths: Iterable[Path]) -> None:
    """Draw one plot a dataset and metric into files, whose endings say the format.

    Curves have a band of one deviation over seeds; rows beside each other have bars; published values are hollow marks.
    """
    with rc_context(_OPTIONS), any_letter():
        made = drawing(chart)
        for path in paths:
            ending = path.suffix.removeprefix(".").lower()
            undated = {_UNDATED[ending]: None} if ending in _UNDATED else None
            file = BytesIO()
            made.savefig(file, format=ending, metadata=undated)
            write_bytes(path, file.getvalue())


def drawing(chart: Chart) -> Figure:
    """Return a chart as matplotlib draws it."""
    height, width, names = len(chart.plots), max(len(line) for line in chart.plots), chart.axis.words
    lines = sum(1 + fill(name, _LINE).count("\n") for name in names)
    across, down = (3.2, max(0.8 + 0.22 * lines, 1.6)) if names else (4.2, 3.2)
    size = (1.6 * bool(names) + across * width, 1.0 + down * height)
    made = Figure(figsize=size, layout="constrained", dpi=150)
    axes = made.subplots(height, width, squeeze=False, sharey="row" if names else False)
    for i, line in enumerate(chart.plots):
        for j, plot in enumerate(line):
            (_rows if names else _curves)(axes[i, j], chart.axis, plot)
    named = dict(zip(*axes[0, 0].get_legend_handles_labels()[::-1], strict=True))
    labels = sorted(named, key="published".__eq__)  # what is measured comes first, else as it is
    handles = [named[label] for label in labels]
    made.legend(handles, labels, loc="outside lower center", ncols=min(4, len(labels)), frameon=False)
    made.suptitle(written(fill(chart.title, max(30, int(11 * size[0])))))
    # Laid out once: each further time would move things a little.
    made.draw_without_rendering()
    made.set_layout_engine("none")
    return made


def _curves(axis: Axes, along: Axis, plot: Plot) -> None:
    if along.log:
        axis.set_xscale("log")
        axis.minorticks_off()
    axis.set_xlim(*_limits(along))
    axis.set_xticks(along.ticks, [f"{tick:g}" for tick in along.ticks])
    axis.set(title=written(plot.title), xlabel=written(along.label))
    axis.grid(alpha=0.25)
    axis.spines[["top", "right"]].set_visible(False)
    for curve, (colour, mark) in zip(plot.curves, cycle(_STYLES), strict=False):
        everywhere = [point for point in curve.points if point.x is None]
        if everywhere:
            _level(axis, curve.label, everywhere[0], colour)
        else:
            _curve(axis, curve, colour, mark)
    if any(point.published is not None and point.x is not None for curve in plot.curves for point in curve.points):
        axis.plot([], [], linestyle=":", marker="o", markerfacecolor="none", color="0.4", label="published")


def _limits(along: Axis) -> tuple[float, float]:
    """Return where the axis begins and ends: all of its ticks are seen, whatever there is to draw."""
    first, last = along.ticks[0], along.ticks[-1]
    if along.log:
        wider = (last / first) ** 0.05
        return first / wider, last * wider
    margin = (last - first) * 0.05 or 1.0
    return first - margin, last + margin


def _curve(axis: Axes, curve: Curve, colour: str, mark: str) -> None:
    own = [(point.x or 0.0, point.mean, point.std) for point in curve.points if point.mean is not None]
    axis.plot([x for x, *_ in own], [mean for _, mean, _ in own], marker=mark, color=colour, label=written(curve.label))
    known = [(x, mean, std) for x, mean, std in own if std is not None]
    band: dict[str, Any] = {"color": colour, "alpha": 0.15, "linewidth": 0}
    if len(known) > 1:
        low, high = [mean - std for _, mean, std in known], [mean + std for _, mean, std in known]
        axis.fill_between([x for x, *_ in known], low, high, **band)
    for x, mean, std in known if len(known) == 1 else ():
        axis.errorbar(x, mean, yerr=std, color=colour, capsize=2)
    published = [(point.x or 0.0, point.published) for point in curve.points if point.published is not None]
    if published:
        style: dict[str, Any] = {"linestyle": ":", "linewidth": 0.8, "marker": mark, "markerfacecolor": "none"}
        axis.plot(*zip(*published, strict=True), **style, color=colour)


def _level(axis: Axes, label: str, point: Point, colour: str) -> None:
    """Draw a value that holds along the whole axis: dashed, and dotted where it was published."""
    axis.plot([], [], linestyle="--", color=colour, label=written(label))
    if point.mean is not None:
        axis.axhline(point.mean, linestyle="--", color=colour)
        if point.std is not None:
            axis.axhspan(point.mean - point.std, point.mean + point.std, color=colour, alpha=0.15, linewidth=0)
    if point.published is not None:
        axis.axhline(point.published, linestyle=":", color=colour)


def _rows(axis: Axes, along: Axis, plot: Plot) -> None:
    axis.set_yticks(along.ticks, [written(fill(word, _LINE)) for word in along.words])
    axis.set_ylim(len(along.ticks) - 0.5, -0.5)
    axis.set_title(written(fill(plot.title, _LINE + 10)), fontsize="medium")
    axis.grid(alpha=0.25)
    axis.spines[["top", "right"]].set_visible(False)
    points = [point for curve in plot.curves for point in curve.points]
    own = [(point.mean, point.x, point.std or 0.0) for point in points if point.mean is not None]
    means, places, stds = zip(*own, strict=True) if own else ((), (), ())
    axis.errorbar(means, places, xerr=stds if own else None, fmt="o", capsize=3, color="C0", label="measured ± std")
    published = [(point.published, point.x) for point in points if point.published is not None]
    if published:
        style: dict[str, Any] = {"linestyle": "none", "marker": "o", "markerfacecolor": "none", "color": "C1"}
        axis.plot(*zip(*published, strict=True), **style, label="published")


def written(words: str) -> str:
    """Return what is drawn as it is written: dollars begin mathematics, and a label's line in front hides it."""
    words = words.replace("$", r"\$")
    return f"\N{ZERO WIDTH SPACE}{words}" if words.startswith("_") else words
