"""What all samplers that read the model must keep, each inside a method on the built-in graph."""

from functools import cache

import pytest
import torch

from kgprism.methods.ikrl import IKRL
from kgprism.platform.batch import Triples
from kgprism.platform.data.catalogue import toy
from kgprism.platform.data.inputs.training_graph import TrainingGraph, prepare
from kgprism.platform.data.triple_index import Known
from kgprism.platform.families.triple_model import TripleModel
from kgprism.platform.nn.losses.triple_loss import Margin, Sigmoid, Softplus
from kgprism.platform.nn.negatives.kbgan import KBGAN, SmallComplEx
from kgprism.platform.nn.negatives.mans import MANS
from kgprism.platform.nn.negatives.mmrns import MMRNS
from kgprism.platform.nn.negatives.nscaching import NSCaching
from kgprism.platform.nn.negatives.sampler import Uniform
from kgprism.platform.nn.negatives.sans import SANS, Hops, NoSupport, Walks
from kgprism.platform.nn.scoring.ikrl import IKRLScorer
from kgprism.platform.nn.scoring.scorers import DistMult, Popularity, TransEL1
from kgprism.platform.part import Part, Slot
from kgprism.platform.seeding import derive
from kgprism.platform.settings import CompletionData, CompletionTraining
from kgprism.platform.training.optimiser import Optimiser


class Sampled(TripleModel):
    class Config(TripleModel.Config):
        negatives: Slot[NSCaching.Config | KBGAN.Config | SANS.Config | MMRNS.Config | Uniform.Config] = (
            Uniform.Config()
        )


EXACT = {
    "nscaching": NSCaching.Config(count=3, size=10, fresh=10, known="left_out"),
    "kbgan": KBGAN.Config(count=3),
    "kbgan complex": KBGAN.Config(generator=SmallComplEx.Config()),
    "kbgan popularity": KBGAN.Config(generator=Popularity.Config(dim=4)),
    "kbgan warmup": KBGAN.Config(warmup=5),
    "sans hops": SANS.Config(count=8, support=Hops.Config()),
    "sans walks": SANS.Config(count=8, support=Walks.Config(walks=50)),
    "sans none": SANS.Config(count=8, support=NoSupport.Config()),
    "mans": MANS.Config(count=3),
    "mans visual": MANS.Config(variant="visual"),
    "mans hybrid": MANS.Config(count=3, variant="hybrid"),
    "mans normal": MANS.Config(variant="normal"),
}
ALL = EXACT | {
    "nscaching kept": NSCaching.Config(size=10, fresh=10),
    "nscaching top": NSCaching.Config(size=10, fresh=10, draw="top", update="top"),
    "mmrns": MMRNS.Config(count=4, candidates=40, image_tokens=4, text_tokens=2, width=4, hidden=4),
    "mmrns no contrast": MMRNS.Config(count=5, candidates=60, width=8, hidden=8, contrast=0),
}


@cache
def graph() -> TrainingGraph:
    return prepare(toy.completion(), CompletionData(), 0, ["image", "text"])


def model(part: Part, scoring: Part | None = None, seed: int = 0) -> TripleModel:
    loss = Margin.Config(margin=2.0)
    if isinstance(part, MANS.Config):
        config = IKRL.Config(scoring=IKRLScorer.Config(dim=16, margin=6.0), negatives=part, loss=loss)
        return IKRL(config, graph(), seed)
    if isinstance(part, MMRNS.Config | SANS.Config):
        loss = Sigmoid.Config()
    return Sampled(
        Sampled.Config(scoring=scoring or TransEL1.Config(dim=16, margin=6.0), negatives=part, loss=loss), graph(), seed
    )


def batch(step: int = 0, size: int = 64, worker: int = 0, workers: int = 1) -> Triples:
    draw = torch.Generator().manual_seed(step)
    rows = torch.randint(len(graph().triples), (size,), generator=draw)
    return Triples(graph().triples[rows], step, derive(1, step), step / 100, worker, workers)


def known(triples: torch.Tensor) -> torch.Tensor:
    """Tell which triples are in train, by comparing all of them."""
    size = graph().entities, graph().relations, graph().entities
    numbers = (triples * torch.tensor([size[1] * size[2], size[2], 1])).sum(-1)
    train = (graph().triples * torch.tensor([size[1] * size[2], size[2], 1])).sum(-1)
    return torch.isin(numbers, train)


