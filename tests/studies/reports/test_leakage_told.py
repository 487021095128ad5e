"""What the data themselves leak is told under every table that they are in."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from kgprism.platform.data.catalogue import toy
from kgprism.platform.studies.reports.render import render
from kgprism.platform.studies.reports.table import tabulate
from kgprism.platform.studies.store.runs import Store
from kgprism.platform.studies.suites import suite as suites
from kgprism.platform.studies.suites.cells import expand
from kgprism.platform.studies.suites.suite import Suite

COMPLETION = """\
schema: 1
suite: scorers
method: kge
grid: {dataset: [toy-completion]}
variants:
  - {id: whole, full: true}
"""


def test_pairs_that_stand_there_twice_are_told(small: Suite, store: Store) -> None:
    graphs = toy.aligned()
    twice = replace(graphs, pairs=np.concatenate([graphs.pairs, graphs.pairs[:5]]))
    table = tabulate(small, expand(small, {"toy": twice}, seeds=1), store)
    number = len(twice.pairs)
    wanted = f"toy: 5 of {number} pairs repeat another one: {number - 5} distinct pairs are split"
    assert wanted in table.notes
    assert wanted in render(table, "text")


def test_test_triples_that_are_trained_on_are_told(store: Store, tmp_path: Path) -> None:
    (tmp_path / "scorers.yaml").write_text(COMPLETION, encoding="utf-8")
    suite, data = suites.read(str(tmp_path / "scorers.yaml")), toy.completion()
    leaking = replace(data, graph=replace(data.graph, triples=np.concatenate([data.graph.triples, data.test[:7]])))
    for graph, count in ((data, 0), (leaking, 1)):
        notes = tabulate(suite, expand(suite, {"toy-completion": graph}), store).notes
        assert sum("7 of" in note and "test" in note and "train" in note for note in notes) == count, notes
