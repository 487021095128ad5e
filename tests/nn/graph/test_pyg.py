"""PyTorch Geometric's layers in the slot for a graph encoder."""

import pytest
import torch
from pydantic import ValidationError

from kgprism.platform.data.inputs.joint import JointGraph
from kgprism.platform.nn.graph.pyg import HEADED, PyG

#: Two triples between entities 0 and 1, one from 2 to itself, one from 2 to 3.
GRAPH = JointGraph(2, 2, 3, torch.tensor([[0, 0, 1], [1, 1, 0], [2, 0, 2], [2, 2, 3]]), {}, {})
CONVS = ("gcn", "gat", "gatv2", "sage", "gin", "transformer", "rgcn")


def stack(graph: JointGraph = GRAPH, **settings: object) -> torch.nn.Module:
    torch.manual_seed(0)
    return PyG.Config(**settings).build(graph, 6).branch(6)


def test_a_gcn_layer_is_the_normalised_adjacency_with_self_loops_times_rows_times_weights() -> None:
    layer = stack(conv="gcn", depth=1)
    adjacency = torch.eye(4)
    for one, other in ((0, 1), (2, 3)):
        adjacency[one, other] = adjacency[other, one] = 1
    scale = adjacency.sum(1).rsqrt()
    x = torch.randn(4, 6)
    weight, bias = layer.layers[0].lin.weight, layer.layers[0].bias
    torch.testing.assert_close(layer(x)[0], scale[:, None] * adjacency * scale @ (x @ weight.T) + bias)


def test_sage_adds_the_mean_of_the_neighbours_and_gin_their_sum() -> None:
    x = torch.randn(4, 6)
    other = x[[1, 0, 3, 2]]  # everyone has one neighbour
    sage, gin = stack(conv="sage", depth=1), stack(conv="gin", depth=1)
    layer = sage.layers[0]
    torch.testing.assert_close(sage(x)[0], layer.lin_l(other) + layer.lin_r(x))
    torch.testing.assert_close(gin(x)[0], gin.layers[0].nn(x + other))


def test_rgcn_alone_sees_relations_their_direction_and_repeats() -> None:
    layer = stack(conv="rgcn", depth=1)
    inner, x = layer.layers[0], torch.randn(4, 6)
    weights = (inner.comp @ inner.weight.view(inner.weight.shape[0], -1)).view(6, 6, 6)
    # Entity 0: tail of (1, r1, 0), and of the inverse (1, r0', 0).
    wanted = x[1] @ weights[1] + x[1] @ weights[0 + 3] + x[0] @ inner.root + inner.bias
    torch.testing.assert_close(layer(x)[0][0], wanted)
    other = JointGraph(2, 2, 3, torch.tensor([[0, 2, 1], [1, 1, 0], [2, 0, 2], [2, 2, 3]]), {}, {})
    assert not torch.equal(stack(other, conv="rgcn")(x)[-1], stack(conv="rgcn")(x)[-1])
    assert torch.equal(stack(other, conv="sage")(x)[-1], stack(conv="sage")(x)[-1])


@pytest.mark.parametrize("conv", CONVS)
def test_every_convolution_keeps_the_width_and_teaches_every_weight(conv: str) -> None:
    layers = stack(conv=conv, depth=3, width=4, **({"heads": 3} if conv in HEADED else {}))
    outputs = layers(torch.randn(4, 6))
    assert [tuple(output.shape) for output in outputs] == [(4, 4), (4, 4), (4, 6)]
    outputs[-1].square().sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in layers.parameters())


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        *(({"conv": conv, "heads": 3}, "heads") for conv in CONVS if conv not in HEADED),
        *(({"conv": conv, "bases": 3}, "bases") for conv in CONVS if conv != "rgcn"),
        ({"depth": 1, "width": 4}, "width"),
        ({"depth": 1, "dropout": 0.5}, "dropout"),
    ],
)
def test_a_number_that_nothing_reads_is_refused(settings: dict, name: str) -> None:
    with pytest.raises(ValidationError, match=f"{name}: .* reads none, leave it at"):
        PyG.Config(**settings)


@pytest.mark.parametrize("settings", [{"conv": c, "heads": 3} for c in HEADED] + [{"conv": "rgcn", "bases": 3}])
def test_a_number_that_is_read_changes_the_layers(settings: dict) -> None:
    plain, other = stack(conv=settings["conv"]), stack(**settings)
    shapes = [[tuple(p.shape) for p in layers.parameters()] for layers in (plain, other)]
    assert shapes[0] != shapes[1]


@pytest.mark.parametrize("conv", CONVS)
def test_depth_is_how_far_an_entity_is_heard(conv: str) -> None:
    chain = JointGraph(2, 2, 1, torch.tensor([[0, 0, 1], [1, 0, 2], [2, 0, 3]]), {}, {})
    for depth in (1, 2):
        layers, x = stack(chain, conv=conv, depth=depth), torch.randn(4, 6)
        moved = x.clone()
        moved[0] += 1
        with torch.no_grad():
            heard = (layers(moved)[-1] - layers(x)[-1]).abs().amax(1) > 1e-6
        assert heard.tolist() == [True] * (depth + 1) + [False] * (3 - depth)