def corrupted(found: Triples, negatives) -> torch.Tensor:
    triples = found.triples[:, None].expand(*negatives.entities.shape, 3).clone()
    triples[..., 0] = torch.where(negatives.head, negatives.entities, triples[..., 0])
    triples[..., 2] = torch.where(negatives.head, triples[..., 2], negatives.entities)
    return triples


@pytest.mark.parametrize("name", EXACT)
def test_no_known_triple_is_drawn(name: str) -> None:
    method = model(EXACT[name])
    assert known(graph().triples).all()
    for step in range(4):
        negatives = method.negatives.sample(batch(step, 256), method.view())
        assert negatives.entities.shape == negatives.head.shape == (256, EXACT[name].count)
        assert not known(corrupted(batch(step, 256), negatives)).any()


@pytest.mark.parametrize("name", ALL)
def test_any_number_of_workers_sees_the_same_negatives_and_the_same_gradient(name: str) -> None:
    alone, found = model(ALL[name]), []
    torch.stack(list(alone(batch(1)).values())).sum().backward()
    for worker in range(2):
        found.append(model(ALL[name]))
        torch.stack(list(found[worker](batch(1, worker=worker, workers=2)).values())).sum().backward()
    for key, parameter in alone.named_parameters():
        if parameter.requires_grad:
            mean = torch.stack([dict(method.named_parameters())[key].grad for method in found]).mean(0)
            torch.testing.assert_close(mean, parameter.grad, rtol=1e-3, atol=1e-5)
    drawn = [method.negatives.sample(batch(2, worker=w, workers=2), method.view()) for w, method in enumerate(found)]
    assert torch.equal(drawn[0].entities, drawn[1].entities)
    assert torch.equal(drawn[0].head, drawn[1].head)


@pytest.mark.parametrize("name", ALL)
def test_a_copy_from_the_state_goes_on_alike(name: str) -> None:
    method, copy = model(ALL[name]), model(ALL[name], seed=1)
    for step in range(3):
        method(batch(step))
    copy.load_state_dict(method.state_dict())
    # What random walks found is no state: it is drawn from the run's seed, which a run keeps.
    if "walks" in name:
        copy.negatives = method.negatives
    for each in (method, copy):
        each.start_epoch(1)
    drawn = [each.negatives.sample(batch(7), each.view()) for each in (method, copy)]
    assert torch.equal(drawn[0].entities, drawn[1].entities)


@pytest.mark.parametrize("name", ["nscaching kept", "nscaching top", "kbgan", "sans walks", "mans", "mmrns"])
def test_a_hundred_steps_lower_the_loss(name: str) -> None:
    method = model(ALL[name])
    optimiser = Optimiser(method, CompletionTraining(learning_rate=0.02))
    method.start_epoch(0)
    found = []
    for step in range(100):
        terms = method(batch(step))
        torch.stack(list(terms.values())).sum().backward()
        optimiser.step(step / 100)
        found.append(terms["triples"].item())
    first, last = sum(found[:10]), sum(found[-10:])
    assert last < 0.8 * first, (first, last)


@pytest.mark.parametrize("name", [name for name in ALL if "kbgan" in name or "mmrns" in name])
@pytest.mark.parametrize(
    "scoring", [TransEL1.Config(dim=8), DistMult.Config(dim=8, margin=6.0), Popularity.Config(dim=8)]
)
def test_every_parameter_of_a_sampler_learns(name: str, scoring: Part) -> None:
    method = model(ALL[name], scoring)
    torch.stack(list(method(batch(3)).values())).sum().backward()
    for key, parameter in method.negatives.named_parameters():
        if parameter.requires_grad:
            assert parameter.grad.isfinite().all(), key
            assert parameter.grad.any(), key


def test_known_triples_are_found_by_this_test() -> None:
    index = Known(graph().triples, graph().entities, graph().relations, "tail")
    every = torch.cartesian_prod(torch.arange(20), torch.arange(12), torch.arange(300))
    expected = index.contains(index.query(every[:, 0], every[:, 1]), every[:, 2])
    assert expected.any()
    assert torch.equal(known(every), expected)


def test_the_softplus_loss_takes_them_too() -> None:
    config = Sampled.Config(
        scoring=DistMult.Config(dim=8, margin=6.0), negatives=NSCaching.Config(size=5), loss=Softplus.Config()
    )
    assert Sampled(config, graph(), 0)(batch())["triples"].isfinite()
