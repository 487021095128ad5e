"""Steps on parts of the graphs: nothing is lost where the part is all that the encoder sees; any method can do it."""

from typing import Any

import pytest
import torch

from kgprism.platform import configuration
from kgprism.platform.batch import Batch, Pairs
from kgprism.platform.data.catalogue import toy
from kgprism.platform.data.inputs.features import join
from kgprism.platform.data.inputs.sampled_graph import Neighbourhoods
from kgprism.platform.errors import ConfigurationError
from kgprism.platform.method import Alignment, load, names
from kgprism.platform.seeding import derive, seeded
from kgprism.platform.settings import Neighbours
from kgprism.platform.tasks.sampled import Sampled
from kgprism.platform.training.run import execute, plan

SMALL = {"pseudo_pairs": "none", "train.epochs": 2, "eval.every": 1, "train.step": "batch", "train.batch_size": 16}
METHODS = [name for name in names() if load(name).task == "alignment"]


def built(name: str, **settings: Any) -> Alignment:
    method: Any = load(name)
    config = configuration.resolve(method.Config, settings)
    return method(config, join(toy.aligned(), config.data, 0, config.modalities), 0)


def batch() -> Batch:
    pairs = torch.from_numpy(toy.aligned().pairs[:12]) + torch.tensor([0, 440])
    return Batch((Pairs(pairs[:8, 0], pairs[:8, 1]), Pairs(pairs[8:, 0], pairs[8:, 1])), seed=3)


def pushed(module: Any) -> dict[str, float]:
    with seeded(0, "step"):
        losses = module(batch())
    torch.stack(list(losses.values())).sum().backward()
    return {name: value.item() for name, value in losses.items()}


@pytest.mark.parametrize(("structure", "hops"), [("attention", 2), ("convolution", 3)])
def test_all_neighbours_as_far_as_the_encoder_sees_are_the_whole_graph(structure: str, hops: int) -> None:
    whole, cut = (built("mclea", structure=structure) for _ in range(2))
    expected = pushed(whole)
    found = pushed(Sampled(cut, Neighbours(fan_out=10**6, hops=hops)))
    assert found == {name: pytest.approx(value, rel=1e-4) for name, value in expected.items()}
    for (name, one), other in zip(whole.named_parameters(), cut.parameters(), strict=True):
        if one.grad is not None:
            torch.testing.assert_close(other.grad, one.grad, rtol=1e-3, atol=1e-6, msg=name)


@pytest.mark.parametrize("name", METHODS)
def test_every_method_trains_the_entities_that_are_drawn_and_all_else(name: str) -> None:
    method, settings = built(name), Neighbours(fan_out=1, hops=1)
    sampled = Sampled(method, settings)
    sampled.start_epoch(0)
    losses = pushed(sampled)
    assert all(torch.tensor(value).isfinite() for value in losses.values())
    met, around = torch.zeros(method.graph.entities, dtype=torch.bool), Neighbourhoods(method.graph)
    for number, pairs in enumerate(batch().slices):
        draw = torch.Generator().manual_seed(derive(3, "neighbours", number))
        met[around.sample(torch.cat([pairs.left, pairs.right]), 1, 1, draw)[0]] = True
    assert 24 < met.sum() < 80
    trained = {key: p for key, p in method.named_parameters() if p.requires_grad}
    tables = [p for p in trained.values() if len(p) == method.graph.entities]
    assert tables
    assert all(table.grad is not None and not table.grad[~met].any() and table.grad[met].any() for table in tables)
    whole = built(name)
    whole.start_epoch(0)
    pushed(whole)
    idle = {key for key, p in whole.named_parameters() if p.requires_grad and p.grad is None}
    assert {key for key, p in trained.items() if p.grad is None} == idle


def test_a_sampled_run_is_the_same_each_time_and_another_run_than_the_whole() -> None:
    runs = [plan("mclea", toy.aligned(), 0, SMALL | {"train.sampling": word}) for word in ("neighbours", "none")]
    assert runs[0].id != runs[1].id
    first, again, whole = (execute(run, toy.aligned()).history for run in (runs[0], runs[0], runs[1]))
    losses = [[row["loss"] for row in history] for history in (first, again, whole)]
    assert losses[0] == losses[1]
    assert losses[0] != losses[2]


def test_a_weight_that_belongs_to_the_whole_is_refused() -> None:
    method = built("mclea")
    method.odd = torch.nn.Parameter(torch.zeros(3))
    sampled = Sampled(method, Neighbours())
    with pytest.raises(ConfigurationError, match="MCLEA cannot be cut: odd has no row for each entity"):
        pushed(sampled)
