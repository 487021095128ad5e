"""The composition that all completion methods share: tables, fusion of modalities, scorer, negatives, loss."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch.nn.functional import embedding

from kgprism.platform.batch import Side, Triples
from kgprism.platform.data.inputs.training_graph import TrainingGraph
from kgprism.platform.method import Answer, Completion
from kgprism.platform.nn.losses.regularisers import Cubed, NoRegulariser, Squared
from kgprism.platform.nn.losses.subsampling import NoSubsampling, Subsampling
from kgprism.platform.nn.losses.triple_loss import Margin, NoLoss, Sigmoid, Softplus
from kgprism.platform.nn.negatives.diffusion.generated import Generated
from kgprism.platform.nn.negatives.kbgan import KBGAN
from kgprism.platform.nn.negatives.mmrns import MMRNS
from kgprism.platform.nn.negatives.nscaching import NSCaching
from kgprism.platform.nn.negatives.sampler import Bernoulli, Ground, Negatives, Uniform, View
from kgprism.platform.nn.negatives.sans import SANS
from kgprism.platform.nn.scoring.projected import PairRE, TransD
from kgprism.platform.nn.scoring.scorers import (
    ComplEx,
    DistMult,
    Popularity,
    RotatE,
    TransEL1,
    TransENorm,
)
from kgprism.platform.part import Slot

Scorers = (
    RotatE.Config
    | TransEL1.Config
    | TransENorm.Config
    | TransD.Config
    | DistMult.Config
    | ComplEx.Config
    | PairRE.Config
    | Popularity.Config
)
Samplers = (
    Uniform.Config | Bernoulli.Config | NSCaching.Config | KBGAN.Config | SANS.Config | MMRNS.Config | Generated.Config
)
M = TypeVar("M", bound="TripleModel.Config")


class TripleModel(Completion[M]):
    """A completion method by parts. A subclass says which modalities there are (`modal`) and how they fuse (`fuse`).

    ``modalities`` are the names of what `modal` returns.
    """

    class Config(Completion.Config):
        """What all of them can be told."""

        scoring: Slot[Scorers] = RotatE.Config()
        negatives: Slot[Samplers] = Uniform.Config()
        loss: Slot[Sigmoid.Config | Margin.Config | Softplus.Config | NoLoss.Config] = Sigmoid.Config()
        importance: Slot[Subsampling.Config | NoSubsampling.Config] = NoSubsampling.Config()
        regulariser: Slot[Squared.Config | Cubed.Config | NoRegulariser.Config] = NoRegulariser.Config()

    def __init__(self, config: M, graph: TrainingGraph, seed: int) -> None:
        super().__init__(config, graph, seed)
        self.scorer = self.part("scoring", config.scoring.build)
        self.entities = self.part("entities", self.scorer.entities, graph.entities)
        self.relations = self.part("relations", self.scorer.relations, graph.relations)
        self.modalities = tuple(self.compose())
        self.loss = self.part("loss", config.loss.build)
        self.importance = self.part("importance", config.importance.build, graph.triples, graph.relations)
        self.regulariser = self.part("regulariser", config.regulariser.build)
        ground = Ground(graph, self.scorer, self.modalities)
        self.negatives = self.part("negatives", config.negatives.build, ground)

    def compose(self) -> Sequence[str]:
        """Build what the subclass adds and return the names of what `modal` will return.

        Tables and scorer are there, sampler and loss come afterwards.
        """
        return ("structure",)

    def modal(self) -> dict[str, Tensor]:
        """Return one vector an entity for each modality, ``(entities, width)``; ``structure`` is the learned table."""
        return {"structure": self.entities.weight}

    def fuse(self, modal: Mapping[str, Tensor]) -> Tensor:
        """Fuse rows of the modalities ``(n, width)`` into what is scored, ``(n, width)``."""
        return modal["structure"]

    def view(self) -> View:
        """Encode all entities once."""
        modal = self.modal()
        fused = self.fuse(modal)
        # In mixed precision what encodes may be rounded, what is compared is not.
        fused = fused.to(torch.promote_types(fused.dtype, torch.float32))
        return View(modal, self.scorer.frame(fused), self.relations.weight, self.scorer, self.fuse)

    @property
    def phases(self) -> tuple[str, ...]:
        return (*self.negatives.phases, "train")

    def forward(self, batch: Triples, phase: str = "train") -> dict[str, Tensor]:
        view = self.view()
        return self.losses(batch, view) if phase == "train" else self.negatives.phase(phase, batch, view)

    def losses(self, batch: Triples, view: View) -> dict[str, Tensor]:
        """Return the terms of the scorer's own phase."""
        negatives = self.negatives.sample(batch, view)
        positive, negative = self.score(batch, view, negatives)
        weights = None if negatives.weights is None else negatives.weights[batch.rows]
        terms = {"triples": self.loss(batch, positive, negative, weights, self.importance(batch))}
        terms |= self.regulariser(batch, self.entities.weight, self.relations.weight, negatives)
        return {**terms, **self.negatives.losses(batch, view, negatives, (positive, negative))}

    def score(self, batch: Triples, view: View, negatives: Negatives) -> tuple[Tensor, Tensor]:
        """Return the scores of our own rows ``(n,)`` and of their negatives ``(n, K)``."""
        head, relation, tail = batch.triples[batch.rows].unbind(1)
        # One gather, and one table of gradients, for both ends.
        known, asked = embedding(torch.stack([head, tail]), view.joint)
        r = embedding(relation, view.relations)
        for_tail, for_head = self.scorer.query(known, r, "tail"), self.scorer.query(asked, r, "head")
        positive = self.scorer.aligned(for_tail, asked)
        replaced = negatives.head[batch.rows]
        if negatives.vectors is not None:
            queries = torch.where(replaced[..., None], for_head[:, None], for_tail[:, None])
            return positive, self.scorer.aligned(queries, negatives.vectors[batch.rows])
        rows = torch.arange(len(head), device=head.device)[:, None] + len(head) * replaced
        ids = negatives.entities[batch.rows]
        scores = self.scorer.selected(torch.cat([for_tail, for_head]), rows.flatten(), view.joint, ids.flatten())
        return positive, scores.view(ids.shape)

    def groups(self) -> list[dict[str, Any]]:
        others = self.negatives.groups(self.config.train.learning_rate)
        taken = {id(parameter) for group in others for parameter in group["params"]}
        return [{"params": [p for p in self.parameters() if id(p) not in taken]}, *others]

    def start_epoch(self, epoch: int) -> None:
        self.negatives.start_epoch(epoch)

    def report(self) -> dict[str, float]:
        return self.negatives.report()

    def answer(self) -> Answer:
        view = self.view()

        def scores(known: Tensor, relation: Tensor, side: Side) -> Tensor:
            return self.scorer.crossed(self.scorer.query(view.joint[known], view.relations[relation], side), view.joint)

        return scores
