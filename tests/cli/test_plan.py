"""What `ablate --plan` and `report` say of each run: finished, running, interrupted, failed, unable to run, to run."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from kgprism.platform.data.catalogue import datasets, toy
from kgprism.platform.data.graph import CompletionGraph, MultiModalGraph
from kgprism.platform.studies.store.ownership import owning
from kgprism.platform.studies.store.progress import Noting
from kgprism.platform.studies.store.runs import Store
from kgprism.platform.studies.suites import suite as suites
from kgprism.platform.studies.suites.asked import Asked
from kgprism.platform.studies.suites.cells import expand
from kgprism.platform.studies.suites.manifest import save_manifest

SUITE = """\
schema: 1
suite: rows
method: kge
base: {train.epochs: 9, train.batch_size: 64}
grid: {dataset: [toy-completion], seed: {count: 3}}
variants:
  - {id: plain, full: true}
  - {id: pictures, method: ikrl}
"""
WHY = "modalities: structure and image are scored together, so 'image' must be there"


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write a suite of whose rows one reads pictures, which the data have not."""
    whole = toy.completion()
    graph = MultiModalGraph(whole.graph.entities, whole.graph.relations, whole.graph.triples)
    blind = CompletionGraph("toy-completion", graph, whole.valid, whole.test)
    monkeypatch.setattr(datasets, "load", lambda name: blind)
    (tmp_path / "rows.yaml").write_text(SUITE)
    return tmp_path / "rows.yaml"


def test_the_plan_says_what_becomes_of_each_run(kgprism: Callable, file: Path) -> None:
    suite, store = suites.read(str(file)), Store()
    cells = expand(suite, {"toy-completion": datasets.load("toy-completion")})
    one, two, three = (cell.run for cell in cells if cell.variant == "plain")
    store.fail(two.id, "loss 'x' is nan")
    with owning(store, one.id):
        Noting(store, one)({"epoch": 4.0, "seconds": 10.0})
        called = kgprism("ablate", str(file), "--plan", "--json")
        shown = kgprism("ablate", str(file), "--plan").out.splitlines()
    assert called.code == 0
    planned = json.loads(called.out)
    states = {(cell["variant"], cell["seed"]): cell["state"] for cell in planned["cells"]}
    assert states["plain", "0"].startswith("running: ")
    assert re.search(r"epoch 4 of 9, (50|4\d) s left", states["plain", "0"])
    assert [states["plain", seed] for seed in "12"] == ["failed: loss 'x' is nan", "to run"]
    assert {states["pictures", seed] for seed in "012"} == {"cannot run"}
    assert set(planned["cannot_run"].values()) == {WHY}
    assert f"cannot run on toy-completion: {WHY} (pictures)" in shown
    assert "3 cells, 3 runs: 0 finished, 3 to run; 3 more cannot run" in shown
    assert three.id in {cell["run"] for cell in planned["cells"]}


def test_a_report_says_what_is_under_way(kgprism: Callable, file: Path) -> None:
    suite, store = suites.read(str(file)), Store()
    cells = expand(suite, {"toy-completion": datasets.load("toy-completion")}, variants=["plain"])
    save_manifest(Asked.of(suite).folder, suite, cells)
    Noting(store, cells[0].run)({"epoch": 4.0, "seconds": 10.0})
    with owning(store, cells[1].run.id):
        Noting(store, cells[1].run)({"epoch": 2.0, "seconds": 10.0})
        notes = kgprism("report", str(file)).out.splitlines()
    title = "plain on toy-completion, seed"
    assert f"Interrupted: {title} 0: epoch 4 of 9, goes on from epoch 0" in notes
    (running,) = (note for note in notes if note.startswith(f"Running: {title} 1: "))
    assert running.endswith("epoch 2 of 9, 70 s left")
