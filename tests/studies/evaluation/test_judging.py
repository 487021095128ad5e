"""Stored weights give the stored numbers again, and with another judge those that this judge would have given."""

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kgprism.platform.data.catalogue import toy
from kgprism.platform.data.graph import AlignedGraphs, Dataset
from kgprism.platform.errors import RunError
from kgprism.platform.kept import SetAsideWarning
from kgprism.platform.studies.evaluation.judging import judge_again, judged
from kgprism.platform.studies.evaluation.results import FILE, WEIGHTS, keep, named, recall
from kgprism.platform.studies.evaluation.rows import Order, orders
from kgprism.platform.studies.reports.entries import Row, Table
from kgprism.platform.studies.reports.table import tabulate
from kgprism.platform.studies.store.record import Record
from kgprism.platform.studies.store.runs import Store
from kgprism.platform.studies.suites import suite as suites
from kgprism.platform.studies.suites.cells import expand
from kgprism.platform.studies.suites.suite import Suite
from kgprism.platform.training.outcome import Outcome
from kgprism.platform.training.run import execute, plan

FEW = {"train.epochs": 2, "eval.every": 1}
EVALUATIONS = """\
evaluations:
  - {id: cosine, label: w/o CSLS, set: {eval.csls_k: 0}, of: [whole, sum]}
  - {id: backwards, direction: r2l, of: [whole]}
"""


def trained(store: Store, method: str, dataset: Dataset, **settings: object) -> Record:
    run = plan(method, dataset, 0, {**FEW, **settings})
    return store.write(run, execute(run, dataset))


@pytest.mark.slow
def test_alignment_by_its_own_settings_is_bit_equal_and_by_others_as_a_run_with_these(
    graphs: AlignedGraphs, store: Store
) -> None:
    record = trained(store, "eva", graphs)
    again = judged(record, graphs, {"eval.csls_k": 3})
    stored = record.selections["valid"]["metrics"]
    assert {f"test/{key}": value for key, value in again.metrics.items()} == {
        key: value for key, value in stored.items() if key.startswith("test/")
    }
    assert all(np.array_equal(again.ranks[key], ranks) for key, ranks in record.ranks("valid").items())
    # What picks the epoch may differ by the judge, the last epoch's weights do not: nothing held out, these are kept.
    bare: dict[str, object] = {"eval.valid_ratio": 0.0, "eval.select": "last"}
    by_csls, by_cosine = (trained(store, "eva", graphs, **bare, **{"eval.csls_k": k}) for k in (3, 0))
    found = judged(by_csls, graphs, {"eval.csls_k": 0})
    assert found.metrics["mean/mrr"] == by_cosine.metric("last", "test/mean/mrr")
    assert found.metrics["mean/mrr"] != by_csls.metric("last", "test/mean/mrr")


@pytest.mark.slow
@pytest.mark.parametrize("pseudo_pairs", ["none", "probation"])
def test_a_method_whose_embeddings_are_samples_draws_those_that_it_drew(
    graphs: AlignedGraphs, store: Store, pseudo_pairs: str
) -> None:
    early = {"pseudo_pairs.start": 1, "pseudo_pairs.every": 1} if pseudo_pairs == "probation" else {}
    record = trained(store, "ibmea", graphs, pseudo_pairs=pseudo_pairs, **early)
    found = judged(record, graphs, {})
    assert found.metrics["mean/mrr"] == record.metric("valid", "test/mean/mrr")


@pytest.mark.slow
def test_completion_by_another_filter_is_a_run_with_that_filter(store: Store) -> None:
    graph = toy.completion()
    once = {"train.epochs": 1}
    by_all, by_train = (trained(store, "kge", graph, **once, **{"eval.filter": word}) for word in ("all", "train"))
    assert judged(by_all, graph, {}).metrics["mean/mrr"] == by_all.metric("valid", "test/mean/mrr")
    found = judged(by_all, graph, {"eval.filter": "train"})
    assert found.metrics["tail/mr"] == by_train.metric("valid", "test/tail/mr")
    assert found.metrics["tail/mr"] != by_all.metric("valid", "test/tail/mr")


@pytest.fixture
def suite(text: str, tmp_path: Path) -> Suite:
    (tmp_path / "small.yaml").write_text(text.replace("train.epochs: 3", "train.epochs: 1") + EVALUATIONS)
    return suites.read(str(tmp_path / "small.yaml"))


def row(table: Table, id_: str) -> Row:
    return next(row for row in table.rows if row.id == id_)


