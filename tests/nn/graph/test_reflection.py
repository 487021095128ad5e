import torch
from torch.nn.functional import normalize

from kgprism.platform.data.inputs.joint import JointGraph
from kgprism.platform.nn.graph.reflection import RelationReflection

TRIPLES = torch.tensor([(0, 0, 1), (1, 1, 0), (0, 0, 2), (2, 0, 0), (1, 1, 2), (3, 2, 3), (0, 0, 1)])


def reflections(width: int = 6) -> RelationReflection:
    torch.manual_seed(1)
    return RelationReflection.Config(depth=2).build(JointGraph(3, 2, 3, TRIPLES, {}, {}), width)


def mean_direction(graph: RelationReflection, i: int, j: int) -> torch.Tensor:
    """The definition, one triple at a time: t speaks to h through r, h to t through the inverse of r."""
    entries = [r for h, r, t in TRIPLES.tolist() if (h, t) == (i, j)]
    entries += [r + 3 for h, r, t in TRIPLES.tolist() if (t, h) == (i, j)]
    return normalize(graph.embedding[entries].mean(0), dim=0)


def test_every_connected_pair_has_the_unit_mean_of_its_relations():
    graph = reflections()
    directions, pairs = graph.directions(), graph.neighbours
    assert {(i, j) for i, j in zip(pairs.row.tolist(), pairs.column.tolist(), strict=True)} == {
        (h, t) for h, _, t in TRIPLES.tolist()
    } | {(t, h) for h, _, t in TRIPLES.tolist()}
    for edge, (i, j) in enumerate(zip(pairs.row.tolist(), pairs.column.tolist(), strict=True)):
        torch.testing.assert_close(directions[graph.listeners.column[edge]], mean_direction(graph, i, j))


def test_equal_multisets_of_relations_share_one_direction():
    triples = torch.tensor([(0, 0, 1), (2, 0, 3), (4, 0, 5), (4, 1, 5)])
    graph = RelationReflection.Config().build(JointGraph(4, 4, 2, triples, {}, {}), 4)
    # {0}, {0 inverse}, {0, 1}, {0 inverse, 1 inverse}
    assert len(graph.directions()) == 4


def test_a_reflection_turns_its_own_direction_round_and_keeps_lengths():
    graph = reflections()
    directions = graph.directions()
    edge = 2
    attention = torch.zeros(len(graph.neighbours.row))
    attention[edge] = 1.0
    i, j = graph.neighbours.row[edge], graph.neighbours.column[edge]
    r = directions[graph.listeners.column[edge]]
    x = torch.randn(5, 6)
    torch.testing.assert_close(graph.reflect(attention, directions, r.expand(5, -1))[i], -r)
    mirrored = graph.reflect(attention, directions, x)[i]
    torch.testing.assert_close(mirrored.norm(), x[j].norm())
    torch.testing.assert_close(mirrored, (torch.eye(6) - 2 * torch.outer(r, r)) @ x[j])


def test_layers_agree_with_a_matrix_an_edge_and_an_isolated_entity_stays_zero():
    graph = reflections()
    stack, x = graph.branch(6), torch.randn(5, 6)
    expected = x
    for score in stack.scores:
        following = torch.zeros(5, 6)
        for i in range(5):
            near = sorted({t for h, _, t in TRIPLES.tolist() if h == i} | {h for h, _, t in TRIPLES.tolist() if t == i})
            r = [mean_direction(graph, i, j) for j in near]
            weights = torch.stack([score[0] @ one for one in r]).softmax(0) if near else []
            for w, one, j in zip(weights, r, near, strict=True):
                following[i] += w * ((torch.eye(6) - 2 * torch.outer(one, one)) @ expected[j])
        expected = following.tanh()
    found = stack(x)[-1]
    torch.testing.assert_close(found, expected)
    assert not found[4].any()
