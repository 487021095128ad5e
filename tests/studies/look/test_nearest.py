"""Nearest neighbours and ranks against what is found by looking at every pair."""

import numpy as np
import pytest

from kgprism.platform.data.graph import Features
from kgprism.platform.studies.look import nearest as module
from kgprism.platform.studies.look.nearest import nearest, ranks, rows_of


def cosines(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    left, right = (rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (left, right))
    return left.astype(np.float64) @ right.astype(np.float64).T


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> tuple[np.ndarray, np.ndarray]:
    """Queries and candidates, of which the last five are copies of the first, in tiles of seven and chunks of three."""
    monkeypatch.setattr(module, "_TILE", 7)
    monkeypatch.setattr(module, "_QUERIES", 3)
    draw = np.random.default_rng(1)
    candidates = draw.normal(size=(40, 6)).astype(np.float32)
    candidates[35:] = candidates[0]
    return draw.normal(size=(11, 6)).astype(np.float32), candidates


def test_ranks_are_those_of_every_pair_and_equals_share_the_middle(drawn) -> None:
    queries, candidates = drawn
    truth = np.array([0, 3, 35, 39, *range(20, 27)])
    found = ranks(queries, candidates, truth)
    every = cosines(queries, candidates)
    for row, true in enumerate(truth):
        others = np.delete(np.arange(40), [0, *range(35, 40)] if true in (0, 35, 39) else [true])
        higher = int((every[row, others] > every[row, true]).sum())
        assert found[row] == higher + (3.5 if true in (0, 35, 39) else 1)


def test_the_nearest_are_those_of_every_pair_lowest_id_first_among_equals(drawn) -> None:
    queries, candidates = drawn
    ids = np.arange(40) * 3 + 1
    found = nearest(queries, Features(ids, candidates), np.full(11, ids[5]), 5)
    every = cosines(queries, candidates)
    every[:, 36:] = every[:, 35:36] = every[:, :1]
    for row, near in enumerate(found):
        order = np.argsort(-every[row], kind="stable")[:5]
        assert near.entities == tuple(ids[order].tolist())
        np.testing.assert_allclose(near.cosines, every[row, order], atol=1e-6)
        assert near.rank == 1 + (every[row] > every[row, 5]).sum()
        assert near.among == 40


def test_who_is_left_out_does_not_stand_and_who_has_no_vector_has_no_rank(drawn) -> None:
    _, candidates = drawn
    own = Features(np.arange(40), candidates)
    found = nearest(candidates[:2], own, np.array([-1, -1]), 3, left_out=np.array([0, 1]))
    assert found[0].entities == (35, 36, 37)  # its copies
    assert 1 not in found[1].entities
    assert [near.rank for near in found] == [None, None]
    assert [near.among for near in found] == [39, 39]


def test_fewer_candidates_than_asked_for() -> None:
    few = Features(np.array([4, 9]), np.eye(2, dtype=np.float16))
    (found,) = nearest(np.array([[1.0, 1.5]]), few, np.array([4]), 5)
    assert found.entities == (9, 4)
    assert found.rank == 2


def test_rows_of_entities_with_and_without_a_vector() -> None:
    known = Features(np.array([2, 5, 8]), np.ones((3, 1)))
    assert rows_of(known, np.array([8, 0, 5, 9, 3])).tolist() == [2, -1, 1, -1, -1]
    assert rows_of(Features(np.zeros(0, np.int64), np.ones((0, 1))), np.array([1])).tolist() == [-1]
