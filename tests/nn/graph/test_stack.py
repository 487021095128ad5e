"""Stacks make of some entities what they make of all, and nothing that does not lead there."""

import pytest
import torch

from kgprism.platform.data.catalogue import toy
from kgprism.platform.data.inputs.features import join
from kgprism.platform.nn.graph.attention import Attention
from kgprism.platform.nn.graph.convolution import Convolution
from kgprism.platform.nn.graph.reflection import RelationReflection
from kgprism.platform.nn.graph.stack import leading
from kgprism.platform.nn.graph.union import NoPropagation, UnionGraph
from kgprism.platform.settings import AlignmentData

#: The first and the last entity, and some of both graphs.
SOME = torch.tensor([0, 7, 200, 441, 879])
STACKS = {
    "attention": Attention.Config(depth=3),
    "convolution": Convolution.Config(hidden_width=7, width=5),
    "dropout": Convolution.Config(hidden_width=7, width=5, dropout=0.5),
    "reflection": RelationReflection.Config(),
    "none": NoPropagation.Config(),
}


@pytest.fixture(scope="module")
def graph():
    return join(toy.aligned(), AlignmentData(), 0, frozenset())


@pytest.mark.parametrize("kind", STACKS)
def test_the_last_output_of_some_is_rows_of_that_of_all_with_the_same_gradients(graph, kind: str) -> None:
    torch.manual_seed(1)
    stack, gradients, outputs = STACKS[kind].build(graph, 6).branch(6), [], []
    table = torch.randn(graph.entities, 6, requires_grad=True)
    for some in (None, SOME):
        torch.manual_seed(2)
        output = stack.last(table, some)
        outputs.append(output[SOME] if some is None else output)
        learned = [table, *stack.parameters()]
        gradients.append(torch.autograd.grad(outputs[-1].square().sum(), learned, allow_unused=True))
    torch.testing.assert_close(*outputs)
    for one, other in zip(*gradients, strict=True):
        assert (one is None) == (other is None)
        if one is not None:
            torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", STACKS)
@pytest.mark.parametrize("some", [[441, 7, 7, 0, 441], []])
def test_entities_may_come_in_any_order_and_repeatedly_or_not_at_all(graph, kind: str, some: list[int]) -> None:
    torch.manual_seed(1)
    stack, table = STACKS[kind].build(graph, 6).branch(6).eval(), torch.randn(graph.entities, 6)
    torch.testing.assert_close(stack.last(table, torch.tensor(some, dtype=torch.long)), stack.last(table)[some])


def test_hops_hold_neighbourhoods_and_no_more(graph) -> None:
    edges = UnionGraph(graph).edges
    inner, outer = reversed(leading(edges, SOME, 2))
    neighbours = {int(column) for row, column in zip(edges.row, edges.column, strict=True) if row in SOME}
    assert set(inner.inputs.tolist()) == neighbours
    assert inner.inputs[inner.own].tolist() == SOME.tolist()
    assert outer.inputs[outer.own].tolist() == inner.inputs.tolist()
    ends = torch.stack([SOME[inner.edges.row], inner.inputs[inner.edges.column]])
    assert torch.equal(ends, torch.stack([edges.row[inner.kept], edges.column[inner.kept]]))
    assert len(inner.edges.row) == sum(int((edges.row == entity).sum()) for entity in SOME)
