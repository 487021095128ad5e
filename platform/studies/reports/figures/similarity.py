"""A suite as curves over how alike the pictures of test pairs are (IBMEA, Figure 5)."""

from collections.abc import Callable, Iterable
from statistics import fmean, stdev

from kgprism.platform.data.graph import Dataset
from kgprism.platform.settings import Metric
from kgprism.platform.studies.reports.breakdown import BOUNDS, Band, by_similarity
from kgprism.platform.studies.reports.entries import Table
from kgprism.platform.studies.reports.figures.chart import Axis, Chart, Curve, Plot, Point
from kgprism.platform.studies.reports.notes import where
from kgprism.platform.studies.reports.words import TITLES
from kgprism.platform.studies.store.record import Record
from kgprism.platform.studies.store.runs import Store
from kgprism.platform.studies.suites.cells import Cell


def over_similarity(
    table: Table, cells: Iterable[Cell], store: Store, dataset: Callable[[str], Dataset], modality: str = "image"
) -> Chart:
    """Return a curve a row, over the bounds below which the cosine of a pair's raw vectors lies.

    Raises:
        ConfigurationError: if a dataset lacks that modality, or has changed since.
    """
    table = table.beside_published()
    runs: dict[tuple[str, str, float | None], list[list[Band]]] = {}
    for cell in cells:
        record = store.read(cell.run.id)
        if record and table.select in record.selections:
            runs.setdefault(cell.place[:3], []).append(_bands(record, dataset, table, modality))
    places = dict.fromkeys(column.place for column in table.columns)
    metrics = dict.fromkeys(column.metric for column in table.columns)

    def plot(place: tuple[str, float | None], metric: Metric) -> Plot:
        key = f"{table.direction}/{metric}"
        curves = [Curve(row.label, _points(runs.get((row.id, *place), []), key)) for row in table.rows]
        return Plot(f"{where(*place)}: {TITLES[metric]}", tuple(curves))

    plots = tuple(tuple(plot(place, metric) for metric in metrics) for place in places)
    axis = Axis(f"test pairs whose {modality}s have a cosine below", BOUNDS)
    return Chart(table.title or table.suite, axis, plots)


def _bands(record: Record, dataset: Callable[[str], Dataset], table: Table, modality: str) -> list[Band]:
    found = by_similarity(record, dataset(record.dataset), table.select, modality=modality)
    return found[: len(BOUNDS)]


def _points(runs: list[list[Band]], key: str) -> tuple[Point, ...]:
    """Return the mean over runs at each bound below which a run has a pair."""
    points = []
    for bound, *bands in zip(BOUNDS, *runs, strict=True):
        values = [band.metrics[key] for band in bands if band.metrics]
        if values:
            points.append(Point(bound, fmean(values), stdev(values) if len(values) > 1 else None))
    return tuple(points)
