import pytest
import torch

from kgprism.platform.nn.graph.sparse import Incidence

EDGES = (torch.tensor([2, 0, 0, 2, 2]), torch.tensor([1, 1, 3, 1, 0]))


@pytest.fixture
def incidence() -> Incidence:
    return Incidence(*EDGES, rows=3, columns=4)


def dense(values: torch.Tensor) -> torch.Tensor:
    return torch.zeros(3, 4, dtype=values.dtype).index_put(EDGES, values, accumulate=True)


def test_multiply_is_the_dense_product_with_repeated_edges_added(incidence):
    values, x = torch.rand(5), torch.randn(4, 7)
    torch.testing.assert_close(incidence.multiply(values, x), dense(values) @ x)


def test_dots_are_the_entries_of_the_dense_product_in_edge_order(incidence):
    left, right = torch.randn(3, 7), torch.randn(4, 7)
    torch.testing.assert_close(incidence.dots(left, right), (left @ right.T)[EDGES])


def test_softmax_sums_to_one_over_each_row_that_has_edges_and_bears_large_scores(incidence):
    weights = incidence.softmax(torch.tensor([1000.0, 0.0, -1000.0, 1000.0, 999.0]))
    torch.testing.assert_close(dense(weights).sum(1), torch.tensor([1.0, 0.0, 1.0]))
    torch.testing.assert_close(weights[1:3], torch.tensor([1.0, 0.0]))


def test_gradients_are_those_of_the_formulas(incidence):
    values, scores = (torch.rand(5, dtype=torch.double, requires_grad=True) for _ in range(2))
    left, right = (torch.randn(n, 3, dtype=torch.double, requires_grad=True) for n in (3, 4))
    assert torch.autograd.gradcheck(incidence.multiply, (values, right))
    assert torch.autograd.gradcheck(incidence.dots, (left, right))
    assert torch.autograd.gradcheck(incidence.softmax, (scores,))
