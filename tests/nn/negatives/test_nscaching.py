"""NSCaching: one row a query, renewed by score, drawn by rule."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from pydantic import ValidationError

from kgprism.platform.batch import Triples
from kgprism.platform.data.inputs.training_graph import TrainingGraph, prepare
from kgprism.platform.data.readers import layouts
from kgprism.platform.families.triple_model import TripleModel
from kgprism.platform.nn.negatives.nscaching import NSCaching, copies
from kgprism.platform.nn.scoring.scorers import TransEL1
from kgprism.platform.part import Slot
from kgprism.platform.settings import CompletionData

# Distinct (head, relation): (0, 0), (1, 0), (1, 1), (5, 1); distinct (relation, tail): (0, 2), (0, 3), (1, 3).
TRIPLES = torch.tensor([(0, 0, 2), (0, 0, 3), (1, 0, 2), (1, 1, 3), (5, 1, 3)])
GRAPH = TrainingGraph(12, 2, TRIPLES, {}, {})
BATCH = Triples(TRIPLES, seed=3)


class Cached(TripleModel):
    class Config(TripleModel.Config):
        negatives: Slot[NSCaching.Config] = NSCaching.Config()


def model(seed: int = 0, **settings) -> Cached:
    config = Cached.Config(scoring=TransEL1.Config(dim=6, margin=3.0), negatives=NSCaching.Config(**settings))
    return Cached(config, GRAPH, seed)


def step(method: Cached, number: int) -> torch.Tensor:
    return method.negatives.sample(replace(BATCH, seed=number), method.view()).entities


def test_there_is_one_row_a_query_and_it_keeps_its_size_through_training_and_checkpoints() -> None:
    method = model(size=4, fresh=3)
    assert method.negatives.cache.shape == (4 + 3, 4)
    for number in range(3):
        step(method, number)
        assert method.negatives.cache.shape == (4 + 3, 4)
        assert method.negatives.cache.min() >= 0
        assert method.negatives.cache.max() < 12
    assert [key for key in method.state_dict() if key.startswith("negatives")] == ["negatives.cache"]
    other = model(seed=1, size=4, fresh=3)
    assert not torch.equal(other.negatives.cache, method.negatives.cache)
    other.load_state_dict(method.state_dict())
    assert torch.equal(other.negatives.cache, method.negatives.cache)


def test_top_ends_with_the_best_entities_of_every_query_each_once() -> None:
    method = model(size=3, fresh=24, update="top")
    for number in range(10):
        step(method, number)
    answer = method.answer()
    tails = answer(torch.tensor([0, 1, 1, 5]), torch.tensor([0, 0, 1, 1]), "tail")
    heads = answer(torch.tensor([2, 3, 3]), torch.tensor([0, 0, 1]), "head")
    best = torch.cat([tails, heads]).topk(3, 1).indices
    assert method.negatives.cache.tolist() == best.tolist()


def test_importance_holds_no_entity_twice_once_renewed() -> None:
    method = model(size=6, fresh=30)
    step(method, 1)
    assert not copies(method.negatives.cache).any()
    before = method.negatives.cache.clone()
    step(method, 2)
    assert not torch.equal(method.negatives.cache, before)


def test_fewer_entities_than_places_fill_up_with_copies() -> None:
    method = model(size=20, fresh=20, update="top")
    step(method, 1)
    step(method, 2)
    assert (~copies(method.negatives.cache)).sum(1).max() <= 12


def test_lazy_epochs_leave_the_cache_alone() -> None:
    method = model(size=4, lazy=2)
    kept = []
    for epoch in range(4):
        before = method.negatives.cache.clone()
        method.start_epoch(epoch)
        step(method, epoch)
        kept.append(torch.equal(method.negatives.cache, before))
    assert kept == [False, True, True, False]


@pytest.mark.parametrize("draw", ["uniform", "importance", "top"])
def test_negatives_come_from_the_queries_own_row_by_the_rule(draw: str) -> None:
    method = model(size=2, draw=draw, lazy=1)
    method.start_epoch(1)
    method.negatives.ends.share.zero_()
    method.negatives.cache.copy_(torch.tensor([7, 9]).expand(7, 2))
    method.negatives.cache[0] = torch.tensor([10, 11])
    many = Triples(TRIPLES[:1].expand(4000, 3), seed=8)
    negatives = method.negatives.sample(many, method.view())
    assert not negatives.head.any()
    scores = method.answer()(torch.tensor([0]), torch.tensor([0]), "tail")[0, [10, 11]]
    chance = {"uniform": 0.5, "importance": scores.softmax(0)[0].item(), "top": float(scores[0] > scores[1])}[draw]
    assert torch.isin(negatives.entities, torch.tensor([10, 11])).all()
    found = (negatives.entities == 10).double().mean().item()
    assert found == pytest.approx(chance, abs=4 * (chance * (1 - chance) / 4000) ** 0.5)


def test_several_negatives_of_a_positive_come_from_different_places() -> None:
    method = model(size=5, count=5, lazy=1)
    method.start_epoch(1)
    method.negatives.cache.copy_(torch.arange(5).expand(7, 5))
    assert step(method, 1).sort(1).values.tolist() == [[0, 1, 2, 3, 4]] * 5


def test_more_negatives_than_places_are_refused() -> None:
    with pytest.raises(ValidationError, match="count: 6 negatives cannot come from a cache of size 5"):
        NSCaching.Config(count=6, size=5)


def test_copies_are_all_but_the_leftmost() -> None:
    rows = torch.tensor([[3, 1, 3, 3, 1], [2, 4, 0, 1, 3]])
    assert copies(rows).tolist() == [[False, False, True, True, True], [False] * 5]


@pytest.mark.real
@pytest.mark.parametrize(("name", "rows"), [("MKG-W", 29023 + 7570), ("MKG-Y", 10474 + 12313)])
def test_the_caches_of_the_benchmarks_have_the_published_sizes(real: Path, name: str, rows: int) -> None:
    graph = prepare(layouts.read(name, real / name), CompletionData(), 0, [])
    config = Cached.Config(scoring=TransEL1.Config(dim=1), negatives=NSCaching.Config(size=2))
    assert len(Cached(config, graph, 0).negatives.cache) == rows
