import pytest
import torch

from kgprism.platform.data.inputs.joint import JointGraph
from kgprism.platform.nn.graph.convolution import Convolution, ConvolutionLayer, ConvolutionStack
from kgprism.platform.nn.graph.union import UnionGraph


def joint(*triples: tuple[int, int, int]) -> JointGraph:
    return JointGraph(2, 2, 3, torch.tensor(triples), {}, {})


def union(*triples: tuple[int, int, int]) -> UnionGraph:
    return UnionGraph(joint(*triples))


def dense(graph: UnionGraph) -> torch.Tensor:
    return torch.zeros(4, 4).index_put((graph.edges.row, graph.edges.column), graph.weights)


def test_a_layer_is_its_formula_with_every_entity_in_its_own_neighbourhood():
    # Entities 0 and 1 share two triples, 2 has one to itself, which does not count, 3 has none.
    graph = union((0, 0, 1), (1, 1, 0), (2, 0, 2))
    weights = torch.tensor([[1, 2, 0, 0], [2, 1, 0, 0], [0, 0, 3, 0], [0, 0, 0, 3]]) / 3
    layer, x = ConvolutionLayer(graph, 5, 2), torch.randn(4, 5)
    torch.testing.assert_close(layer(x), weights @ x @ layer.weight + layer.bias)


def test_a_stack_is_two_layers_with_a_relu_between_and_none_after():
    shared, x = Convolution.Config(hidden_width=6, width=3).build(joint((0, 0, 1), (1, 1, 2)), 5), torch.randn(4, 5)
    stack, graph = shared.branch(5), shared.union
    one, two = stack.layers
    hidden = dense(graph) @ x @ one.weight + one.bias
    expected = dense(graph) @ hidden.clamp(min=0) @ two.weight + two.bias
    first, last = stack(x)
    torch.testing.assert_close(first, hidden)
    torch.testing.assert_close(last, expected)
    assert (last < 0).any()
    assert last.shape[1] == shared.out(5) == 3


def test_triples_that_are_repeated_count_more():
    x, found = torch.randn(4, 5), []
    for triples in (((0, 0, 1), (1, 1, 2)), ((0, 0, 1), (0, 2, 1), (1, 1, 2))):
        torch.manual_seed(0)
        found.append(ConvolutionStack(union(*triples), (5, 4, 3))(x)[-1])
    assert not torch.allclose(*found)
    torch.testing.assert_close(found[0][3], found[1][3])  # entity 3 has no neighbour at all


@pytest.mark.parametrize(("width", "wanted"), [(9, 16), (16, 4)])
def test_weights_start_within_one_over_the_root_of_the_output_width(width: int, wanted: int):
    layer = ConvolutionLayer(union((0, 0, 1)), width, wanted)
    bound = wanted**-0.5
    assert bound / 2 < layer.weight.abs().max() <= bound
    assert layer.bias.abs().max() <= bound


def test_dropout_is_between_the_layers_and_in_training_only():
    settings, x = Convolution.Config(hidden_width=50, width=3, dropout=0.5), torch.randn(4, 5)
    stack = settings.build(joint((0, 0, 1)), 5).branch(5)
    first, last = stack(x)
    again = stack(x)
    torch.testing.assert_close(first, again[0])
    assert not torch.allclose(last, again[1])
    torch.testing.assert_close(*(stack.eval()(x)[1] for _ in range(2)))
