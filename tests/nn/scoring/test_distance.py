"""Distances between many vectors against plain formulas, gradients included."""

import pytest
import torch
from torch import Tensor

from kgprism.platform.nn.scoring import distance
from kgprism.platform.nn.scoring.distance import Norm


def plain(queries: Tensor, candidates: Tensor, norm: Norm) -> Tensor:
    difference = queries - candidates
    if norm == "l1":
        return difference.abs().sum(-1)
    half = difference.shape[-1] // 2
    return torch.complex(difference[..., :half], difference[..., half:]).abs().sum(-1)


def tables(dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    draw = torch.Generator().manual_seed(3)
    queries, table = (torch.randn(n, 6, generator=draw, dtype=dtype) for n in (5, 9))
    rows, ids = (torch.randint(n, (200,), generator=draw) for n in (5, 9))
    return queries, rows, table, ids


@pytest.mark.parametrize("norm", ["l1", "modulus"])
def test_selected_distances_and_their_gradients(norm: Norm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distance, "_CPU_BLOCK", 7 * 6 * 8)  # several blocks
    queries, rows, table, ids = tables()
    weights = torch.randn(200, dtype=torch.float64)
    mine, theirs = ([queries.clone().requires_grad_(), table.clone().requires_grad_()] for _ in range(2))
    found = distance.selected(mine[0], rows, mine[1], ids, norm)
    expected = plain(theirs[0][rows], theirs[1][ids], norm)
    torch.testing.assert_close(found, expected)
    (found * weights).sum().backward()
    (expected * weights).sum().backward()
    for ours, reference in zip(mine, theirs, strict=True):
        torch.testing.assert_close(ours.grad, reference.grad)


@pytest.mark.parametrize("norm", ["l1", "modulus"])
def test_no_distance_has_no_gradient_and_no_nan(norm: Norm) -> None:
    table = torch.randn(3, 4).requires_grad_()
    found = distance.selected(table.detach(), torch.arange(3), table, torch.arange(3), norm)
    found.sum().backward()
    assert torch.equal(found, torch.zeros(3))
    assert torch.equal(table.grad, torch.zeros(3, 4))
    other = torch.randn(3, 4).requires_grad_()
    distance.aligned(other, other.detach(), norm).sum().backward()
    assert other.grad.isfinite().all()


@pytest.mark.parametrize("norm", ["l1", "modulus"])
def test_crossed_distances(norm: Norm) -> None:
    queries, _, table, _ = tables()
    torch.testing.assert_close(distance.crossed(queries, table, norm), plain(queries[:, None], table, norm))


@pytest.mark.parametrize("norm", ["l1", "modulus"])
def test_a_crossed_distance_does_not_depend_on_its_company(norm: Norm) -> None:
    draw = torch.Generator().manual_seed(1)
    queries, table = (torch.randn(n, 500, generator=draw) for n in (150, 300))
    table[7] = table[211]
    whole = distance.crossed(queries, table, norm)
    assert torch.equal(whole[:, 7], whole[:, 211])
    assert torch.equal(torch.cat([distance.crossed(part, table, norm) for part in queries.split(37)]), whole)
    assert torch.equal(distance.crossed(queries, table[:100], norm), whole[:, :100])


@pytest.mark.parametrize("norm", ["l1", "modulus"])
def test_crossed_distances_of_many_tiles_are_plain_sums_of_float32(norm: Norm) -> None:
    high, wide = distance._TILE["cpu"]
    draw = torch.Generator().manual_seed(2)
    queries, table = (torch.randn(n, 12, generator=draw) for n in (2 * high + 2, 2 * wide + 7))
    differences = [row[:, None] - column for row, column in zip(queries.T, table.T, strict=True)]
    expected = torch.zeros(len(queries), len(table))
    if norm == "l1":
        for difference in differences:
            expected = expected + difference.abs()
    else:
        for real, imaginary in zip(differences[:6], differences[6:], strict=True):
            # The second square is added as torch adds a product: rounded once.
            expected = expected + torch.addcmul(real * real, imaginary, imaginary).sqrt()
    assert torch.equal(distance.crossed(queries, table, norm), expected)
