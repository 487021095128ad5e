import torch

from kgprism.platform.data.inputs.joint import JointGraph
from kgprism.platform.nn.graph.union import NoPropagation, UnionGraph


def graph(*triples: tuple[int, int, int]) -> JointGraph:
    return JointGraph(2, 2, 3, torch.tensor(triples), {}, {})


def dense(union: UnionGraph, values: torch.Tensor) -> torch.Tensor:
    found = torch.zeros(4, 4)
    return found.index_put((union.edges.row, union.edges.column), values, accumulate=True)


def test_union_drops_self_loops_adds_the_identity_and_merges_directions():
    union = UnionGraph(graph((0, 0, 1), (1, 1, 0), (2, 0, 2), (2, 2, 3)))
    # A + I: entities 0 and 1 share two triples, 2 and 3 one; degrees 3, 3, 2, 2.
    expected = torch.tensor([[1, 2, 0, 0], [2, 1, 0, 0], [0, 0, 1, 1], [0, 0, 1, 1]]) / torch.tensor(
        [[3], [3], [2], [2]]
    )
    torch.testing.assert_close(dense(union, union.weights), expected)
    torch.testing.assert_close(union.mean(torch.eye(4)), (expected > 0) / 2)


def test_without_propagation_there_is_no_layer_and_the_width_stays():
    shared = NoPropagation.Config().build(graph((0, 0, 1)), 6)
    assert shared.branch(6)(torch.randn(4, 6)) == []
    assert shared.out(6) == 6
