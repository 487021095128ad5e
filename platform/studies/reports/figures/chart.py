"""What a suite's figure shows: an axis, and curves over it; where rows differ in one number, that is the axis."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from kgprism.platform import configuration
from kgprism.platform.settings import Metric
from kgprism.platform.studies.reports.entries import Row, Table
from kgprism.platform.studies.reports.notes import where
from kgprism.platform.studies.reports.words import TITLES, titled
from kgprism.platform.studies.statistics.evidence import Place
from kgprism.platform.studies.suites.cells import Cell
from kgprism.platform.studies.suites.rows import Variant
from kgprism.platform.studies.suites.suite import Suite


@dataclass(frozen=True)
class Point:
    """A mean with its deviation over seeds, and what was published, each where there is one.

    ``x`` is a place on the axis; none for a row that the axis does not touch, whose value holds everywhere.
    """

    x: float | None
    mean: float | None
    std: float | None
    published: float | None = None


@dataclass(frozen=True)
class Curve:
    """The points of one method or row, from left to right."""

    label: str
    points: tuple[Point, ...]


@dataclass(frozen=True)
class Axis:
    """Where points can be: ``ticks`` ascending, ``words`` for each where they are no numbers; ``log`` if geometric."""

    label: str
    ticks: tuple[float, ...]
    words: tuple[str, ...] = ()
    log: bool = False


@dataclass(frozen=True)
class Plot:
    """One metric on one dataset."""

    title: str
    curves: tuple[Curve, ...]


@dataclass(frozen=True)
class Chart:
    """Plots on one axis: a line of them a dataset, one a metric in it."""

    title: str
    axis: Axis
    plots: tuple[tuple[Plot, ...], ...]


@dataclass(frozen=True)
class Sweep:
    """The one key whose number differs between rows: its value by row and panel, and which rows are one curve."""

    key: str
    values: Mapping[Place, float]
    curves: Mapping[str, tuple[str, ...]]


def chart(suite: Suite, table: Table, cells: Iterable[Cell] = ()) -> Chart:
    """Return the figure of a suite: over seed ratios if there are several, else over what is swept, else by row.

    Args:
        cells: what was asked, whose settings may not be the suite's own.
    """
    table = table.beside_published()
    places = list(dict.fromkeys(column.place for column in table.columns))
    if len({ratio for _, ratio in places}) > 1:
        return over_seed_ratios(table)
    found = sweep(suite, cells, places)
    return by_row(table) if found is None else _swept(table, found)


def over_seed_ratios(table: Table) -> Chart:
    """Return a curve a row, over the share of known pairs."""

    def plot(dataset: str, metric: Metric) -> Plot:
        numbers = [n for n, c in enumerate(table.columns) if (c.dataset, c.metric) == (dataset, metric)]
        numbers.sort(key=lambda n: table.columns[n].seed_ratio or 0.0)
        places = [(100 * (table.columns[n].seed_ratio or 0.0), n) for n in numbers]
        curves = [Curve(row.label, tuple(_point(x, row, n) for x, n in places)) for row in table.rows]
        return Plot(f"{dataset}: {TITLES[metric]}", tuple(curves))

    datasets = dict.fromkeys(column.dataset for column in table.columns)
    metrics = list(dict.fromkeys(column.metric for column in table.columns))
    ticks = sorted({100 * (column.seed_ratio or 0.0) for column in table.columns})
    plots = tuple(tuple(plot(dataset, metric) for metric in metrics) for dataset in datasets)
    return Chart(table.title or table.suite, Axis("seed pairs (%)", tuple(ticks)), plots)


def by_row(table: Table) -> Chart:
    """Return the rows beside each other, for rows that differ in words or in more than one key."""
    words = tuple(titled(table, row) for row in table.rows)

    def plot(title: str, n: int) -> Plot:
        points = tuple(_point(float(place), row, n) for place, row in enumerate(table.rows))
        return Plot(title, (Curve("", points),))

    axis = Axis("", tuple(float(n) for n in range(len(words))), words)
    return Chart(table.title or table.suite, axis, _plots(table, plot))


def sweep(suite: Suite, cells: Iterable[Cell], places: Iterable[tuple[str, float | None]]) -> Sweep | None:
    """Return the key that a suite sweeps: the only one that its rows set, if that makes it two numbers or more."""
    keys = {key for variant in suite.variants for key in variant.override}
    if len(keys) != 1:
        return None
    (key,) = keys
    asked = {(cell.variant, cell.dataset, cell.seed_ratio): cell.run.configuration for cell in cells}
    values: dict[Place, float] = {}
    members: dict[tuple[str, str | None], list[Variant]] = {}
    for variant in suite.variants:
        found = {place: asked.get((variant.id, *place)) or _settings(suite, variant, *place) for place in places}
        numbers = {place: settings.get(key) for place, settings in found.items()}
        if all(_is_number(number) for number in numbers.values()):
            values |= {(variant.id, *place): float(number) for place, number in numbers.items() if number is not None}
            members.setdefault(suite.composed(variant), []).append(variant)
    if len(set(values.values())) < 2:
        return None
    named = {_name(method, rows, preset, members): rows for (method, preset), rows in members.items()}
    return Sweep(key, values, {name: tuple(row.id for row in rows) for name, rows in named.items()})


def is_geometric(ticks: Iterable[float]) -> bool:
    """Tell whether the ratios of neighbours are more alike than their steps: 16, 32, 64, and also .001, .005, .01."""
    ticks = sorted(ticks)
    if len(ticks) < 3 or ticks[0] <= 0:
        return False
    pairs = list(pairwise(ticks))
    ratios, steps = [right / left for left, right in pairs], [right - left for left, right in pairs]
    return max(ratios) / min(ratios) < max(steps) / min(steps)


def _swept(table: Table, found: Sweep) -> Chart:
    curves_of = {row: name for name, rows in found.curves.items() for row in rows}

    def plot(title: str, n: int) -> Plot:
        points: dict[str, list[Point]] = {}
        for row in table.rows:
            x = found.values.get((row.id, *table.columns[n].place))
            points.setdefault(curves_of.get(row.id, row.label), []).append(_point(x, row, n))
        return Plot(
            title, tuple(Curve(name, tuple(sorted(some, key=lambda p: p.x or 0.0))) for name, some in points.items())
        )

    shown = {row.id for row in table.rows}
    ticks = tuple(sorted({x for (row, *_), x in found.values.items() if row in shown}))
    axis = Axis(found.key, ticks, log=is_geometric(ticks))
    return Chart(table.title or table.suite, axis, _plots(table, plot))


def _plots(table: Table, plot: Callable[[str, int], Plot]) -> tuple[tuple[Plot, ...], ...]:
    """Return ``plot(title, column)`` of every column, a line of them a panel."""
    lines: dict[tuple[str, float | None], list[Plot]] = {}
    for n, column in enumerate(table.columns):
        title = f"{where(*column.place)}: {TITLES[column.metric]}"
        lines.setdefault(column.place, []).append(plot(title, n))
    return tuple(tuple(line) for line in lines.values())


def _point(x: float | None, row: Row, n: int) -> Point:
    entry = row.entries[n]
    return Point(x, entry.mean, entry.std, entry.published)


def _settings(suite: Suite, variant: Variant, dataset: str, seed_ratio: float | None) -> dict[str, Any]:
    """Return the configuration of a row as the suite has it."""
    from kgprism.platform.method import load  # it waits for torch, which most figures do not need

    method, preset = suite.composed(variant)
    kind: Any = load(method)
    layers = suite.layers(variant, dataset, seed_ratio, {})
    return configuration.flatten(configuration.resolve(kind.Config, kind.presets[preset] if preset else {}, *layers))


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _name(method: str, rows: list[Variant], preset: str | None, members: Iterable[tuple[str, str | None]]) -> str:
    """Return what the rows of a curve are all called; else their method, and its preset where that is needed."""
    titles = {row.title for row in rows}
    if len(titles) == 1 and len(rows) > 1:
        return titles.pop()
    from kgprism.platform.method import load

    name = load(method).__name__
    return f"{name} ({preset})" if sum(other == method for other, _ in members) > 1 else name
