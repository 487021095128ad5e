"""Low-rank products in stretches against the plain formula in float64."""

import pytest
import torch
from torch import Tensor

from kgprism.platform.nn.fusion import factors
from kgprism.platform.nn.fusion.factors import low_rank


def plain(weights: Tensor, tables: list[Tensor], modal: list[Tensor]) -> Tensor:
    """The formula, rank by rank."""
    total = torch.zeros(len(modal[0]), tables[0].shape[2], dtype=torch.float64)
    for k, weight in enumerate(weights):
        product = torch.ones(1, dtype=torch.float64)
        for h, table in zip(modal, tables, strict=True):
            product = product * (table[k, 0] + h @ table[k, 1:])
        total = total + weight * product
    return total


@pytest.mark.parametrize("modalities", [1, 2, 3, 4])
@pytest.mark.parametrize("entities", [1, 4, 11])
def test_values_and_gradients_are_those_of_the_formula(
    modalities: int, entities: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(factors, "ROWS", 4)
    sizes = [(3,), *[(3, 6, 7)] * modalities, *[(entities, 5)] * modalities]
    given = [torch.randn(size, dtype=torch.float64, requires_grad=True) for size in sizes]
    pull = torch.randn(entities, 7)
    found = []
    for way, kind in ((plain, torch.float64), (low_rank, torch.float32)):
        weights, *tables = [table.to(kind) for table in given]
        out = way(weights, tables[:modalities], tables[modalities:])
        found.append((out.detach(), *torch.autograd.grad((out * pull).sum(), given)))
    for expected, got in zip(*found, strict=True):
        torch.testing.assert_close(got.double(), expected, rtol=1e-4, atol=1e-4)
