"""Losses and weights of triples in closed form (completion specification, 7.3)."""

import math

import pytest
import torch
from torch import Tensor
from torch.nn.functional import logsigmoid, softplus

from kgprism.platform.batch import Triples
from kgprism.platform.nn.losses.regularisers import Cubed, Squared
from kgprism.platform.nn.losses.subsampling import NoSubsampling, Subsampling
from kgprism.platform.nn.losses.triple_loss import Margin, Sigmoid, Softplus
from kgprism.platform.nn.negatives.sampler import Negatives

BATCH = Triples(torch.tensor([[0, 0, 1], [1, 0, 2]]))
EVEN = torch.ones(2)


def scores() -> tuple[Tensor, Tensor]:
    return torch.tensor([1.0, -2.0]), torch.tensor([[0.5, -1.0, 3.0], [0.0, 2.0, 1.0]])


def test_the_sigmoid_loss_of_nothing_is_ln_two() -> None:
    for temperature in (0.0, 2.0):
        loss = Sigmoid.Config(temperature=temperature).build()
        assert loss(BATCH, torch.zeros(2), torch.zeros(2, 5), None, EVEN).item() == pytest.approx(math.log(2))


def test_the_softplus_loss_of_nothing_is_ln_two_and_the_margin_loss_its_margin() -> None:
    none = torch.zeros(2), torch.zeros(2, 5)
    assert Softplus.Config().build()(BATCH, *none, None, EVEN).item() == pytest.approx(math.log(2))
    assert Margin.Config(margin=3).build()(BATCH, *none, None, EVEN).item() == 3


def test_self_adversarial_weights_are_a_detached_softmax() -> None:
    positive, negative = scores()
    negative.requires_grad_()
    loss = Sigmoid.Config(temperature=0.5).build()(BATCH, positive, negative, None, EVEN)
    weights = (0.5 * negative.detach()).softmax(1)
    torch.testing.assert_close(weights.sum(1), torch.ones(2))
    expected = -(logsigmoid(positive) + (weights * logsigmoid(-negative)).sum(1)).mean() / 2
    torch.testing.assert_close(loss, expected)
    loss.backward()
    # d/ds of -w ln sigmoid(-s) / (2 n) is w sigmoid(s) / (2 n) if w is a constant
    torch.testing.assert_close(negative.grad, weights * negative.detach().sigmoid() / 4)


def test_the_margin_loss_by_hand() -> None:
    positive, negative = scores()
    # 1 + f- - f+: rows [.5, -1 -> 0, 3] and [3, 5, 4]
    loss = Margin.Config(margin=1).build()(BATCH, positive, negative, None, EVEN)
    assert loss.item() == pytest.approx(((0.5 + 0 + 3) / 3 + (3 + 5 + 4) / 3) / 2)


def test_weights_of_the_sampler_stand_in_place_of_the_loss_s_own() -> None:
    positive, negative = scores()
    first = torch.tensor([[1.0, 0, 0], [1.0, 0, 0]])
    for part in (Sigmoid.Config(), Margin.Config(), Softplus.Config()):
        loss = part.build()
        torch.testing.assert_close(
            loss(BATCH, positive, negative, first, EVEN), loss(BATCH, positive, negative[:, :1], None, EVEN)
        )


def test_the_softplus_loss_may_weigh_negatives_by_their_scores() -> None:
    positive, negative = scores()
    weights = (0.5 * negative).softmax(1)
    expected = (softplus(-positive) + (weights * softplus(negative)).sum(1)).mean() / 2
    torch.testing.assert_close(
        Softplus.Config(temperature=0.5).build()(BATCH, positive, negative, None, EVEN), expected
    )


def test_subsampling_weighs_by_the_frequency_of_both_queries() -> None:
    triples = torch.tensor([[0, 0, 1], [0, 0, 2], [0, 0, 3], [4, 1, 5]])
    # c(h, r) + c(t, -r), counts from 4 on: (4 + 2) + 4 for the first three, 4 + 4 for the last
    raw = torch.tensor([10.0, 10, 10, 8]).rsqrt()
    found = Subsampling.Config().build(triples, 2)(Triples(triples))
    torch.testing.assert_close(found, raw / raw.mean())
    halves = [Subsampling.Config().build(triples, 2)(Triples(triples, worker=w, workers=2)) for w in (0, 1)]
    torch.testing.assert_close(torch.cat(halves), found)


def test_even_importance_has_a_row_for_each_of_ours() -> None:
    triples = torch.zeros(5, 3, dtype=torch.long)
    assert NoSubsampling.Config().build(triples, 1)(Triples(triples, worker=1, workers=2)).tolist() == [1, 1, 1]


def test_penalties_by_hand() -> None:
    entities, relations = torch.tensor([[1.0, -2.0], [3.0, 0.0], [0.0, 1.0]]), torch.tensor([[2.0, 2.0]])
    # (0, 0, 1) is corrupted to (2, 0, 1) and (0, 0, 0), (1, 0, 2) to (1, 0, 0) twice.
    negatives = Negatives(torch.tensor([[2, 0], [0, 0]]), torch.tensor([[True, False], [False, False]]))
    cubed = Cubed.Config(weight=0.1).build()(BATCH, entities, relations, negatives)["regulariser"]
    assert cubed.item() == pytest.approx(0.1 * (1 + 8 + 27 + 1 + 8 + 8))
    squared = Squared.Config(weight=0.3).build()
    # Mean squares of the entities: 2.5, 4.5, .5; of the relation: 4. All rows count, as in OpenKE.
    heads, tails = (2.5 + 0.5 + 2.5) + 3 * 4.5, (4.5 + 4.5 + 2.5) + (0.5 + 2.5 + 2.5)
    wanted = 0.3 * (heads / 6 + tails / 6 + 4) / 3
    assert squared(BATCH, entities, relations, negatives)["regulariser"].item() == pytest.approx(wanted)
    shares = [
        squared(Triples(BATCH.triples, worker=worker, workers=2), entities, relations, negatives)["regulariser"].item()
        for worker in (0, 1)
    ]
    assert sum(shares) / 2 == pytest.approx(wanted)
