import pytest
import torch
from torch.nn.functional import normalize

from kgprism.platform.batch import Pairs
from kgprism.platform.nn.losses.contrastive import ICL, InfoNCE, NoLoss


def pairs(count: int, worker: int = 0, workers: int = 1) -> Pairs:
    return Pairs(torch.arange(count), torch.arange(count) + count, worker, workers)


def swapped(found: Pairs) -> Pairs:
    return Pairs(found.right, found.left)


def test_a_single_pair_has_no_negatives_and_no_loss():
    for part in (ICL.Config(), InfoNCE.Config()):
        assert part.build()(torch.randn(2, 5), pairs(1)).item() == pytest.approx(0, abs=5e-6)


def test_icl_is_symmetric_in_the_graphs_and_info_nce_is_not():
    embedding = torch.randn(8, 5)
    icl, one_way = ICL.Config().build(), InfoNCE.Config().build()
    torch.testing.assert_close(icl(embedding, pairs(4)), icl(embedding, swapped(pairs(4))))
    assert one_way(embedding, pairs(4)).item() != pytest.approx(one_way(embedding, swapped(pairs(4))).item())


def test_losses_are_their_formulas():
    embedding, temperature = torch.randn(6, 5), 0.3
    x, y = normalize(embedding[:3]), normalize(embedding[3:])
    between = (x @ y.T / temperature).exp()
    one_way = -(between.diagonal() / between.sum(1)).log().mean()
    torch.testing.assert_close(InfoNCE.Config(temperature=temperature).build()(embedding, pairs(3)), one_way)
    halves = []
    for a, scores in ((x, between), (y, between.T)):
        inside = (a @ a.T / temperature).exp().fill_diagonal_(0)
        halves.append(-(scores.diagonal() / (scores.sum(1) + inside.sum(1))).log().mean())
    torch.testing.assert_close(ICL.Config(temperature=temperature).build()(embedding, pairs(3)), sum(halves) / 2)


@pytest.mark.parametrize("part", [ICL.Config(), InfoNCE.Config(), NoLoss.Config()])
@pytest.mark.parametrize("count", [4, 7])
def test_workers_shares_average_to_the_whole_loss_and_its_gradient(part, count: int):
    loss = part.build()
    embedding = torch.randn(2 * count, 5, requires_grad=True)
    whole = loss(embedding, pairs(count))
    shares = [loss(embedding, pairs(count, worker, 3)) for worker in range(3)]
    torch.testing.assert_close(sum(shares) / 3, whole)
    gradient, ours = (torch.autograd.grad(v, embedding)[0] for v in (whole, sum(shares) / 3))
    torch.testing.assert_close(ours, gradient)
