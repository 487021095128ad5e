import pytest
import torch

from kgprism.platform.data.inputs.joint import JointGraph
from kgprism.platform.nn.graph.attention import Attention, DiagonalAttention
from kgprism.platform.nn.graph.union import UnionGraph


def graph(*triples: tuple[int, int, int]) -> JointGraph:
    return JointGraph(2, 2, 3, torch.tensor(triples), {}, {})


def dense(union: UnionGraph, values: torch.Tensor) -> torch.Tensor:
    found = torch.zeros(4, 4)
    return found.index_put((union.edges.row, union.edges.column), values, accumulate=True)


def test_attention_sees_the_pattern_only_and_weights_see_how_often_entities_meet():
    once, twice = graph((0, 0, 1), (1, 1, 2)), graph((0, 0, 1), (0, 2, 1), (1, 1, 2))
    x, outputs, weights = torch.randn(4, 6), [], []
    for one in (once, twice):
        torch.manual_seed(0)
        union = UnionGraph(one)
        outputs.append(Attention.Config(heads=2, depth=2).build(one, 6).branch(6)(x)[-1])
        weights.append(union.edges.multiply(union.weights, x))
    torch.testing.assert_close(*outputs)
    assert not torch.allclose(*weights)


def test_attention_without_a_scoring_vector_is_the_mean_over_neighbours_and_self():
    union, x = UnionGraph(graph((0, 0, 1), (1, 0, 2))), torch.randn(4, 6)
    layer = DiagonalAttention(union.edges, 6, heads=2)
    torch.nn.init.zeros_(layer.own)
    torch.nn.init.zeros_(layer.other)
    torch.testing.assert_close(layer(x), union.mean(x))


def test_a_larger_score_means_a_smaller_weight():
    union = UnionGraph(graph((0, 0, 1)))
    layer = DiagonalAttention(union.edges, 1, heads=1)
    torch.nn.init.zeros_(layer.own)
    torch.nn.init.ones_(layer.other)
    x = torch.tensor([[0.0], [2.0], [0.0], [0.0]])
    # Entity 0 weighs itself exp(0) and its neighbour exp(-2).
    expected = 2 * torch.exp(torch.tensor(-2.0)) / (1 + torch.exp(torch.tensor(-2.0)))
    assert layer(x)[0].item() == pytest.approx(expected.item())


def test_attention_gradient_agrees_with_the_dense_formula():
    union = UnionGraph(graph((0, 0, 1), (1, 0, 2), (2, 1, 3)))
    layer = DiagonalAttention(union.edges, 5, heads=1).double()
    x = torch.randn(4, 5, dtype=torch.double, requires_grad=True)

    def by_matrix(x: torch.Tensor) -> torch.Tensor:
        h = x * layer.kernel[0]
        scores = (h @ layer.own[0])[:, None] + (h @ layer.other[0])[None, :]
        linked = dense(union, torch.ones(len(union.edges.row))) > 0
        weights = torch.where(linked, -torch.nn.functional.leaky_relu(scores, 0.2), -torch.inf).softmax(1)
        return weights @ h

    torch.testing.assert_close(layer(x), by_matrix(x))
    ours, theirs = (torch.autograd.grad(f(x).pow(2).sum(), x)[0] for f in (layer, by_matrix))
    torch.testing.assert_close(ours, theirs)
