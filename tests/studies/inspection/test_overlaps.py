"""What data show of their tests is counted where they are, and told where they are not."""

import json
from pathlib import Path

import pytest

from kgprism.platform.data.graph import AlignedGraphs
from kgprism.platform.data.inputs.overlaps import overlaps
from kgprism.platform.kept import SetAsideWarning
from kgprism.platform.studies.inspection.overlaps import keep_overlaps, kept_overlaps
from kgprism.platform.studies.reports.page.page import page
from kgprism.platform.studies.reports.panels import only
from kgprism.platform.studies.reports.render import render
from kgprism.platform.studies.reports.table import tabulate
from kgprism.platform.studies.reports.view import view
from kgprism.platform.studies.store.runs import Store
from kgprism.platform.studies.suites.cells import expand
from kgprism.platform.studies.suites.suite import Suite


def test_counts_are_kept_and_stand_in_every_form_without_the_data(
    small: Suite, graphs: AlignedGraphs, store: Store
) -> None:
    cells, folder = expand(small, {"toy": graphs}, seeds=1), store.folder.parent / "inspections"
    before = tabulate(small, cells, store)
    assert before.overlaps == {}
    assert "Data, counted" not in render(before, "text") + render(before, "md") + render(before, "latex")
    keep_overlaps(cells, {}, folder)
    assert kept_overlaps(cells, folder) == {}
    keep_overlaps(cells, {"toy": graphs}, folder)
    table = tabulate(small, cells, store)
    assert table.overlaps == {"toy": overlaps(graphs, "seeded")}
    # 83 of the toy's 400 pairs have one name; nothing repeats, which is told in JSON only.
    assert "toy: pairs whose names are the same               83  400  20.8 %" in render(table, "text")
    assert "| toy: pairs whose names are the same           |    83 | 400 | 20.8 % |" in render(table, "md")
    assert r"toy: pairs whose names are the same & 83 & 400 & 20.8 \% \\" in render(table, "latex")
    assert "toy: pairs whose names are the same</th><td>83</td>" in page(view(table))
    told = json.loads(render(table, "json"))["overlaps"]["toy"]
    assert told[0] == {"what": "pairs that repeat another one", "count": 0, "of": 400}
    assert "repeat" not in render(table, "text")
    assert only(table, ["toy@0.2"]).overlaps == table.overlaps


def test_other_data_of_that_name_are_not_counted(small: Suite, graphs: AlignedGraphs, tmp_path: Path) -> None:
    cells = expand(small, {"toy": graphs}, seeds=1)
    changed = AlignedGraphs("toy", graphs.left, graphs.right, graphs.pairs[:-1])
    keep_overlaps(cells, {"toy": changed}, tmp_path)
    assert kept_overlaps(cells, tmp_path) == {}


def test_damaged_counts_are_set_aside_and_made_again(small: Suite, graphs: AlignedGraphs, tmp_path: Path) -> None:
    cells = expand(small, {"toy": graphs}, seeds=1)
    keep_overlaps(cells, {"toy": graphs}, tmp_path)
    (file,) = tmp_path.glob("*.json")
    file.write_text("{}")
    with pytest.warns(SetAsideWarning):
        assert kept_overlaps(cells, tmp_path) == {}
    keep_overlaps(cells, {"toy": graphs}, tmp_path)
    assert set(kept_overlaps(cells, tmp_path)) == {"toy"}
