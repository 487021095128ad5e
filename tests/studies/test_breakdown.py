"""A run by relation: the means of its ranks, relation by relation."""

from pathlib import Path

import numpy as np
import pytest

from kgprism.platform.data import toy
from kgprism.platform.errors import ConfigurationError
from kgprism.platform.studies.breakdown import by_relation
from kgprism.platform.studies.store import Record, Store
from kgprism.platform.training.run import execute, plan


@pytest.fixture
def record(tmp_path: Path) -> Record:
    overrides = {"train.epochs": 2, "train.batch_size": 200, "scoring.dim": 8, "negatives.count": 4}
    run = plan("kge", toy.completion(), 1, overrides)
    return Store(tmp_path).write(run, execute(run, toy.completion()))


def test_each_relation_has_the_mean_of_its_own_ranks(record: Record) -> None:
    lines, test = by_relation(record, toy.completion(), "valid"), toy.completion().test
    assert sum(line.triples for line in lines) == len(test)
    assert [line.triples for line in lines] == sorted((line.triples for line in lines), reverse=True)
    for line in lines:
        rows = test[:, 1] == toy.completion().graph.relations.index(line.relation)
        ranks = {side: record.ranks("valid")[f"{side}/realistic"].astype(float)[rows] for side in ("head", "tail")}
        assert line.triples == rows.sum()
        assert line.metrics["tail/mrr"] == pytest.approx((1 / ranks["tail"]).mean())
        assert line.metrics["mean/mr"] == pytest.approx(np.mean([r.mean() for r in ranks.values()]))


def test_relations_weighed_by_their_triples_give_the_run_s_own_numbers(record: Record) -> None:
    lines = by_relation(record, toy.completion(), "valid")
    for name in ("mean/mrr", "head/hits_at_3", "tail/mr"):
        whole = np.average([line.metrics[name] for line in lines], weights=[line.triples for line in lines])
        assert whole == pytest.approx(record.metric("valid", f"test/{name}"))


def test_what_cannot_be_broken_down_says_why(record: Record) -> None:
    with pytest.raises(ConfigurationError, match="no completion run"):
        by_relation(record, toy.aligned(), "valid")
    with pytest.raises(ConfigurationError, match="no selection 'nothing'"):
        by_relation(record, toy.completion(), "nothing")  # type: ignore[arg-type]
