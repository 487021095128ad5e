"""What generated negatives are for: joint triples with margins of their own, ordinary negatives, or nothing (spec 1.4).

A generated vector is never differentiated: what is learned from it are the true ends, relations and the fusion.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor
from torch.nn.functional import logsigmoid

from kgprism.platform.batch import Triples
from kgprism.platform.module import Module
from kgprism.platform.nn.negatives.diffusion.levels import Levels, Margins, Weighting, shares, weights
from kgprism.platform.nn.negatives.sampler import Negatives, View
from kgprism.platform.nn.scoring.scorers import Products, Scorer
from kgprism.platform.part import Nothing, Part

Corruption = Literal["head", "tail", "both"]


@dataclass(frozen=True)
class GeneratedEnds:
    """Generated ends of our own rows: ``heads`` and ``tails`` (levels, modalities, n, width), and each level's time."""

    heads: Tensor
    tails: Tensor
    names: Sequence[str]
    times: Sequence[int]


class GeneratedLoss(Module):
    """Contract."""

    class Config(Part):
        def build(self, levels: Levels) -> "GeneratedLoss":
            return self.made(levels)

    #: whether anything is drawn from the generator
    draws = True

    def extended(self, batch: Triples, view: View, negatives: Negatives, generated: GeneratedEnds) -> Negatives:
        """Return the sampled negatives, with more of them if generated ones are to count like them."""
        return negatives

    def forward(
        self, batch: Triples, view: View, generated: GeneratedEnds, scores: tuple[Tensor, Tensor]
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Return loss terms, and what to report; `scores` are those of our rows' positives and all negatives."""
        raise NotImplementedError(type(self).__name__)


class JointTriples(GeneratedLoss):
    """Each level's triples against the positive, as often as ends can be corrupted (NTAT, with HAL's margins).

    weight * mean over levels of w_l * mean over corruptions of -1/2 [ln s(f+) + ln s(-f_l)].
    """

    class Config(GeneratedLoss.Config):
        kind: Literal["joint"] = "joint"
        weight: float = Field(0.01, ge=0, description="mu of the code, lambda of the paper")
        weights: Weighting = Field("middle", description="what each level counts; middle: half, one, one, half")
        margins: Margins = Margins()
        positive: Literal["full", "level", "none"] = Field(
            "full",
            description="the positive beside each level: by the full margin (the code), the level's, or not at all",
        )
        corruptions: frozenset[Corruption] = Field(frozenset({"head", "tail", "both"}), min_length=1)
        scores: Literal["fused", "each"] = Field(
            "fused", description="of the modalities' generated vectors fused, or the mean of one score a modality"
        )

    weights: Tensor
    lost: Tensor

    def __init__(self, settings: Config, levels: Levels) -> None:
        super().__init__(settings, levels)
        self.settings = settings
        self.register_buffer("weights", torch.tensor(weights(levels, settings.weights))[:, None], persistent=False)
        self.register_buffer("lost", torch.tensor(shares(levels, settings.margins))[:, None] - 1, persistent=False)

    def forward(
        self, batch: Triples, view: View, generated: GeneratedEnds, scores: tuple[Tensor, Tensor]
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        positive, _ = scores
        full = self.scores(batch.triples[batch.rows], view, generated)
        # A product has no margin to lose.
        lost = self.lost * (0.0 if isinstance(view.scorer, Products) else view.scorer.settings.margin)
        rows = -logsigmoid(-(full + lost)).mean(0)
        if self.settings.positive != "none":
            rows = rows - logsigmoid(positive + (lost if self.settings.positive == "level" else 0 * lost))
        term = self.settings.weight * batch.mean((rows * self.weights).mean(0)) / 2
        return {"generated": term}, reported(view.scorer, generated.times, full, full + lost)

    def scores(self, triples: Tensor, view: View, generated: GeneratedEnds) -> Tensor:
        """Return scores at the full margin, ``(corruptions, levels, n)``."""
        heads = framed(view, generated.heads, generated.names, self.settings.scores)
        tails = framed(view, generated.tails, generated.names, self.settings.scores)
        found = [corrupted(view, triples, heads, tails, c).mean(0) for c in sorted(self.settings.corruptions)]
        return torch.stack(found)


class OrdinaryNegatives(GeneratedLoss):
    """One more sampled-like negative a level, end and modality: no joint scores, no margins (w/o NTAT)."""

    class Config(GeneratedLoss.Config):
        kind: Literal["ordinary"] = "ordinary"

    def extended(self, batch: Triples, view: View, negatives: Negatives, generated: GeneratedEnds) -> Negatives:
        assert negatives.vectors is None, "the sampler below draws entities"
        assert negatives.weights is None, "the sampler below leaves the weights to the loss"
        ends = torch.stack(
            [
                framed(view, generated.tails, generated.names, "each"),
                framed(view, generated.heads, generated.names, "each"),
            ]
        )
        own = ends.permute(3, 2, 0, 1, 4).flatten(1, 3)  # rows, then level by level: tails, heads, modalities
        count, modalities = own.shape[1], ends.shape[1]
        head = torch.arange(count, device=own.device) // modalities % 2 == 1
        vectors = own.new_zeros(len(batch), negatives.entities.shape[1] + count, own.shape[2])
        # Only our own rows are ever compared.
        vectors[batch.rows] = torch.cat([view.joint[negatives.entities[batch.rows]], own], 1)
        true = torch.where(head, batch.triples[:, :1], batch.triples[:, 2:])
        return replace(
            negatives,
            entities=torch.cat([negatives.entities, true], 1),
            head=torch.cat([negatives.head, head.expand(len(batch), -1)], 1),
            vectors=vectors,
        )

    def forward(
        self, batch: Triples, view: View, generated: GeneratedEnds, scores: tuple[Tensor, Tensor]
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        count = len(generated.times) * 2 * len(generated.names)
        scored = scores[1][:, -count:].T.unflatten(0, (len(generated.times), -1)).transpose(0, 1)
        return {}, reported(view.scorer, generated.times, scored, scored)


class NoGeneratedLoss(GeneratedLoss):
    """The generator learns, its negatives are not drawn: what is left is its loss's gradient in the scorer."""

    class Config(GeneratedLoss.Config, Nothing):
        pass

    draws = False


def framed(view: View, vectors: Tensor, names: Sequence[str], scores: str) -> Tensor:
    """Turn ``(levels, modalities, n, width)`` into rows to compare: ``(1 or modalities, levels, n, framed width)``."""
    if scores == "each":
        return view.scorer.frame(vectors.transpose(0, 1))
    modal: Mapping[str, Tensor] = dict(zip(names, vectors.unbind(1), strict=True))
    levels, _, count, width = vectors.shape
    fused = view.fuse({name: rows.reshape(-1, width) for name, rows in modal.items()})
    return view.scorer.frame(fused).view(1, levels, count, -1)


def corrupted(view: View, triples: Tensor, heads: Tensor, tails: Tensor, corruption: Corruption) -> Tensor:
    """Score triples ``(n, 3)`` with generated ends ``(..., n, width)`` in the place of true ones: ``(..., n)``."""
    head, relation, tail = triples.unbind(1)
    relations = view.relations[relation].expand(*heads.shape[:-1], -1)
    if corruption == "head":
        return view.scorer.aligned(view.scorer.query(view.joint[tail].expand_as(heads), relations, "head"), heads)
    known = heads if corruption == "both" else view.joint[head].expand_as(heads)
    return view.scorer.aligned(view.scorer.query(known, relations, "tail"), tails)


def distance(scorer: Scorer, scores: Tensor) -> Tensor:
    """Return what the margin takes from a score, or minus the score where it is a product."""
    return -scores if isinstance(scorer, Products) else scorer.settings.margin - scores


def reported(scorer: Scorer, times: Sequence[int], full: Tensor, leveled: Tensor) -> dict[str, Tensor]:
    """Return mean distance and mean sigmoid by level, from scores ``(any, levels, n)`` with and without the margin."""
    found = {}
    for place, time in enumerate(times):
        found[f"level_{time}/distance"] = distance(scorer, full[:, place]).detach().mean()
        found[f"level_{time}/sigmoid"] = leveled[:, place].detach().sigmoid().mean()
    return found
