"""Uniform and Bernoulli negatives: probabilities, filters, workers."""

import pytest
import torch

from kgprism.methods.kge import KGE
from kgprism.platform.batch import Triples
from kgprism.platform.data.catalogue import toy
from kgprism.platform.data.inputs.training_graph import TrainingGraph, prepare
from kgprism.platform.nn.negatives.sampler import Negatives, Sampler, head_share
from kgprism.platform.settings import CompletionData

SMALL = {"kind": "rotate", "dim": 4}


def graph() -> TrainingGraph:
    return prepare(toy.completion(), CompletionData(), 0, ())


def method(**negatives: object) -> KGE:
    return KGE(KGE.Config(scoring=SMALL, negatives=negatives), graph(), 1)


def drawn(step: int = 0, positives: int = 500, **negatives: object) -> tuple[Sampler, Triples, Negatives]:
    model = method(**negatives)
    batch = Triples(model.graph.triples[:positives], step=step, seed=9)
    return model.negatives, batch, model.negatives.sample(batch, model.view())


def test_bernoulli_shares_by_hand() -> None:
    # relation 0: one head with three tails; relation 1: two heads with one tail; relation 2: never seen
    triples = torch.tensor([[0, 0, 1], [0, 0, 2], [0, 0, 3], [0, 0, 3], [4, 1, 5], [6, 1, 5]])
    # tph 3, hpt 1; tph 1, hpt 2
    torch.testing.assert_close(head_share(triples, 3), torch.tensor([3 / 4, 1 / 3, 1 / 2]))


@pytest.mark.parametrize("negatives", [{"kind": "uniform", "count": 8}, {"kind": "bernoulli", "count": 8}])
def test_no_negative_is_a_training_triple(negatives: dict) -> None:
    _, batch, found = drawn(**negatives)
    known = set(map(tuple, graph().triples.tolist()))
    head, relation, tail = (column[:, None].expand(-1, 8) for column in batch.triples.unbind(1))
    corrupted = torch.stack(
        [torch.where(found.head, found.entities, head), relation, torch.where(found.head, tail, found.entities)], -1
    )
    assert not known & set(map(tuple, corrupted.view(-1, 3).tolist()))


def test_bernoulli_replaces_heads_as_often_as_it_says() -> None:
    sampler, batch, found = drawn(kind="bernoulli", count=2000)
    relation = batch.triples[:, 1]
    shares = found.head.float().mean(1)
    assert (shares - sampler.share[relation]).abs().max() < 0.06


def test_cross_batches_are_tails_first_then_heads() -> None:
    assert not drawn(step=0, kind="uniform", count=4, mode="cross")[2].head.any()
    assert drawn(step=1, kind="uniform", count=4, mode="cross")[2].head.all()


def test_every_worker_draws_the_same_negatives_and_steps_differ() -> None:
    model = method(kind="uniform", count=6)
    triples, view = model.graph.triples[:50], model.view()
    found = [model.negatives.sample(Triples(triples, seed=4, worker=w, workers=2), view) for w in (0, 1)]
    assert torch.equal(found[0].entities, found[1].entities)
    assert not torch.equal(model.negatives.sample(Triples(triples, seed=5), view).entities, found[0].entities)


def test_two_workers_share_the_loss_and_the_gradient_of_one() -> None:
    model = method(kind="bernoulli", count=6)
    triples = model.graph.triples[:51]

    def gradient(worker: int, workers: int) -> tuple[torch.Tensor, torch.Tensor]:
        model.zero_grad()
        loss = model(Triples(triples, seed=4, worker=worker, workers=workers))["triples"]
        loss.backward()
        return loss.detach(), model.entities.weight.grad.clone()

    whole, halves = gradient(0, 1), [gradient(worker, 2) for worker in (0, 1)]
    for n in (0, 1):
        torch.testing.assert_close((halves[0][n] + halves[1][n]) / 2, whole[n])
