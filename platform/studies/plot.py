"""A suite as line plots over seed ratios."""

from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from kgprism.platform.studies.table import Column, Row, Table
from kgprism.platform.studies.words import TITLES


def figure(table: Table, path: Path) -> Path:
    """Draw one plot a dataset and metric, one line a variant with its deviation; PNG, SVG or PDF by the path's ending.

    Published values, if any, are hollow marks.
    """
    datasets = list(dict.fromkeys(column.dataset for column in table.columns))
    metrics = list(dict.fromkeys(column.metric for column in table.columns))
    drawing = Figure(figsize=(4.2 * len(metrics), 0.6 + 3.2 * len(datasets)), layout="constrained", dpi=150)
    axes = drawing.subplots(len(datasets), len(metrics), squeeze=False)
    for i, dataset in enumerate(datasets):
        for j, metric in enumerate(metrics):
            numbers = [n for n, c in enumerate(table.columns) if (c.dataset, c.metric) == (dataset, metric)]
            numbers.sort(key=lambda n: table.columns[n].seed_ratio or 0.0)
            _plot(axes[i, j], table, numbers, f"{dataset}: {TITLES[metric]}")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    drawing.legend(handles, labels, loc="outside lower center", ncols=min(4, len(labels)), frameon=False)
    drawing.suptitle(table.title or table.suite)
    path.parent.mkdir(parents=True, exist_ok=True)
    drawing.savefig(path)
    return path


def _plot(axis: Axes, table: Table, numbers: list[int], title: str) -> None:
    columns = [table.columns[n] for n in numbers]
    ticks = sorted({column.seed_ratio or 0.0 for column in columns})
    axis.set_xticks([tick * 100 for tick in ticks])
    axis.set(title=title, xlabel="seed pairs (%)")
    axis.grid(alpha=0.25)
    axis.spines[["top", "right"]].set_visible(False)
    for row in table.rows:
        _line(axis, row, columns, numbers)


def _line(axis: Axes, row: Row, columns: list[Column], numbers: list[int]) -> None:
    entries = [(100 * (column.seed_ratio or 0.0), row.entries[n]) for column, n in zip(columns, numbers, strict=True)]
    own = [(x, entry.mean, entry.std or 0.0) for x, entry in entries if entry.mean is not None]
    drawn = axis.errorbar([], [], marker="o", capsize=2, label=row.label)
    colour = drawn.lines[0].get_color()
    if own:
        x, mean, std = zip(*own, strict=True)
        axis.errorbar(x, mean, yerr=std, marker="o", capsize=2, color=colour)
    published = [(x, entry.published) for x, entry in entries if entry.published is not None]
    if published:
        axis.plot(*zip(*published, strict=True), linestyle="none", marker="o", markerfacecolor="none", color=colour)
