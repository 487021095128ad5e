"""A suite over how alike the pictures of test pairs are: means and deviations of its runs' own parts."""

from dataclasses import replace
from statistics import fmean, stdev

import pytest

from kgprism.platform.data.graph import AlignedGraphs, Dataset
from kgprism.platform.errors import ConfigurationError
from kgprism.platform.studies.reports.breakdown import BOUNDS, by_similarity
from kgprism.platform.studies.reports.figures.similarity import over_similarity
from kgprism.platform.studies.reports.table import tabulate
from kgprism.platform.studies.store.runs import Store
from kgprism.platform.studies.suites import suite as suites
from kgprism.platform.studies.suites.cells import expand
from kgprism.platform.training.run import execute


def test_a_curve_a_row_over_the_bounds_of_the_cosine(store: Store, graphs: AlignedGraphs) -> None:
    suite = suites.read("ibmea_figure5")
    assert suite.layout.kind == "similarity"
    small = {"train.epochs": 1, "modal_width": 8}
    cells = expand(suite, {"toy": graphs}, variants=["mclea"], seeds=2, overrides=small)
    records = [store.write(cell.run, execute(cell.run, graphs)) for cell in cells]
    loads: list[str] = []

    def dataset(name: str) -> Dataset:
        loads.append(name)
        return graphs

    table = tabulate(suite, cells, store, select="valid")
    drawn = over_similarity(table, cells, store, dataset)
    assert (drawn.axis.ticks, drawn.axis.words, drawn.axis.log) == (BOUNDS, (), False)
    assert set(loads) == {"toy"}
    ((hits, *_),) = drawn.plots
    assert [(curve.label, bool(curve.points)) for curve in hits.curves] == [
        ("IBMEA", False),
        ("MCLEA", True),
        ("MEAformer", False),
    ]
    parts = [by_similarity(record, graphs, "valid") for record in records]
    for n, point in enumerate(hits.curves[1].points):
        values = [bands[n].metrics["l2r/hits_at_1"] for bands in parts]
        assert point.x == BOUNDS[n]
        assert (point.mean, point.std) == (pytest.approx(fmean(values)), pytest.approx(stdev(values)))
    bare = replace(graphs, left=replace(graphs.left, features={}))
    with pytest.raises(ConfigurationError, match="no vectors of 'image'"):
        over_similarity(table, cells, store, lambda name: bare)
