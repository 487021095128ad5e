"""Rows that differ in the feature set that they read, whether it is here or not."""

from pathlib import Path

import pytest

from kgprism.platform.data.graph import AlignedGraphs
from kgprism.platform.studies.execution.rehearsal import refusals, startable
from kgprism.platform.studies.store.runs import Store
from kgprism.platform.studies.suites import suite as suites
from kgprism.platform.studies.suites.cells import Cell, expand
from kgprism.platform.studies.suites.suite import Suite

ROWS = """\
schema: 1
suite: pictures
title: Rows by what encoded their pictures
method: eva
base: {train.epochs: 1, eval.every: 1}
grid: {dataset: [toy], seed: {count: 1}}
variants:
  - {id: own, full: true}
  - {id: clip, override: {data.image: clip}}
generate:
  - {sweep: {key: data.image, values: [vit, pixels], label: "pictures by {value}"}, group: others}
metrics: [mrr]
"""


@pytest.fixture
def pictures(tmp_path: Path) -> Suite:
    (tmp_path / "pictures.yaml").write_text(ROWS)
    return suites.read(str(tmp_path / "pictures.yaml"))


def by_row(suite: Suite, graphs: AlignedGraphs) -> dict[str, Cell]:
    return {cell.variant: cell for cell in expand(suite, {"toy": graphs})}


def test_rows_vary_in_the_set_that_they_read(pictures: Suite, graphs: AlignedGraphs, store: Store, put_set) -> None:
    for seed, name in enumerate(("clip", "vit", "pixels")):
        put_set(graphs, "image", name, seed)
    cells = by_row(pictures, graphs)
    sets = {"own": "published", "clip": "clip", "image-vit": "vit", "image-pixels": "pixels"}
    assert {row: cell.run.configuration["data.image"] for row, cell in cells.items()} == sets
    assert len({cell.run.fingerprint for cell in cells.values()}) == len(cells)
    assert refusals(cells.values(), {"toy": graphs}, store) == {}


def test_rows_whose_set_is_missing_are_planned_and_refused_and_end_no_other(
    pictures: Suite, graphs: AlignedGraphs, store: Store, put_set
) -> None:
    put_set(graphs, "image", "clip")
    cells = by_row(pictures, graphs)
    able, reasons = startable(cells.values(), {"toy": graphs}, store)
    assert {cell.variant for cell in able} == {"own", "clip"}
    told = reasons[cells["image-vit"].run.id]
    assert "toy has no image features 'vit'" in told
    assert "`kgprism data features toy --images DIR --as image:vit`" in told
    assert "\n" not in told
    put_set(graphs, "image", "vit", 1)
    later = by_row(pictures, graphs)
    assert later["image-vit"].run.id != cells["image-vit"].run.id
    assert {row: later[row].run.id for row in ("own", "clip")} == {row: cells[row].run.id for row in ("own", "clip")}
    assert later["image-vit"].run.id not in refusals(later.values(), {"toy": graphs}, store)


def test_a_damaged_set_refuses_its_row_only(pictures: Suite, graphs: AlignedGraphs, store: Store, put_set) -> None:
    for seed, name in enumerate(("clip", "vit", "pixels")):
        files = put_set(graphs, "image", name, seed)
    files[1].write_bytes(files[1].read_bytes()[:-1])
    able, reasons = startable(by_row(pictures, graphs).values(), {"toy": graphs}, store)
    assert {cell.variant for cell in able} == {"own", "clip", "image-vit"}
    assert [files[1].name in reason for reason in reasons.values()] == [True]


def test_the_shipped_suite_of_encoders_plans_without_its_set(graphs: AlignedGraphs, store: Store) -> None:
    suite = suites.read("encoders_image")
    cells = expand(suite, {"toy": graphs}, seeds=1)
    assert len({cell.run.id for cell in cells}) == len(cells) == 21
    few = [cell for cell in cells if cell.variant in ("eva", "eva-pixels", "eva-blind")]
    reasons = refusals(few, {"toy": graphs}, store)
    refused = [cell.variant for cell in few if cell.run.id in reasons]
    assert refused == ["eva-pixels"]
