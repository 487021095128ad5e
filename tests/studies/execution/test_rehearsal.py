"""Which runs cannot start is known before anything does: the others run, the table marks the rows and says why."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from kgprism.platform.data.catalogue import toy
from kgprism.platform.data.graph import CompletionGraph
from kgprism.platform.errors import KgprismError
from kgprism.platform.studies.execution import rehearsal
from kgprism.platform.studies.execution.rehearsal import refusals, startable
from kgprism.platform.studies.reports.render import render
from kgprism.platform.studies.reports.table import tabulate
from kgprism.platform.studies.store.runs import Store
from kgprism.platform.studies.suites import suite as suites
from kgprism.platform.studies.suites.cells import Cell, expand
from kgprism.platform.studies.suites.suite import Suite
from kgprism.platform.training.outcome import Outcome

ROWS = """\
schema: 1
suite: rows
method: kge
base: {train.epochs: 2, train.batch_size: 64}
grid: {dataset: [toy-completion], seed: {count: 3}}
variants:
  - {id: plain, full: true}
  - {id: faster, override: {train.learning_rate: 0.01}}
  - {id: pictures, method: ikrl, override: {negatives: mans}}
"""
WHY = "modalities: structure and image are scored together, so 'image' must be there"


@pytest.fixture
def rows(tmp_path: Path) -> Suite:
    (tmp_path / "rows.yaml").write_text(ROWS)
    return suites.read(str(tmp_path / "rows.yaml"))


@pytest.fixture
def blind() -> CompletionGraph:
    """Return toy without pictures."""
    whole = toy.completion()
    features = {name: vectors for name, vectors in whole.graph.features.items() if name != "image"}
    return replace(whole, graph=replace(whole.graph, features=features))


def test_a_row_that_reads_what_the_data_lack_is_refused_with_the_reason(
    rows: Suite, blind: CompletionGraph, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[str] = []
    real = rehearsal.built

    def built(run: object, dataset: object) -> object:
        tried.append(run.method)
        return real(run, dataset)

    monkeypatch.setattr(rehearsal, "built", built)
    cells = expand(rows, {"toy-completion": blind})
    found = refusals(cells, {"toy-completion": blind}, store)
    assert found == dict.fromkeys((cell.run.id for cell in cells if cell.variant == "pictures"), WHY)
    assert len(found) == 3
    assert tried == ["kge", "ikrl", "ikrl"]
    known = {("plain", "toy-completion"), ("faster", "toy-completion")}
    assert refusals(cells, {"toy-completion": blind}, store, known) == found
    assert tried == ["kge", "ikrl", "ikrl", "ikrl", "ikrl"]
    whole = toy.completion()
    assert refusals(expand(rows, {"toy-completion": whole}), {"toy-completion": whole}, store) == {}


def test_the_others_run_and_the_table_marks_the_rows(
    rows: Suite, blind: CompletionGraph, store: Store, outcome: Callable[..., Outcome]
) -> None:
    data = {"toy-completion": blind}
    cells = expand(rows, data)
    able, reasons = startable(cells, data, store)
    assert {cell.variant for cell in able} == {"plain", "faster"}
    assert set(reasons.values()) == {WHY}
    text = render(tabulate(rows, cells, store), "text")
    assert f"Cannot run: pictures on toy-completion, seeds 0, 1, 2: {WHY}" in text.splitlines()
    assert "cannot run" in text
    assert "failed" not in text
    only = [cell for cell in cells if cell.variant == "pictures"]
    with pytest.raises(KgprismError, match="image"):
        startable(only, data, store)


def test_seeds_by_what_the_data_lack(tmp_path: Path, store: Store) -> None:
    text = "schema: 1\nsuite: own\nmethod: eva\nbase: {data.seeds: unsupervised, data.seeds.modality: name}\n"
    (tmp_path / "own.yaml").write_text(text + "grid: {dataset: [toy]}\nvariants: [{id: one}]\n")
    whole = toy.aligned()
    sides = [
        replace(side, features={name: of for name, of in side.features.items() if name != "name"})
        for side in (whole.left, whole.right)
    ]
    data = {"toy": replace(whole, left=sides[0], right=sides[1])}
    cells: list[Cell] = expand(suites.read(str(tmp_path / "own.yaml")), data)
    assert list(refusals(cells, data, store).values()) == ["data.seeds.modality=name: toy has no name features"]


def test_a_small_part_refuses_nothing_that_the_whole_allows(
    rows: Suite, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = {"toy-completion": toy.completion()}
    monkeypatch.setattr(
        rehearsal, "excerpt", lambda dataset: replace(dataset, graph=replace(dataset.graph, features={}))
    )
    assert refusals(expand(rows, whole), whole, store) == {}