def test_rows_judged_again_stand_below_their_own_and_are_made_once(
    suite: Suite, graphs: AlignedGraphs, store: Store
) -> None:
    cells = [cell for cell in expand(suite, {"toy": graphs}, seeds=1) if cell.seed_ratio == 0.2]
    (whole,) = [cell for cell in cells if cell.variant == "whole"]
    record = store.write(whole.run, execute(whole.run, graphs))
    folder, told = store.folder.parent / "evaluations", list[str]()
    before = tabulate(suite, cells, store)
    ids = [row.id for row in before.rows]
    assert ids == ["rival", "whole", "whole-cosine", "whole-backwards", "sum", "sum-cosine", "blind"]
    assert row(before, "whole-cosine").entries[1].mean is None
    assert "Runs that are not judged again yet: w/o CSLS (1): kgprism report --evaluate does it." in before.notes
    assert row(before, "whole-backwards").entries[1].values == (record.metric("valid", "test/r2l/mrr"),)

    assert judge_again(orders(suite, cells, store, folder), {"toy": graphs}, store, folder, told.append) == {}
    assert told == ["judging whole on toy, seed 7, again: eval.csls_k=0"]
    assert orders(suite, cells, store, folder) == []
    table = tabulate(suite, cells, store)
    entry, full = row(table, "whole-cosine").entries[1], row(table, "whole").entries[1]
    own = judged(record, graphs, {}).metrics
    assert {f"test/{key}": value for key, value in own.items()}.items() <= record.selections["valid"]["metrics"].items()
    alone = judged(record, graphs, {"eval.csls_k": 0}).metrics["l2r/mrr"]
    assert entry.values == (alone,)
    assert (row(table, "whole-cosine").label, entry.pairs) == ("The method, w/o CSLS", 1)
    assert entry.delta == alone - full.values[0]
    assert entry.evidence is not None  # its ranks are kept as well
    assert entry.evidence.interval[0] <= entry.delta <= entry.evidence.interval[1]
    assert not any("not judged again yet" in note for note in table.notes)


def test_without_weights_nothing_is_judged_again_and_it_is_told(
    suite: Suite, graphs: AlignedGraphs, store: Store, outcome: Callable[..., Outcome]
) -> None:
    cells = expand(suite, {"toy": graphs}, seeds=1)
    (store.write(cells[0].run, outcome(0.5)).folder / WEIGHTS).unlink()
    assert orders(suite, cells, store, store.folder.parent / "evaluations") == []
    notes = tabulate(suite, cells, store).notes
    assert "1 runs kept no weights (train.keep_weights=false): they cannot be judged again." in notes


def test_weights_that_are_not_those_of_the_numbers_are_refused(
    suite: Suite, graphs: AlignedGraphs, store: Store, outcome: Callable[..., Outcome], tmp_path: Path
) -> None:
    cells = expand(suite, {"toy": graphs}, seeds=1)
    record = store.write(cells[0].run, outcome(0.5))
    with pytest.raises(RunError, match="its weights are not those of loginmea as it is here"):
        judged(record, graphs, {})
    with pytest.raises(RunError, match="toy-completion is not what run"):
        judged(record, toy.completion(), {})
    other = trained(store, "eva", graphs, **{"train.epochs": 1})
    changed = json.loads((other.folder / "run.json").read_bytes())
    changed["selections"]["valid"]["metrics"]["test/l2r/mrr"] += 0.01
    (other.folder / "run.json").write_text(json.dumps(changed))
    moved = store.read(other.id)
    assert moved
    order = Order(replace(cells[0], run=plan("eva", graphs, 0, {**FEW, "train.epochs": 1})), ({"eval.csls_k": 0},))
    assert order.cell.run.id == moved.id
    (told,) = judge_again([order], {"toy": graphs}, store, tmp_path).values()
    assert re.search(r"its weights give l2r/mrr .* here, stored is .*: the code has changed since", told)


def test_a_damaged_result_is_set_aside_and_made_again(
    graphs: AlignedGraphs, store: Store, outcome: Callable[..., Outcome], tmp_path: Path
) -> None:
    run = plan("loginmea", graphs, 0)
    record, settings = store.write(run, outcome(0.5)), {"eval.csls_k": 0}
    keep(tmp_path, record, settings, {"test/l2r/mrr": 0.1}, {"l2r/realistic": np.array([1.0, 2.0])})
    keep(tmp_path, record, settings, {"test/l2r/mrr": 0.2}, {"l2r/realistic": np.array([1.0, 2.0])})  # as good
    found = recall(tmp_path, record, settings)
    assert found
    assert (found.metric("valid", "test/l2r/mrr"), found.metric("last", "test/l2r/mrr")) == (0.1, None)
    assert found.ranks("valid")["l2r/realistic"].tolist() == [1.0, 2.0]
    assert recall(tmp_path, record, {"eval.csls_k": 1}) is None
    (tmp_path / named(record, settings) / FILE).write_text("{")
    with pytest.warns(SetAsideWarning):
        assert recall(tmp_path, record, settings) is None
    shutil.rmtree(tmp_path)
