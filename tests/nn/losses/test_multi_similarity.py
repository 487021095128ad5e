import math

import pytest
import torch
from torch.nn.functional import normalize

from kgprism.platform.batch import Pairs
from kgprism.platform.nn.losses.multi_similarity import MultiSimilarity


def pairs(count: int, worker: int = 0, workers: int = 1) -> Pairs:
    return Pairs(torch.arange(count), torch.arange(count) + count, worker, workers)


def test_the_loss_is_its_formula():
    embedding, alpha, beta, base = torch.randn(8, 5), 0.7, 6.0, 0.3
    z = normalize(embedding).tolist()
    anchors = []
    for i, own in enumerate(z):
        similarity = [sum(a * b for a, b in zip(own, other, strict=True)) for other in z]
        partner = (i + 4) % 8
        negative = sum(math.exp(beta * (similarity[j] - base)) for j in range(8) if j not in (i, partner))
        positive = math.exp(-alpha * (similarity[partner] - base))
        anchors.append(math.log(1 + positive) / alpha + math.log(1 + negative) / beta)
    loss = MultiSimilarity.Config(alpha=alpha, beta=beta, base=base).build()
    assert loss(embedding, pairs(4)).item() == pytest.approx(sum(anchors) / 8, rel=1e-5)


def test_a_single_pair_has_no_negatives_and_a_finite_gradient():
    embedding = torch.tensor([[3.0, 0.0], [0.5, 0.0]], requires_grad=True)
    loss = MultiSimilarity.Config(alpha=2.0, base=0.5).build()(embedding, pairs(1))
    assert loss.item() == pytest.approx(math.log1p(math.exp(-2 * 0.5)) / 2)
    assert torch.autograd.grad(loss, embedding)[0].isfinite().all()


def test_the_loss_is_symmetric_in_the_graphs_and_blind_to_length():
    embedding, loss = torch.randn(8, 5), MultiSimilarity.Config().build()
    both = pairs(4)
    torch.testing.assert_close(loss(embedding, both), loss(embedding, Pairs(both.right, both.left)))
    torch.testing.assert_close(loss(embedding, both), loss(embedding * torch.rand(8, 1).add(0.1), both))


@pytest.mark.parametrize("count", [4, 7])
def test_shares_of_workers_average_to_the_whole_loss_and_its_gradient(count: int):
    loss, embedding = MultiSimilarity.Config().build(), torch.randn(2 * count, 5, requires_grad=True)
    whole = loss(embedding, pairs(count))
    shares = sum(loss(embedding, pairs(count, worker, 3)) for worker in range(3)) / 3
    torch.testing.assert_close(shares, whole)
    gradient, ours = (torch.autograd.grad(value, embedding)[0] for value in (whole, shares))
    torch.testing.assert_close(ours, gradient)
