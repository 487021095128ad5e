"""What a figure is over: seed ratios, the number in which rows differ, or the rows themselves."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from kgprism.platform.data.graph import AlignedGraphs
from kgprism.platform.studies.reports.figures.chart import Chart, chart, is_geometric
from kgprism.platform.studies.reports.table import tabulate
from kgprism.platform.studies.store.runs import Store
from kgprism.platform.studies.suites import suite as suites
from kgprism.platform.studies.suites.cells import expand
from kgprism.platform.studies.suites.suite import Suite
from kgprism.platform.training.outcome import Outcome

HEAD = """\
schema: 1
suite: swept
method: simdiff
preset: code
grid: {dataset: [toy], seed_ratio: [0.2], seed: {count: 2, start: 1}}
metrics: [hits_at_1, mrr]
reference:
  - {variant: full, dataset: toy, seed_ratio: 0.2, values: {hits_at_1: 0.6}}
layout: {kind: figure}
variants:
  - {id: full, label: "64", full: true}
"""
WIDTHS = """\
  - {id: wide, label: "256", override: {diffusion.latent: 256}}
  - {id: narrow, label: "16", override: {diffusion.latent: 16}}
"""
RIVAL = """\
  - {id: mclea, label: MCLEA, method: mclea}
"""
WORDS = """\
  - {id: thin, label: thin, override: {modal_width: 8, diffusion.latent: 8}}
"""


def suite_of(folder: Path, *variants: str) -> Suite:
    (folder / "swept.yaml").write_text(HEAD + "".join(variants), encoding="utf-8")
    return suites.read(str(folder / "swept.yaml"))


def points(drawn: Chart, metric: int = 0) -> dict[str, list[tuple[float | None, float | None, float | None]]]:
    (line,) = drawn.plots
    return {curve.label: [(p.x, p.mean, p.published) for p in curve.points] for curve in line[metric].curves}


def test_the_number_in_which_rows_differ_is_the_axis(
    tmp_path: Path, graphs: AlignedGraphs, store: Store, outcome: Callable[..., Outcome]
) -> None:
    suite = suite_of(tmp_path, WIDTHS, RIVAL)
    cells = expand(suite, {"toy": graphs})
    for cell in cells:
        store.write(cell.run, outcome({"full": 0.5, "wide": 0.4, "narrow": 0.3, "mclea": 0.2}[cell.variant]))
    drawn = chart(suite, tabulate(suite, cells, store), cells)
    assert (drawn.axis.label, drawn.axis.ticks, drawn.axis.log) == ("diffusion.latent", (16, 64, 256), True)
    found = points(drawn)
    assert found["SimDiff"] == [(16, pytest.approx(0.3), None), (64, pytest.approx(0.5), 0.6), (256, 0.4, None)]
    # The axis is no setting of the rival: its value holds everywhere.
    assert found["MCLEA"] == [(None, pytest.approx(0.2), None)]
    assert drawn.plots[0][0].curves[0].points[0].std == 0


def test_the_axis_is_what_was_asked_not_what_the_suite_says(
    tmp_path: Path, graphs: AlignedGraphs, store: Store
) -> None:
    suite = suite_of(tmp_path, WIDTHS)
    cells = expand(suite, {"toy": graphs}, overrides={"diffusion.latent": 32})
    ticks = chart(suite, tabulate(suite, cells, store), cells).axis.ticks
    asked = {cell.run.configuration["diffusion.latent"] for cell in cells}
    assert 32 in asked
    assert ticks == tuple(sorted(asked))


def test_nothing_needs_to_have_run(tmp_path: Path, store: Store) -> None:
    suite = suite_of(tmp_path, WIDTHS)
    assert points(chart(suite, tabulate(suite, [], store)))["SimDiff"][1] == (64, None, 0.6)


def test_rows_that_differ_in_words_or_in_several_keys_stand_beside_each_other(tmp_path: Path, store: Store) -> None:
    suite = suite_of(tmp_path, WORDS, RIVAL)
    drawn = chart(suite, tabulate(suite, [], store))
    assert (drawn.axis.words, drawn.axis.ticks) == (("64", "thin", "MCLEA"), (0, 1, 2))
    assert points(drawn)[""] == [(0, None, 0.6), (1, None, None), (2, None, None)]


def test_several_seed_ratios_are_the_axis(small: Suite, store: Store) -> None:
    table = tabulate(small, [], store)
    drawn = chart(small, table)
    assert (drawn.axis.label, drawn.axis.ticks) == ("seed pairs (%)", (20, 50))
    assert [[plot.title for plot in line] for line in drawn.plots] == [
        ["toy: Hits@1", "toy: MRR"],
        ["other: Hits@1", "other: MRR"],
    ]
    only = replace(table, columns=table.columns[:2], rows=table.rows)
    # One ratio is no axis: a vertical line would be drawn.
    assert chart(small, only).axis.words == ("A rival", "The method", "w/o Low-rank_50%", "w/o Visual")


@pytest.mark.parametrize(
    ("name", "key", "ticks", "log", "curves"),
    [
        ("simdiff_figure5", "diffusion.latent", (16, 32, 64, 128, 256), True, ["SimDiff"]),
        (
            "ibmea_figure6",
            "data.image_dropout",
            tuple(n / 10 for n in range(10)),
            False,
            ["IBMEA", "MCLEA", "MEAformer"],
        ),
    ],
)
def test_shipped_suites_sweep(
    store: Store, name: str, key: str, ticks: tuple[float, ...], log: bool, curves: list[str]
) -> None:
    suite = suites.read(name)
    drawn = chart(suite, tabulate(suite, [], store))
    assert (drawn.axis.label, drawn.axis.ticks, drawn.axis.log) == (key, ticks, log)
    for line in drawn.plots:
        assert all([curve.label for curve in plot.curves] == curves for plot in line)
        assert all([p.x for p in curve.points] == list(ticks) for plot in line for curve in plot.curves)


@pytest.mark.parametrize(
    ("ticks", "geometric"),
    [
        ([16, 32, 64], True),
        ([1e-4, 5e-4, 1e-3, 5e-3], True),
        ([0.1, 0.2, 0.3, 0.4], False),
        ([0, 1, 10, 100], False),
        ([1, 10], False),
        ([2, 3, 4, 5, 6], False),
    ],
)
def test_an_axis_is_logarithmic_where_its_values_are(ticks: list[float], geometric: bool) -> None:
    assert is_geometric(ticks) is geometric
