"""What vectors find untrained, against what is found by looking at every pair."""

from dataclasses import replace

import numpy as np
import pytest

from kgprism.platform.data.catalogue import datasets, toy
from kgprism.platform.data.graph import AlignedGraphs, Features
from kgprism.platform.data.inputs.split import split
from kgprism.platform.settings import AlignmentData
from kgprism.platform.studies.look import untrained as module
from kgprism.platform.studies.look.quality import quality
from kgprism.platform.studies.look.sets import VectorSet, vector_sets
from kgprism.platform.studies.look.untrained import rank, untrained


def by_hand(pairs: np.ndarray, left: Features, right: Features) -> np.ndarray:
    """Rank one query after the other."""
    mine, theirs = (dict(zip(side.entities.tolist(), side.values, strict=True)) for side in (left, right))
    candidates = [entity for entity in dict.fromkeys(pairs[:, 1].tolist()) if entity in theirs]
    found = []
    for query, partner in pairs.tolist():
        if query not in mine or partner not in theirs:
            found.append(np.inf)
            continue
        scores = {e: mine[query] @ theirs[e] / np.linalg.norm(theirs[e]) for e in candidates}
        found.append(1 + sum(score > scores[partner] for e, score in scores.items() if e != partner))
    return np.array(found)


@pytest.mark.parametrize("modality", ["image", "text"])
def test_the_toys_numbers_are_those_of_every_pair(modality: str) -> None:
    graphs = toy.aligned()
    found = untrained(graphs, vector_sets(graphs)[0], seed=3)
    pairs = split(graphs, AlignmentData(), 0.0, 3).test
    assert np.array_equal(found.asked.pairs, pairs)
    assert found.asked.words == "test pairs of seed 3"
    (one,) = (one for one in found.found if one.name == modality)
    left, right = graphs.left.features[modality], graphs.right.features[modality]
    for scores, ranked in ((one.there, by_hand(pairs, left, right)), (one.back, by_hand(pairs[:, ::-1], right, left))):
        assert scores.both == np.isfinite(ranked).sum() < len(pairs)
        assert scores.hits_at_1 == (ranked <= 1).mean()
        assert scores.hits_at_10 == (ranked <= 10).mean()
        assert scores.mrr == pytest.approx((1 / ranked).mean(), rel=1e-12)
        assert scores.first_of_both == (ranked[np.isfinite(ranked)] <= 1).mean()


def test_either_of_two_finds_what_the_one_or_the_other_does() -> None:
    graphs = toy.aligned()
    found = untrained(graphs, vector_sets(graphs)[0], seed=0)
    image, text = (
        by_hand(found.asked.pairs, graphs.left.features[m], graphs.right.features[m]) <= 1 for m in ("image", "text")
    )
    assert found.either["image", "text"] == found.either["text", "image"] == (image | text).mean()
    assert found.either["image", "image"] == image.mean()


def test_of_too_many_pairs_some_are_ranked_among_all(monkeypatch: pytest.MonkeyPatch) -> None:
    graphs = toy.aligned()
    sets = vector_sets(graphs)[0]
    whole = untrained(graphs, sets, seed=0).asked
    assert np.array_equal(whole.chosen, np.arange(len(whole.pairs)))
    monkeypatch.setattr(module, "_PRODUCTS", 120 * len(whole.pairs) * 64)
    drawn = untrained(graphs, sets, seed=0).asked
    assert len(np.unique(drawn.chosen)) == 120
    left, right = graphs.left.features["image"], graphs.right.features["image"]
    every = rank(whole.pairs, left, right, whole.chosen)
    assert np.array_equal(rank(drawn.pairs, left, right, drawn.chosen), every[drawn.chosen])


def test_what_cannot_be_compared_says_why(odd: AlignedGraphs) -> None:
    sets, _ = vector_sets(odd)
    sets += [VectorSet("wide", (Features(np.arange(2), np.ones((2, 3))), Features(np.arange(2), np.ones((2, 4)))))]
    sets += [VectorSet("zero", (Features(np.arange(2), np.zeros((2, 3))),) * 2)]
    told = {one.name: one.trouble for one in untrained(odd, sets, seed=0).found}
    assert told == {
        "image": "only one graph has vectors",
        "char": "",
        "wide": "widths differ: 3 and 4",
        "zero": "no vectors",
    }


def test_a_pair_too_few_for_a_split_is_asked_for_all_the_same() -> None:
    graphs = toy.aligned()
    for count in (0, 1):
        few = replace(graphs, pairs=graphs.pairs[:count])
        asked = untrained(few, vector_sets(few)[0], seed=0).asked
        assert len(asked.pairs) == count


@pytest.mark.real
def test_emoji_gives_the_published_baselines_and_twins(real) -> None:
    datasets.import_dataset("emoji", real / "EMOJI_EN_FR")
    graphs = datasets.load("emoji")
    found = {one.name: one.there for one in untrained(graphs, vector_sets(graphs)[0], seed=0).found}
    rounded = {name: (round(one.hits_at_1, 3), round(one.hits_at_10, 3)) for name, one in found.items()}
    assert (rounded["image"], rounded["text"]) == ((0.304, 0.577), (0.173, 0.335))
    twins = [quality(graph.features["image"], len(graph.entities)).twins for graph in (graphs.left, graphs.right)]
    assert [(sum(map(len, groups)), len(groups)) for groups in twins] == [(28, 12), (38, 9)]
