"""Differences with their intervals, as a drawing a panel."""

from collections.abc import Iterator
from textwrap import fill
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from kgprism.platform.settings import METRICS
from kgprism.platform.studies.reports.entries import Entry, Table
from kgprism.platform.studies.reports.figures.plot import written
from kgprism.platform.studies.reports.notes import where
from kgprism.platform.studies.reports.words import TITLES, compared

#: A gain and a loss.
_COLOURS = ("#067647", "#b42318")
#: Letters of a row's name in one line.
_LINE = 30


def forests(table: Table) -> Iterator[tuple[str, Figure]]:
    """Yield the title of each panel with differences, and its drawing: axes for each metric; what is real is filled."""
    for place in dict.fromkeys(column.place for column in table.columns):
        numbers = [n for n, column in enumerate(table.columns) if column.place == place]
        rows = [row for row in table.rows if any(row.entries[n].delta is not None for n in numbers)]
        if not rows:
            continue
        made = Figure(figsize=(1.8 + 2.6 * len(numbers), 1.0 + 0.34 * len(rows)), layout="constrained", dpi=110)
        axes = made.subplots(1, len(numbers), squeeze=False, sharey=True)[0]
        for axis, n in zip(axes, numbers, strict=True):
            metric = table.columns[n].metric
            lowest = METRICS[metric].lowest
            _draw(axis, [row.entries[n] for row in rows], 100.0 if table.percent and not lowest else 1.0, lowest)
            axis.set_title(f"Δ {TITLES[metric]}", fontsize="medium")
        axes[0].set_yticks(range(len(rows)), [written(fill(compared(table, row), _LINE)) for row in rows])
        axes[0].set_ylim(len(rows) - 0.5, -0.5)
        made.suptitle(written(where(*place)), fontsize="medium")
        yield where(*place), made


def _draw(axis: Axes, entries: list[Entry], times: float, lowest: bool) -> None:
    axis.axvline(0.0, color="0.6", linestyle=":", linewidth=1)
    axis.grid(axis="x", alpha=0.25)
    axis.spines[["top", "right"]].set_visible(False)
    for place, entry in enumerate(entries):
        if entry.delta is None:
            continue
        colour = _COLOURS[entry.delta != 0.0 and (entry.delta < 0) != lowest]
        low, high = entry.evidence.interval if entry.evidence else (entry.delta, entry.delta)
        axis.plot([low * times, high * times], [place, place], color=colour, linewidth=1.4)
        real = entry.evidence is not None and entry.evidence.starred
        style: dict[str, Any] = {"marker": "o", "markersize": 5, "markeredgecolor": colour, "zorder": 3}
        axis.plot([entry.delta * times], [place], markerfacecolor=colour if real else "white", **style)
