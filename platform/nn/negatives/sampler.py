"""Corrupted triples: the contract of all samplers, and the two that know nothing but frequencies.

Facts: completion specification, 0.3 and 3. Every worker draws the negatives of the whole batch, so the same ones come
for any number of workers; known training triples are never drawn.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor

from kgprism.platform.batch import Triples
from kgprism.platform.data.inputs.training_graph import TrainingGraph
from kgprism.platform.data.triple_index import Known
from kgprism.platform.module import Module
from kgprism.platform.nn.scoring.scorers import Scorer
from kgprism.platform.part import Part


@dataclass(frozen=True)
class Ground:
    """What a sampler is built on: it holds no method. ``modalities`` are the names of a view's ``modal``."""

    graph: TrainingGraph
    scorer: Scorer
    modalities: tuple[str, ...] = ("structure",)


@dataclass(frozen=True)
class View:
    """One encoding of everything: all that a sampler sees of a method while it trains.

    ``modal`` (entities, width) a modality, ``structure`` among them, before fusion; ``joint`` the fused entities as the
    scorer compares them (framed); ``relations`` the table of relations. ``fuse`` turns rows of the modalities into rows
    that ``scorer.frame`` takes.
    """

    modal: Mapping[str, Tensor]
    joint: Tensor
    relations: Tensor
    scorer: Scorer
    fuse: Callable[[Mapping[str, Tensor]], Tensor]


@dataclass(frozen=True)
class Negatives:
    """`K` corrupted triples for each positive.

    ``entities`` (positives, K) replace the head where ``head`` (positives, K) is true, else the tail. ``vectors``
    (positives, K, width), if any, are compared in place of the entities' framed rows. ``weights`` (positives, K), if
    any, sum to one a row and stand in place of the loss's own.
    """

    entities: Tensor
    head: Tensor
    vectors: Tensor | None = None
    weights: Tensor | None = None


class Sampler(Module):
    """Contract. Its parameters, if any, are trained by what `losses` returns."""

    class Config(Part):
        def build(self, ground: Ground) -> "Sampler":
            return self.made(ground)

    #: phases of a step that come before the scorer's own; the sampler's `groups` name them
    phases: tuple[str, ...] = ()

    def sample(self, batch: Triples, view: View) -> Negatives:
        """Draw negatives for every positive of the batch, ours or not."""
        raise NotImplementedError(type(self).__name__)

    def losses(
        self, batch: Triples, view: View, negatives: Negatives, scores: tuple[Tensor, Tensor]
    ) -> Mapping[str, Tensor]:
        """Return further terms; `scores` are those of our own rows: positives ``(n,)``, negatives ``(n, K)``."""
        return {}

    def phase(self, name: str, batch: Triples, view: View) -> dict[str, Tensor]:
        """Return the loss terms of one of the sampler's own phases."""
        raise NotImplementedError(type(self).__name__)

    def groups(self, rate: float) -> list[dict[str, Any]]:
        """Return parameter groups of its own; `rate` is the scorer's learning rate."""
        return [{"params": list(self.parameters())}] if list(self.parameters()) else []

    def start_epoch(self, epoch: int) -> None:
        """Do what is done once an epoch."""

    def report(self) -> dict[str, float]:
        """Return numbers of the epoch that ends."""
        return {}


class CorruptionSampler(Sampler):
    """Draws which end is replaced, then an entity that makes no training triple."""

    share: Tensor

    def __init__(self, graph: TrainingGraph, count: int, mode: str, share: Tensor) -> None:
        super().__init__()
        self.count, self.mode = count, mode
        self.register_buffer("share", share, persistent=False)
        self.heads = Known(graph.triples, graph.entities, graph.relations, "head")
        self.tails = Known(graph.triples, graph.entities, graph.relations, "tail")

    def sample(self, batch: Triples, view: View) -> Negatives:
        draw = batch.draw("negatives")
        head = self.sides(batch, draw, self.count)
        uniform = torch.rand(head.shape, generator=draw, device=head.device)
        return Negatives(self.corrupt(batch, head, uniform), head)

    def sides(self, batch: Triples, draw: torch.Generator, count: int) -> Tensor:
        """Return which negatives replace the head, ``(positives, count)``."""
        shape = len(batch), count
        device = batch.triples.device
        if self.mode == "cross":
            return torch.full(shape, batch.step % 2 == 1, device=device)
        return torch.rand(shape, generator=draw, device=device) < self.share[batch.triples[:, 1], None]

    def corrupt(self, batch: Triples, head: Tensor, uniform: Tensor) -> Tensor:
        """Return unknown entities for the ends that `head` names, by numbers in [0, 1)."""
        h, r, t = (column[:, None] for column in batch.triples.unbind(1))
        for_tail = self.tails.unknown(self.tails.query(h, r), uniform)
        for_head = self.heads.unknown(self.heads.query(t, r), uniform)
        return torch.where(head, for_head, for_tail)


class Uniform(CorruptionSampler):
    """Replace either end by any entity; the null part: it looks at nothing."""

    class Config(Sampler.Config):
        kind: Literal["uniform"] = "uniform"
        null: ClassVar[bool] = True
        count: int = Field(128, ge=1, description="K: negatives a positive")
        mode: Literal["normal", "cross"] = Field(
            "normal", description="normal: each negative by itself; cross: whole batches, first tails, then heads"
        )

    def __init__(self, settings: Config, ground: Ground) -> None:
        share = torch.full((ground.graph.relations,), 0.5)
        super().__init__(ground.graph, settings.count, settings.mode, share)


class Bernoulli(CorruptionSampler):
    """Replace the end that makes false negatives less likely (Wang et al., 2014, TransH)."""

    class Config(Sampler.Config):
        kind: Literal["bernoulli"] = "bernoulli"
        count: int = Field(128, ge=1, description="K: negatives a positive")

    def __init__(self, settings: Config, ground: Ground) -> None:
        share = head_share(ground.graph.triples, ground.graph.relations)
        super().__init__(ground.graph, settings.count, "normal", share)


def head_share(triples: Tensor, relations: int) -> Tensor:
    """Return for each relation how often the head is replaced: tph / (tph + hpt) over distinct triples (spec 0.3).

    `tph` are the tails a head has on average, `hpt` the heads a tail has; one half for a relation without triples.
    """
    distinct = triples.unique(dim=0)
    heads, tails = (
        torch.bincount(distinct[:, [column, 1]].unique(dim=0)[:, 1], minlength=relations).double() for column in (0, 2)
    )
    # tph / (tph + hpt) = (1 / heads) / (1 / heads + 1 / tails)
    return (tails / (heads + tails)).nan_to_num(0.5).float()
