"""What a run's steps look like without training it: what is read, what it has, what is lost and what would move."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from kgprism.platform.batch import Batch, Triples
from kgprism.platform.data.catalogue import choice
from kgprism.platform.data.graph import Dataset
from kgprism.platform.method import Alignment, Completion, Method, load
from kgprism.platform.seeding import one_thread, seeded
from kgprism.platform.tasks.task import Task
from kgprism.platform.training.run import Run, task_of
from kgprism.platform.training.watched import watched

#: Pairs or triples of a step, and queries that the judge would ask.
ROWS = 256


@dataclass(frozen=True)
class Trace:
    """The first step of a run and one of its middle, each from first weights.

    ``first`` has the weights and ``gradients`` what both steps would move them by, zero where nothing would; ``losses``
    and ``reported`` are those of the first step; ``groups`` say of each weight what its optimiser group asks for;
    ``judged`` is what the judge would compare, of some entities or queries; ``read`` the dotted keys that were read.
    """

    first: Mapping[str, Tensor]
    gradients: Mapping[str, Tensor]
    losses: Mapping[str, float]
    reported: Mapping[str, float]
    groups: Mapping[str, Mapping[str, Any]]
    judged: Tensor
    read: frozenset[str]


def trace(run: Run, dataset: Dataset, rows: int = ROWS) -> Trace:
    """Take two steps of a run from its first weights, on at most `rows` pairs or triples; nothing is trained.

    Raises:
        ConfigurationError: if it cannot be built on these data.
        DataError: if a feature set cannot be read.
    """
    run = replace(run, configuration={**run.configuration, "train.device": "cpu"})
    settings, read = watched(run.settings)
    data = choice.chosen(settings, dataset)  # by the settings that are watched: data.image is read here
    method, task = task_of(run.method).compose(load(run.method), settings, data, run.seed)
    first = {name: value.detach().clone() for name, value in method.named_parameters()}
    with one_thread(), seeded(run.seed, "probe", 0):
        losses, reported = _step(method, task, 0, rows)
        if (middle := settings.train.epochs // 2) > 0:
            _step(method, task, middle, rows)
        judged = _judged(method, rows)
    gradients = {
        name: torch.zeros_like(value) if value.grad is None else value.grad.to_dense()
        for name, value in method.named_parameters()
    }
    return Trace(first, gradients, losses, reported, _groups(method), judged, frozenset(read))


def _groups(method: Method) -> dict[str, dict[str, Any]]:
    """Return what the optimiser is told of each weight."""
    names = {id(value): name for name, value in method.named_parameters()}
    groups = method.groups()
    told = [{key: value for key, value in group.items() if key != "params"} for group in groups]
    return {names[id(value)]: said for group, said in zip(groups, told, strict=True) for value in group["params"]}


def _step(method: Any, task: Task, epoch: int, rows: int) -> tuple[dict[str, float], dict[str, float]]:
    """Add an epoch's first gradient to what has gathered, and return its loss terms and what the method reports."""
    learner = task.learner(method)
    method.train()
    learner.start_epoch(epoch)
    batch = _cut(next(iter(task.steps(epoch))), rows)
    losses: dict[str, float] = {}
    for phase in method.phases:
        terms = learner(batch, phase)
        torch.stack(list(terms.values())).sum().backward()
        losses |= {name: value.item() for name, value in terms.items()}
    return losses, method.report()


def _cut(batch: Batch | Triples, rows: int) -> Batch | Triples:
    if isinstance(batch, Triples):
        return replace(batch, triples=batch.triples[:rows])
    pairs = batch.slices[0]
    return replace(batch, slices=(replace(pairs, left=pairs.left[:rows], right=pairs.right[:rows]),))


@torch.no_grad()
def _judged(method: Method, rows: int) -> Tensor:
    """Return what the judge would compare: of some entities their embeddings, of some queries all scores."""
    method.eval()
    if isinstance(method, Alignment):
        return method.embed()[:rows].clone()
    assert isinstance(method, Completion)
    known, relation, _ = method.graph.triples[: rows // 8].T
    return method.answer()(known, relation, "tail")
