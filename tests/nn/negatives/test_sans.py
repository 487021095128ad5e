"""SANS: supports by hand, draws from them."""

from pathlib import Path

import pytest
import torch

from kgprism.platform.batch import Triples
from kgprism.platform.data.inputs.training_graph import TrainingGraph, prepare
from kgprism.platform.data.readers import layouts
from kgprism.platform.families.triple_model import TripleModel
from kgprism.platform.nn.negatives.sans import SANS, Hops, NoSupport, Support, Walks
from kgprism.platform.nn.scoring.scorers import TransEL1
from kgprism.platform.part import Slot
from kgprism.platform.settings import CompletionData

# 0 - 1 - 2 - 3 in a row, some edges twice or against the direction; 4 with a loop; 5 alone.
TRIPLES = torch.tensor([(0, 0, 1), (1, 1, 0), (2, 0, 1), (1, 0, 2), (3, 1, 2), (4, 0, 4)])
GRAPH = TrainingGraph(6, 2, TRIPLES, {}, {})


def rows(support: Support) -> list[list[int]]:
    entities = torch.arange(6)
    return [
        support.members(entities[e].expand(size), torch.arange(size)).tolist()
        for e, size in enumerate(support.sizes(entities).tolist())
    ]


def test_two_hops_are_the_neighbours_and_theirs() -> None:
    near = [[0, 1, 2], [0, 1, 2, 3], [0, 1, 2, 3], [1, 2, 3], [4], []]
    assert rows(Hops.Config().build(TRIPLES, 6)) == near
    support = Hops.Config().build(TRIPLES, 6)
    places = support.places(torch.tensor([0, 0, 3, 3, 5]), torch.tensor([2, 3, 1, 0, 5]))
    assert places.tolist() == [2, -1, 0, -1, -1]


def test_three_hops_are_the_paths_of_two_or_three_steps() -> None:
    # Of two steps: 0 and 2, 1 and 3; of three: 1 and 3, 0 and 2.
    assert rows(Hops.Config(hops=3).build(TRIPLES, 6)) == [[0, 1, 2, 3]] * 4 + [[4], []]


@pytest.mark.parametrize("length", [1, 2])
def test_walks_end_where_paths_of_their_length_do(length: int) -> None:
    torch.manual_seed(0)
    ends = {1: [[1], [0, 2], [1, 3], [2], [4], []], 2: [[0, 2], [1, 3], [0, 2], [1, 3], [4], []]}[length]
    assert rows(Walks.Config(walks=100, length=length).build(TRIPLES, 6)) == ends
    few = rows(Walks.Config(walks=1, length=length).build(TRIPLES, 6))
    assert [len(row) for row in few] == [1, 1, 1, 1, 1, 0]
    assert all(set(row) <= set(all_) for row, all_ in zip(few, ends, strict=True))


def test_the_null_support_is_everyone() -> None:
    assert rows(NoSupport.Config().build(TRIPLES, 6)) == [[0, 1, 2, 3, 4, 5]] * 6


class Near(TripleModel):
    class Config(TripleModel.Config):
        negatives: Slot[SANS.Config] = SANS.Config()


def drawn(triple: tuple[int, int, int], step: int, **settings) -> list[int]:
    method = Near(Near.Config(scoring=TransEL1.Config(dim=2), negatives=SANS.Config(count=3000, **settings)), GRAPH, 0)
    negatives = method.negatives.sample(Triples(torch.tensor([triple]), step, seed=step), method.view())
    assert negatives.head.all() if step % 2 else not negatives.head.any()
    return torch.bincount(negatives.entities[0], minlength=6).tolist()


@pytest.mark.parametrize(
    ("triple", "step", "near"),
    [
        ((1, 0, 2), 0, {0, 1, 3}),  # 1 is near 0, 1, 2, 3; (1, 0, 2) is known
        ((2, 0, 1), 2, {0, 2, 3}),
        ((2, 0, 1), 1, {1, 3}),  # heads near 1 are 0, 1, 2, 3; (0, 0, 1) and (2, 0, 1) are known
        ((0, 0, 1), 0, {0, 2}),
    ],
)
def test_draws_are_uniform_over_the_unknown_ones_near(triple: tuple[int, int, int], step: int, near: set[int]) -> None:
    counts = drawn(triple, step, support=Hops.Config())
    assert {entity for entity, count in enumerate(counts) if count} == near
    assert all(abs(counts[entity] - 3000 / len(near)) < 150 for entity in near)


def test_where_all_that_are_near_are_known_any_unknown_entity_comes() -> None:
    counts = drawn((4, 0, 4), 0, support=Hops.Config())
    assert counts[4] == 0
    assert all(abs(count - 600) < 120 for count in counts[:4] + counts[5:])


def test_the_null_support_draws_all_unknown_entities() -> None:
    counts = drawn((1, 0, 2), 0, support=NoSupport.Config())
    assert counts[2] == 0
    assert all(abs(count - 600) < 120 for count in counts[:2] + counts[3:])


@pytest.mark.real
@pytest.mark.parametrize(("name", "mean"), [("MKG-W", 966), ("MKG-Y", 11.6)])
def test_two_hop_neighbourhoods_have_the_published_sizes(real: Path, name: str, mean: float) -> None:
    graph = prepare(layouts.read(name, real / name), CompletionData(), 0, [])
    support = Hops.Config().build(graph.triples, graph.entities)
    assert support.sizes(torch.arange(graph.entities)).double().mean().item() == pytest.approx(mean, rel=5e-3)
