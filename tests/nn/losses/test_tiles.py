"""Sums and gradients in tiles against the plain formula in float64, for slices larger and smaller than a tile."""

import itertools

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from kgprism.platform.nn.losses import tiles
from kgprism.platform.nn.losses.tiles import Among, contrasted

CHOICES = [Among(7.0, *flags) for flags in itertools.product((True, False), repeat=3)]


def terms(one: Tensor, other: Tensor, own: Tensor, weights: Tensor) -> Tensor:
    """A loss in which every input counts, and each differently."""
    return (weights * (one.sin() + other.square() - own.exp())).sum()


def sides(pairs: int, width: int = 6) -> tuple[Tensor, Tensor]:
    left, right = torch.randn(2, pairs, width, dtype=torch.float64).unbind()
    return left.requires_grad_(), right.requires_grad_()


def plain(left: Tensor, right: Tensor, rows: slice, among: Among, weights: Tensor) -> Tensor:
    """The formula, over whole matrices."""
    one, other = F.normalize(left), F.normalize(right)
    eye = torch.eye(len(one), dtype=torch.bool)
    found = []
    for a, b in ((one, other), (other, one)):
        across = among.scale * (a @ b.T)
        parts = [across if among.partner else across.masked_fill(eye, -torch.inf)]
        if among.inside:
            parts.append((among.scale * (a @ a.T)).masked_fill(eye, -torch.inf))
        found.append(torch.cat(parts, 1).logsumexp(1)[rows])
    return terms(found[0], found[1] if among.both else found[1] * 0, (one * other).sum(1)[rows], weights)


def tiled(left: Tensor, right: Tensor, rows: slice, among: Among, weights: Tensor) -> Tensor:
    def seen(one: Tensor, other: Tensor, own: Tensor, weights: Tensor) -> Tensor:
        return terms(one, other if among.both else torch.zeros_like(one), own, weights)

    ends = F.normalize(left).float(), F.normalize(right).float()
    return contrasted(*ends, rows, among, seen, weights.float())


@pytest.mark.parametrize("among", CHOICES, ids=str)
@pytest.mark.parametrize(("pairs", "rows"), [(11, slice(0, 11)), (11, slice(3, 8)), (13, slice(0, 12))], ids=str)
@pytest.mark.parametrize("kept", [0, 2**20])
def test_losses_and_gradients_are_those_of_the_formula(
    among: Among, pairs: int, rows: slice, kept: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tiles, "ROWS", 4)
    monkeypatch.setattr(tiles, "KEPT", kept)
    left, right = sides(pairs)
    weights = torch.rand(rows.stop - rows.start, dtype=torch.float64, requires_grad=True)
    found = []
    for way in (plain, tiled):
        loss = 3 * way(left, right, rows, among, weights)
        found.append((loss.detach().double(), *torch.autograd.grad(loss, [left, right, weights])))
    for expected, got in zip(*found, strict=True):
        torch.testing.assert_close(got.double(), expected, rtol=1e-5, atol=1e-5)


def test_without_gradients_the_loss_is_the_same() -> None:
    left, right = sides(9)
    weights, rows = torch.rand(9), slice(0, 9)
    loss = tiled(left, right, rows, CHOICES[0], weights)
    with torch.no_grad():
        assert tiled(left, right, rows, CHOICES[0], weights) == loss.detach()


def test_what_is_not_learned_gets_no_gradient() -> None:
    left, right = sides(9)
    loss = tiled(left, right.detach(), slice(0, 9), CHOICES[0], torch.rand(9))
    loss.backward()
    assert left.grad is not None
    assert right.grad is None


def test_a_pair_alone_has_no_sum_and_a_finite_gradient() -> None:
    left, right = sides(1)
    among = Among(5.0, partner=False, inside=True)
    ends = F.normalize(left).float(), F.normalize(right).float()
    loss = contrasted(*ends, slice(0, 1), among, lambda one, other, own: (F.softplus(one + other) + own).sum())
    assert loss.item() == pytest.approx((F.normalize(left) @ F.normalize(right).T).item(), abs=1e-6)
    loss.backward()
    assert left.grad is not None
    assert left.grad.isfinite().all()


def test_the_largest_scale_leaves_the_smallest_exponential_a_number() -> None:
    assert torch.tensor(-2 * tiles.LARGEST_SCALE).exp() >= torch.finfo(torch.float32).tiny


def test_a_step_keeps_no_more_than_its_gradients() -> None:
    """Nothing of the size pairs x pairs waits for the backward pass."""
    left, right = (F.normalize(torch.randn(300, 4, requires_grad=True)) for _ in range(2))
    loss = contrasted(left, right, slice(0, 300), Among(5.0, True, True), lambda one, other, own: (one + other).sum())
    assert max(tensor.numel() for tensor in loss.grad_fn.saved_tensors) == 300 * 4
