"""A table part by part on the page: means over a row's runs, and panels that cannot be parted."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kgprism.platform.data.catalogue import toy
from kgprism.platform.data.graph import Dataset
from kgprism.platform.errors import DataError
from kgprism.platform.studies.reports.breakdown import by_relation
from kgprism.platform.studies.reports.entries import Column, Row, Table
from kgprism.platform.studies.reports.page.parts import parts
from kgprism.platform.studies.store.runs import Store
from kgprism.platform.training.outcome import Chosen, Outcome
from kgprism.platform.training.run import plan


def data(name: str) -> Dataset:
    if name == "absent":
        raise DataError("absent: not here")
    return toy.completion()


def made_up(seed: int) -> Outcome:
    draw, kinds = (
        np.random.default_rng(seed),
        ("head/realistic", "head/optimistic", "tail/realistic", "tail/optimistic"),
    )
    ranks = {kind: draw.integers(1, 50, len(toy.completion().test)).astype(float) for kind in kinds}
    chosen = Chosen(1, {}, ranks)
    return Outcome([{"epoch": 1.0}], {"valid": chosen, "last": chosen}, {}, "finished", 1.0, 0)


def test_a_relation_s_number_is_the_mean_over_runs_and_a_panel_without_data_is_left_out(tmp_path: Path) -> None:
    runs = [plan("kge", toy.completion(), seed) for seed in (1, 2)]
    records = [Store(tmp_path).write(run, made_up(run.seed)) for run in runs]
    columns = (Column("toy-completion", None, "mrr"), Column("absent", None, "mrr"))
    rows = (Row("full", "Full", "", True, True, ()), Row("todo", "Todo", "", False, True, ()))
    table = Table("s", "S", {}, "valid", "tail", True, 2, columns, rows, ())
    found = {("full", column.dataset, None): records for column in columns}
    shown, *others = parts(table, found, data)
    assert (shown.title, shown.rows, shown.more) == ("toy-completion", ("Full",), 0)
    assert [one.what for one in (shown, *others)] == ["relation", "degree", "modality"]
    # Each query has one degree, and of each modality both ends or not.
    count = len(toy.completion().test)
    assert [sum(share.queries for share in one.shares) % count for one in (shown, *others)] == [0, 0, 0]
    lines = [by_relation(record, toy.completion(), "valid") for record in records]
    assert [share.name for share in shown.shares] == [line.relation for line in lines[0]]
    for share, one, other in zip(shown.shares, *lines, strict=True):
        mean = 100 * (one.metrics["tail/mrr"] + other.metrics["tail/mrr"]) / 2
        assert share.queries == one.triples == other.triples
        assert float(share.values[0]) == pytest.approx(mean, abs=0.00501)
    assert parts(replace(table, columns=columns[1:]), found, data) == []
