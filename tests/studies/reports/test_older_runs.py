"""A store that older code has written, word by word as it lay on disk, is read as it is and marked in the table."""

import csv
import io
import json
from pathlib import Path

import pytest

from kgprism.platform.data.graph import AlignedGraphs
from kgprism.platform.studies.reports.render import render
from kgprism.platform.studies.reports.table import asked_table
from kgprism.platform.studies.store.runs import Store
from kgprism.platform.studies.suites.cells import expand
from kgprism.platform.studies.suites.manifest import save_manifest
from kgprism.platform.studies.suites.suite import Suite

# Parts and keys that there were once: nothing of a finished run may be resolved anew.
CELL = """{
 "variant": "%(variant)s", "dataset": "toy", "seed_ratio": 0.2, "seed": 7,
 "run": {
  "method": "loginmea", "dataset": "toy", "fingerprint": "ac90af4c8230a94b", "seed": 7,
  "configuration": {"modalities": ["image"], "train.epochs": 2, "fusion.kind": "of_once", "no_longer": true},
  "notes": ["the data had no names"]
 },
 "id": "%(id)s"
}"""
STUDY = """{
 "cells": [%s, %s],
 "basis": "83a99746254314b7",
 "code": "e4e64a062f83ae78",
 "commands": ["kgprism ablate small --seeds 1"]
}"""
RUN = """{
 "configuration": {"eval.direction": "l2r", "fusion.kind": "of_once", "no_longer": true, "train.epochs": 2},
 "dataset": "toy",
 "fingerprint": "ac90af4c8230a94b",
 "finished": "2025-11-28T08:23:53+00:00",
 "id": "%(id)s",
 "machine": {"cores": "2", "gpu": "none", "kgprism": "0.1.0", "numpy": "2.4.6", "processor": "x86_64"},
 "method": "loginmea",
 "notes": [],
 "peak_bytes": 527667200,
 "seconds": 0.3,
 "seed": 7,
 "selections": {
  "best_test": {"epoch": 2, "metrics": {"test/l2r/hits_at_1": 0.9, "test/l2r/mrr": 0.9}},
  "last": {"epoch": 2, "metrics": {"test/l2r/hits_at_1": 0.8, "test/l2r/mrr": 0.8}},
  "valid": {"epoch": 1, "metrics": {"test/l2r/hits_at_1": %(hits)s, "test/l2r/mrr": 0.625}}
 },
 "stopped": "finished"
}"""
MARK = "These runs were made by older code: kgprism ablate would run them again."


@pytest.fixture
def folder(store: Store, tmp_path: Path) -> Path:
    """Write two runs and the manifest that asked for them."""
    for run_id, hits in (("79d8f09c10ab2847", 0.5), ("97b42ceaa29e74a9", 0.375)):
        (store.folder / run_id).mkdir(parents=True)
        (store.folder / run_id / "run.json").write_text(RUN % {"id": run_id, "hits": hits})
    cells = [CELL % {"variant": v, "id": i} for v, i in (("whole", "79d8f09c10ab2847"), ("sum", "97b42ceaa29e74a9"))]
    (tmp_path / "study").mkdir()
    (tmp_path / "study" / "study.json").write_text(STUDY % tuple(cells))
    return tmp_path / "study"


def test_the_numbers_of_older_runs_are_shown_and_marked(small: Suite, store: Store, folder: Path) -> None:
    table = asked_table(small, folder, store)
    entries = {row.id: row.entries[0] for row in table.rows}
    assert [entries[row].mean for row in ("whole", "sum", "blind")] == [0.5, 0.375, None]
    assert entries["sum"].delta == -0.125
    assert {MARK, "the data had no names", "Command: kgprism ablate small --seeds 1"} <= set(table.notes)
    text = render(table, "text")
    assert MARK in text.splitlines()
    assert "chosen: 1" in text
    assert [record.id for record in store] == ["79d8f09c10ab2847", "97b42ceaa29e74a9"]


def test_a_csv_marks_the_cells_of_older_runs(small: Suite, store: Store, folder: Path) -> None:
    table = asked_table(small, folder, store)
    rows = list(csv.DictReader(io.StringIO(render(table, "csv"))))
    assert "older_code" in rows[0]
    marked = {(row["variant"], row["metric"], row["older_code"]) for row in rows}
    assert marked == {
        (variant, metric, "yes" if variant in ("whole", "sum") else "")
        for variant in ("whole", "sum", "blind", "rival")
        for metric in ("hits_at_1", "mrr")
    }
    assert json.loads(render(table, "json"))["older_code"] is True


def test_runs_of_todays_code_are_not_marked(
    small: Suite, graphs: AlignedGraphs, store: Store, folder: Path, tmp_path: Path
) -> None:
    (cell,) = expand(small, {"toy": graphs}, variants=["whole"], seeds=1)[:1]
    save_manifest(folder, small, [cell])
    plain = json.loads((folder / "study.json").read_text())
    assert [written["id"] for written in plain["cells"]] == [cell.run.id]
    (store.folder / cell.run.id).mkdir()
    (store.folder / cell.run.id / "run.json").write_text(RUN % {"id": cell.run.id, "hits": 0.25})
    table = asked_table(small, folder, store)
    assert table.rows[1].entries[0].mean == 0.25
    assert MARK not in table.notes
    assert {row["older_code"] for row in csv.DictReader(io.StringIO(render(table, "csv")))} == {""}


def test_nothing_asked_is_a_table_of_published_numbers(small: Suite, store: Store, tmp_path: Path) -> None:
    table = asked_table(small, tmp_path / "nowhere", store)
    assert "Nothing was run yet." in table.notes
    assert MARK not in table.notes
