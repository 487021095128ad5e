"""The held-out part of train: its size, what must stay covered, and that nothing else decides it but the seed."""

from dataclasses import replace

import numpy as np
import pytest

from kgprism.platform.data.catalogue import toy
from kgprism.platform.data.graph import CompletionGraph, MultiModalGraph
from kgprism.platform.data.inputs.holdout import contaminated, holdout
from kgprism.platform.errors import ConfigurationError


def rows(*values: tuple[int, ...]) -> np.ndarray:
    return np.array(values, np.int64).reshape(-1, 3)


def dataset(train: np.ndarray, valid: np.ndarray, test: np.ndarray, entities: int = 60) -> CompletionGraph:
    relations = [f"r{number}" for number in range(int(train[:, 1].max()) + 1)]
    return CompletionGraph("small", MultiModalGraph([f"e{i}" for i in range(entities)], relations, train), valid, test)


def scattered() -> CompletionGraph:
    """Return 60 entities, 5 relations of unequal size, with leaves, self-loops and repeated rows."""
    draw = np.random.default_rng(3)
    relations = draw.choice(5, size=400, p=[0.5, 0.3, 0.15, 0.04, 0.01])
    train = np.stack([draw.integers(40, size=400), relations, draw.integers(40, size=400)], 1)
    leaves = np.stack([np.arange(40, 60), np.zeros(20, np.int64), np.arange(20)], 1)
    train = np.concatenate([train, leaves, train[:30], rows((7, 1, 7), (8, 4, 8))])
    return dataset(train, train[:5], train[[100, 200]])


def triples(*parts: np.ndarray) -> set[tuple[int, ...]]:
    return {tuple(row) for part in parts for row in part.tolist()}


def test_contamination_counts_distinct_triples() -> None:
    valid = rows((0, 0, 1), (0, 0, 1), (1, 0, 0), (2, 0, 2), (3, 0, 3))
    found = contaminated(dataset(rows((0, 0, 1), (2, 0, 2)), valid, rows((1, 0, 0), (5, 0, 5))))
    assert found == (2, 1)


def test_nothing_is_lost_and_nothing_is_shared() -> None:
    before = scattered()
    after = holdout(before, 0.2, 0)
    assert triples(after.graph.triples, after.valid) == triples(before.graph.triples)
    assert not triples(after.graph.triples) & triples(after.valid)
    assert len(triples(after.valid)) == len(after.valid)
    assert contaminated(after) == (0, 0)
    assert np.array_equal(after.test, before.test)
    assert after.graph.entities == before.graph.entities
    # What stays keeps its order and its repetitions.
    kept = [row for row in before.graph.triples.tolist() if tuple(row) not in triples(after.valid)]
    assert after.graph.triples.tolist() == kept


@pytest.mark.parametrize("seed", range(5))
def test_every_entity_and_relation_keeps_a_training_triple(seed: int) -> None:
    before = scattered()
    after = holdout(before, 0.4, seed)
    for columns in ([0, 2], [1]):
        assert np.array_equal(np.unique(before.graph.triples[:, columns]), np.unique(after.graph.triples[:, columns]))


def test_every_relation_gives_its_share() -> None:
    pairs = np.array([(head, tail) for head in range(20) for tail in range(20) if head != tail])
    train = np.concatenate([np.insert(pairs[: 100 * (3 - r)], 1, r, axis=1) for r in range(3)])
    valid = holdout(dataset(train, rows(), rows((0, 0, 0)), 20), 0.13, 1).valid
    assert np.bincount(valid[:, 1]).tolist() == [39, 26, 13]


def test_remainders_go_where_rounding_down_cost_most() -> None:
    pairs = np.array([(head, tail) for head in range(9) for tail in range(9) if head != tail])
    train = np.concatenate([np.insert(pairs[:count], 1, r, axis=1) for r, count in enumerate((31, 36, 33))])
    # 10 % are 3.1, 3.6 and 3.3: ten in all, the tenth from the second relation.
    valid = holdout(dataset(train, rows(), rows((0, 0, 0)), 9), 0.1, 0).valid
    assert np.bincount(valid[:, 1]).tolist() == [3, 4, 3]


def test_the_seed_decides_and_the_order_of_lines_does_not() -> None:
    before = scattered()
    turned = replace(before, graph=replace(before.graph, triples=before.graph.triples[::-1]))
    first, again, other = holdout(before, 0.2, 0), holdout(turned, 0.2, 0), holdout(before, 0.2, 1)
    assert np.array_equal(first.valid, again.valid)
    assert first.fingerprint == holdout(before, 0.2, 0).fingerprint != before.fingerprint
    assert triples(first.valid) != triples(other.valid)


def test_a_test_triple_in_train_is_never_held_out() -> None:
    pairs = np.array([(head, 0, tail) for head in range(8) for tail in range(8)])
    for seed in range(5):
        after = holdout(dataset(pairs, rows(), pairs[:40], 8), 0.3, seed)
        assert len(after.valid) == 19
        assert not triples(after.valid) & triples(pairs[:40])


def test_what_only_the_published_part_holds_filters_rankings() -> None:
    before = scattered()
    strange = rows((59, 0, 59), (59, 0, 59), (59, 1, 58))
    mixed = np.concatenate([before.graph.triples[:9], strange, before.test])
    after = holdout(replace(before, valid=mixed, known=rows((59, 2, 57))), 0.2, 0)
    assert triples(after.known) == {(59, 0, 59), (59, 1, 58), (59, 2, 57)}
    assert len(after.known) == 3


@pytest.mark.parametrize(
    "train",
    [
        rows(*((i, 0, i + 1) for i in range(0, 20, 2))),  # both ends have this triple alone
        rows(*((30, 0, i) for i in range(20))),  # only the tails do
        rows(*((i, 0, 30) for i in range(20))),
        rows(*((0, i, 1) for i in range(10))),  # every relation has one triple
    ],
)
def test_where_nothing_can_be_spared_it_says_so(train: np.ndarray) -> None:
    with pytest.raises(ConfigurationError, match=r"data\.holdout: no training triple of small can be spared"):
        holdout(dataset(train, rows(), rows()), 0.4, 0)


def test_a_self_loop_is_one_triple_of_its_entity() -> None:
    # Ten entities with three loops each can spare two; ten at most if a loop counted for two.
    train = rows(*((i, relation, i) for i in range(10) for relation in range(3)))
    valid = holdout(dataset(train, rows(), rows(), 10), 0.6, 0).valid
    assert len(valid) > 10
    assert np.bincount(valid[:, 0]).max() == 2


def test_the_toy_gives_a_tenth() -> None:
    before = toy.completion()
    after = holdout(before, 0.1, 0)
    assert abs(len(after.valid) / len(before.graph.triples) - 0.1) < 0.01
    assert triples(after.known) == triples(before.valid)
