"""Ranks with ties, exact scores, CSLS."""

from typing import get_args

import numpy as np
import pytest
import torch

from kgprism.platform.errors import RunError
from kgprism.platform.settings import METRICS, Evaluation, Metric
from kgprism.platform.studies.reports.words import TITLES
from kgprism.platform.studies.suites.suite import Suite
from kgprism.platform.tasks.cosines import unit
from kgprism.platform.tasks.csls import Csls
from kgprism.platform.tasks.ranking import Ranks, subtract_known, tally


def test_a_tie_costs_half_of_its_places() -> None:
    scores = torch.tensor([[3.0, 1.0, 3.0, 2.0], [0.0, 5.0, 7.0, 5.0], [1.0, 1.0, 1.0, 1.0]])
    ranks = Ranks.of(tally(scores, torch.tensor([3.0, 0.0, 1.0])))
    assert ranks.optimistic.tolist() == [1, 4, 1]
    assert ranks.realistic.tolist() == [1.5, 4.0, 2.5]
    assert (ranks.optimistic.dtype, ranks.realistic.dtype) == (np.int32, np.float32)


def test_metrics_of_known_ranks() -> None:
    ranks = Ranks(np.array([1, 1.5, 10, 10.5], np.float32), np.array([1, 1, 10, 10], np.int32))
    found = ranks.metrics()
    assert found["hits_at_1"] == 0.25
    assert found["hits_at_10"] == 0.75
    assert found["mr"] == 5.75
    assert found["mrr"] == pytest.approx((1 + 2 / 3 + 1 / 10 + 2 / 21) / 4)
    assert found["hits_at_1_optimistic"] == 0.5
    assert found["mrr_optimistic"] == pytest.approx((1 + 1 + 0.1 + 0.1) / 4)


def test_every_metric_can_be_trained_for_shown_and_headed() -> None:
    words = get_args(Metric)
    assert words == tuple(METRICS) == tuple(TITLES)
    assert words == get_args(Evaluation.model_fields["metric"].annotation)
    assert get_args(Suite.model_fields["metrics"].annotation)[0] == Metric
    assert list(Ranks(np.ones(1, np.float32), np.ones(1, np.int32)).metrics())[: len(words)] == list(words)


def test_parts_of_the_candidates_add_up() -> None:
    scores = torch.randint(0, 5, (7, 30), generator=torch.Generator().manual_seed(0)).float()
    truth = scores[:, 4]
    assert torch.equal(tally(scores[:, :11], truth) + tally(scores[:, 11:], truth), tally(scores, truth))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_score_that_is_not_finite_is_never_ranked(value: float) -> None:
    scores = torch.zeros(3, 4)
    scores[1, 2] = value
    with pytest.raises(RunError, match="not finite"):
        tally(scores, scores[:, 0])
    with pytest.raises(RunError, match="not finite"):
        unit(scores)


def test_large_scores_are_finite() -> None:
    largest = torch.full((8, 8), torch.finfo(torch.float32).max)
    assert Ranks.of(tally(largest, largest[:, 0])).realistic.tolist() == [4.5] * 8


def test_other_true_candidates_do_not_count() -> None:
    scores = torch.tensor([[5.0, 4.0, 4.0, 1.0], [1.0, 2.0, 3.0, 4.0]])
    truth = torch.tensor([4.0, 2.0])
    counts = tally(scores, truth)
    subtract_known(counts, torch.tensor([0, 0, 1]), torch.tensor([5.0, 4.0, 1.0]), truth)
    ranks = Ranks.of(counts)
    assert ranks.realistic.tolist() == [1.0, 3.0]


def test_products_of_unit_rows_are_exact_in_any_order() -> None:
    draw = torch.Generator().manual_seed(1)
    vectors = torch.randn(50, 1001, generator=draw)
    order = torch.randperm(1001, generator=draw)
    rows = unit(vectors).double()
    assert torch.equal(rows @ rows.T, rows[:, order] @ rows[:, order].T)
    assert torch.equal((rows @ rows.T)[3], torch.stack([(rows[3] * row).sum() for row in rows]))
    exact = torch.nn.functional.normalize(vectors.double())
    assert (rows @ rows.T - exact @ exact.T).abs().max() < 1e-6


def test_unit_keeps_zero_rows_and_the_directions_of_extreme_ones() -> None:
    rows = unit(torch.tensor([[0.0, 0.0], [3e-30, 4e-30], [3e30, 4e30]]))
    assert rows[0].tolist() == [0.0, 0.0]
    assert torch.allclose(rows[1:], torch.tensor([[0.6, 0.8]]), atol=1e-7)


@pytest.mark.parametrize("k", [0, 1, 3, 50])
def test_csls_is_the_formula(k: int) -> None:
    draw = torch.Generator().manual_seed(2)
    left, right = unit(torch.randn(9, 5, generator=draw)), unit(torch.randn(7, 5, generator=draw))
    cosine = (left.double() @ right.double().T).numpy()
    expected = 2 * cosine
    for i in range(9 if k else 0):
        for j in range(7):
            around_left = np.mean(sorted(cosine[i], reverse=True)[: min(k, 7)])
            around_right = np.mean(sorted(cosine[:, j], reverse=True)[: min(k, 7)])
            expected[i, j] = 2 * cosine[i, j] - around_left - around_right
    scores = Csls(left, right, k, chunk=4)
    found = scores.block(slice(0, 9), slice(0, 7))
    assert np.allclose(found / max(min(k, 7), 1), expected, atol=1e-12)
    rows, columns = torch.tensor([0, 8, 3]), torch.tensor([6, 0, 3])
    assert torch.equal(scores.at(rows, columns), found[rows, columns])


def test_csls_ranks_like_the_squared_distance_of_the_papers() -> None:
    # Their similarity is s = 1 - |x - y|^2 = 2 cos - 1, with k = 3 on both sides.
    draw = torch.Generator().manual_seed(3)
    left, right = unit(torch.randn(20, 6, generator=draw)), unit(torch.randn(20, 6, generator=draw))
    similarity = (1 - torch.cdist(left.double(), right.double()) ** 2).numpy()
    rows, columns = (np.sort(similarity, axis)[:, -3:] if axis else np.sort(similarity, 0)[-3:] for axis in (1, 0))
    papers = 2 * similarity - rows.mean(1)[:, None] - columns.mean(0)
    ours = Csls(left, right, 3, chunk=100).block(slice(20), slice(20)).numpy()
    assert (np.argsort(papers, 1) == np.argsort(ours, 1)).all()
    assert (np.argsort(papers, 0) == np.argsort(ours, 0)).all()


def test_unit_rows_of_equal_entities_are_equal() -> None:
    row = torch.randn(301, generator=torch.Generator().manual_seed(9))
    assert len(torch.unique(unit(row.repeat(1000, 1)), dim=0)) == 1
