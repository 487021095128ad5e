"""Runs part by part: the means of their ranks, by relation and by how alike the pictures of a pair are."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kgprism.platform.data.catalogue import toy
from kgprism.platform.data.graph import AlignedGraphs, Features
from kgprism.platform.data.inputs.split import split
from kgprism.platform.errors import ConfigurationError
from kgprism.platform.studies.reports.breakdown import Band, by_relation, by_similarity, pooled
from kgprism.platform.studies.store.record import Record
from kgprism.platform.studies.store.runs import Store
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


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Record:
    run = plan("mclea", toy.aligned(), 1, {"train.epochs": 2, "modal_width": 8, "data.seed_ratio": 0.3})
    return Store(tmp_path_factory.mktemp("runs")).write(run, execute(run, toy.aligned()))


def turned(graphs: AlignedGraphs, cosine: Callable[[int], float], missing: int = -1) -> AlignedGraphs:
    """Give the n-th pair pictures at a cosine, raw lengths 3 and 5; and no picture to one left entity."""
    left, right = (np.zeros((len(side.entities), 2)) for side in (graphs.left, graphs.right))
    for n, (one, other) in enumerate(graphs.pairs):
        left[one], right[other] = (3, 0), (5 * cosine(n), 5 * (1 - cosine(n) ** 2) ** 0.5)
    everyone = [np.arange(len(side)) for side in (left, right)]
    everyone[0] = np.delete(everyone[0], missing) if missing >= 0 else everyone[0]
    images = Features(everyone[0], left[everyone[0]]), Features(everyone[1], right)
    sides = (
        replace(g, features={**g.features, "image": i})
        for g, i in zip((graphs.left, graphs.right), images, strict=True)
    )
    return replace(graphs, **dict(zip(("left", "right"), sides, strict=True)))


def test_pairs_below_a_bound_have_the_mean_of_their_own_ranks(pairs: Record) -> None:
    graphs = toy.aligned()
    place = {tuple(pair): n for n, pair in enumerate(graphs.pairs.tolist())}
    settings = plan("mclea", graphs, 1, pairs.configuration).settings
    test = split(graphs, settings.data, settings.eval.valid_ratio, 1).test
    numbers = np.array([place[tuple(pair)] for pair in test.tolist()])
    gone = test[4, 0]
    data = turned(graphs, lambda n: 0.1 + 0.2 * (n % 4), missing=int(gone))
    bands = {band.band: band for band in by_similarity(pairs, data, "valid", bounds=(0.6, 0.2))}
    assert list(bands) == ["< 0.2", "< 0.6", "both have one", "one is missing"]
    present = test[:, 0] != gone
    for name, most in (("< 0.2", 0), ("< 0.6", 2), ("both have one", 3)):
        rows = present & (numbers % 4 <= most)
        ranks = {way: pairs.ranks("valid")[f"{way}/realistic"].astype(float)[rows] for way in ("l2r", "r2l")}
        assert bands[name].pairs == rows.sum() > 0
        assert bands[name].metrics["l2r/mrr"] == pytest.approx((1 / ranks["l2r"]).mean())
        assert bands[name].metrics["mean/hits_at_10"] == pytest.approx(
            np.mean([(r <= 10).mean() for r in ranks.values()])
        )
    assert bands["one is missing"].pairs == 1


def test_all_pairs_together_give_the_run_s_own_numbers(pairs: Record) -> None:
    bands = by_similarity(pairs, turned(toy.aligned(), lambda n: 0.5), "last", bounds=(0.4, 0.6))
    assert [(band.pairs, bool(band.metrics)) for band in bands] == [(0, False), (280, True), (280, True), (0, False)]
    assert bands[1].metrics["r2l/mr"] == pytest.approx(pairs.metric("last", "test/r2l/mr"))


def test_several_runs_are_pooled_over_those_that_have_pairs() -> None:
    one, other, none = Band("x", 2, {"mrr": 0.5}), Band("x", 3, {"mrr": 0.1}), Band("x", 0, {})
    assert pooled([[one], [none], [other]]) == [Band("x", 5, {"mrr": pytest.approx(0.3)})]
    assert pooled([[none], [none]]) == [none]


def test_pairs_that_cannot_be_compared_say_why(pairs: Record, record: Record) -> None:
    with pytest.raises(ConfigurationError, match="no alignment run"):
        by_similarity(record, toy.completion(), "valid")
    with pytest.raises(ConfigurationError, match=r"no vectors of 'imagge' .did you mean 'image'"):
        by_similarity(pairs, toy.aligned(), "valid", modality="imagge")
    fewer = replace(toy.aligned(), pairs=toy.aligned().pairs[:-10])
    with pytest.raises(ConfigurationError, match="other test pairs"):
        by_similarity(pairs, fewer, "valid")


def test_what_cannot_be_broken_down_says_why(record: Record) -> None:
    with pytest.raises(ConfigurationError, match="no completion run"):
        by_relation(record, toy.aligned(), "valid")
    with pytest.raises(ConfigurationError, match="no selection 'nothing'"):
        by_relation(record, toy.completion(), "nothing")
