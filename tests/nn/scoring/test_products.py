"""Dot products of chosen pairs against plain formulas, gradients included; sums of bags."""

import pytest
import torch

from kgprism.platform.nn.scoring import products
from kgprism.platform.nn.scoring.bags import summed


@pytest.mark.parametrize("count", [0, 1, 40, 200])
def test_selected_products_and_their_gradients(count: int) -> None:
    draw = torch.Generator().manual_seed(3)
    queries, table = (torch.randn(n, 6, generator=draw, dtype=torch.float64) for n in (5, 9))
    # Some pairs come twice, some rows in none; 200 are more than there are different ones.
    rows, ids = (torch.randint(n - 1, (count,), generator=draw) for n in (5, 9))
    weights = torch.randn(count, generator=draw, dtype=torch.float64)
    mine, theirs = ([queries.clone().requires_grad_(), table.clone().requires_grad_()] for _ in range(2))
    found = products.selected(mine[0], rows, mine[1], ids)
    expected = (theirs[0][rows] * theirs[1][ids]).sum(1)
    torch.testing.assert_close(found, expected)
    (found * weights).sum().backward()
    (expected * weights).sum().backward()
    for ours, reference in zip(mine, theirs, strict=True):
        torch.testing.assert_close(ours.grad, reference.grad)


def test_bags_are_summed_with_their_weights_and_empty_ones_are_nothing() -> None:
    table = torch.tensor([[1.0, 10.0], [2.0, 20.0], [3.0, 30.0]])
    ids, begin = torch.tensor([0, 2, 2, 1]), torch.tensor([0, 2, 2])
    found = summed(table, ids, begin, torch.tensor([1.0, -1.0, 2.0, 0.5]))
    assert found.tolist() == [[-2.0, -20.0], [0.0, 0.0], [7.0, 70.0]]
    assert summed(table, ids, begin).tolist() == [[4.0, 40.0], [0.0, 0.0], [5.0, 50.0]]
