"""MMRNS: negatives that resemble the true entity in some modality (Xu et al., ACM MM 2022; completion spec, 3.8)."""

import math
from dataclasses import dataclass
from typing import Any, Literal, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor

from kgprism.platform.batch import Triples
from kgprism.platform.data.inputs.training_graph import TrainingGraph
from kgprism.platform.data.triple_index import Known
from kgprism.platform.errors import ConfigurationError
from kgprism.platform.nn.negatives.cross_modal_attention import CrossModalAttention, Looks, cosines
from kgprism.platform.nn.negatives.gumbel import gumbel
from kgprism.platform.nn.negatives.sampler import Ground, Negatives, Sampler, View

#: What the release gives to known triples in place of probability zero.
_UNLIKELY = math.log(1e-38)


@dataclass(frozen=True)
class ContrastedNegatives(Negatives):
    """Negatives, and the contrastive term of the whole batch."""

    contrast: Tensor | None = None


class MMRNS(Sampler):
    """Draw without replacement by similarity to the true entity, from candidates that the whole batch shares.

    Batches replace tails, then heads. Draws are straight-through: forwards the drawn entity, backwards the softmax over
    the candidates left. One Gumbel noise serves all draws of a positive (the same law as a new one each). As in the
    release, gradients of attention reach the scorer's tables too; the scorer's loss trains it through the negatives.
    """

    class Config(Sampler.Config):
        kind: Literal["mmrns"] = "mmrns"
        count: int = Field(20, ge=1, description="K: negatives a positive")
        candidates: int = Field(1500, ge=1, description="entities a step; all of them where there are fewer")
        image_tokens: int = Field(1, ge=1, description="into how many the features of an image are cut (release: 24)")
        text_tokens: int = Field(1, ge=1, description="into how many the features of a text are cut (release: 4)")
        width: int = Field(50, ge=1, description="of attention")
        hidden: int = Field(100, ge=1, description="of the structure's gate")
        temperature: float = Field(
            10.0, gt=0, description="of similarities at the start; 1 / (1 + ln steps) of it later"
        )
        contrast: float = Field(0.01, ge=0, description="weight of the contrastive term")
        adversarial: float = Field(
            0.5, ge=0, description="temperature of drawn negatives' weights in the contrastive term"
        )
        learning_rate: float = Field(1e-4, gt=0, description="of attention")

        @model_validator(mode="after")
        def _enough(self) -> Self:
            if self.count > self.candidates:
                raise ValueError(
                    f"count: {self.count} different negatives cannot come from {self.candidates} candidates"
                )
            return self

    def __init__(self, settings: Config, ground: Ground) -> None:
        """Build the sampler.

        Raises:
            ConfigurationError: if image or text features are missing or cannot be cut, or if entities are too few.
        """
        super().__init__()
        graph, scorer = ground.graph, ground.scorer
        if settings.count > graph.entities:
            raise ConfigurationError(f"negatives.count: {settings.count} of {graph.entities} entities")
        self.settings, self.entities = settings, graph.entities
        self.tails = Known(graph.triples, graph.entities, graph.relations, "tail")
        self.heads = Known(graph.triples, graph.entities, graph.relations, "head")
        image, text = tokens(graph, "image", settings.image_tokens), tokens(graph, "text", settings.text_tokens)
        widths = scorer.entity_width, scorer.relation_width, settings.width, settings.hidden
        self.attention = CrossModalAttention(image, text, *widths)

    def groups(self, rate: float) -> list[dict[str, Any]]:
        return [{"params": list(self.parameters()), "rate_factor": self.settings.learning_rate / rate}]

    def sample(self, batch: Triples, view: View) -> ContrastedNegatives:
        draw, device = batch.draw("negatives"), batch.triples.device
        pool = torch.randperm(self.entities, generator=draw, device=device)[: self.settings.candidates]
        similar = self.similarities(batch, view, pool)
        known = self._known(batch, pool)
        merit = self.chances(similar, batch.step).log() + known * _UNLIKELY
        merit = merit + gumbel(merit, draw)
        places = merit.detach().topk(self.settings.count, 1).indices
        vectors = straight_through(merit, places, view.joint[pool])
        head = torch.full_like(places, self._head(batch), dtype=torch.bool)
        contrast = None
        if self.settings.contrast:
            weights = self._weights(batch, view, head[:, 0], vectors.detach()) / len(pool)
            weights = torch.full_like(merit, 1 / len(pool)).scatter(1, places, weights)
            contrast = sum((contrastive(cosine, known, weights) for cosine in similar), merit.new_zeros(()))
        return ContrastedNegatives(pool[places], head, vectors, contrast=contrast)

    def losses(
        self, batch: Triples, view: View, negatives: Negatives, scores: tuple[Tensor, Tensor]
    ) -> dict[str, Tensor]:
        assert isinstance(negatives, ContrastedNegatives)
        if negatives.contrast is None:
            return {}
        # Over the whole batch and the same on every worker, so it is its own mean over workers.
        return {"contrast": negatives.contrast * (self.settings.contrast / 3)}

    def similarities(self, batch: Triples, view: View, pool: Tensor) -> Looks:
        """Return each branch's cosines of the candidates to the true entity, ``(positives, candidates)``."""
        structure, relations = view.modal["structure"], view.relations
        true = batch.triples[:, 0 if self._head(batch) else 2]
        distinct, which = batch.triples[:, 1].unique(return_inverse=True)
        others = self.attention(pool[None], structure[pool][None], relations[distinct][:, None])
        own = self.attention(true, structure[true], relations[batch.triples[:, 1]])
        return Looks(*(cosines(candidates[which], vector) for candidates, vector in zip(others, own, strict=True)))

    def chances(self, similar: Looks, step: int) -> Tensor:
        """Return the probability of each candidate, the mean of the branches' softmaxes."""
        temperature = self.settings.temperature / (1 + math.log(step + 1))
        return torch.stack([(cosine / temperature).softmax(1) for cosine in similar]).mean(0)

    def _head(self, batch: Triples) -> bool:
        return batch.step % 2 == 1

    def _known(self, batch: Triples, pool: Tensor) -> Tensor:
        h, r, t = batch.triples.unbind(1)
        index, known = (self.heads, t) if self._head(batch) else (self.tails, h)
        return index.contains(index.query(known, r)[:, None], pool[None])

    @torch.no_grad()
    def _weights(self, batch: Triples, view: View, head: Tensor, vectors: Tensor) -> Tensor:
        asked = view.scorer.queries(view.joint, view.relations, batch.triples, head)
        return (self.settings.adversarial * view.scorer.aligned(asked[:, None], vectors)).softmax(1)


def tokens(graph: TrainingGraph, modality: str, count: int) -> Tensor:
    """Return features as ``(entities, count, width)``.

    Raises:
        ConfigurationError: if they are missing, or their width is no multiple of `count`.
    """
    if modality not in graph.features:
        raise ConfigurationError(f"modalities: negatives=mmrns reads image and text features; '{modality}' is missing")
    table = graph.features[modality]
    width = table.shape[1]
    if width % count:
        fits = max(number for number in range(1, count) if width % number == 0)
        raise ConfigurationError(
            f"negatives.{modality}_tokens: {modality} features of width {width} cannot be cut into {count} (try {fits})"
        )
    return table.unflatten(1, (count, -1))


def straight_through(merit: Tensor, places: Tensor, rows: Tensor) -> Tensor:
    """Return ``rows[places]``, whose gradient reaches `merit` as if each draw were a softmax over what was left.

    `merit` (n, candidates) holds logits with Gumbel noise, `places` (n, K) what is drawn, in that order; `rows` is
    (candidates, width).
    """
    count = places.shape[1]
    order = torch.arange(count, device=places.device)
    drawn_as = torch.full(merit.shape, count, device=places.device).scatter(1, places, order.expand_as(places))
    gone = drawn_as[:, None] < order[:, None]
    soft = merit[:, None].masked_fill(gone, -torch.inf).softmax(2)
    return rows[places] + (soft - soft.detach()) @ rows.detach()


def contrastive(cosine: Tensor, known: Tensor, weights: Tensor) -> Tensor:
    """Return -ln(S+ / S-) over the batch: S+ sums weights * e^cosine of known triples, S- of all others.

    0 where all candidates are of one sort.
    """
    mass = weights * cosine.exp()
    both = known.any() & ~known.all()
    positive, negative = (torch.where(both, (mass * part).sum(), 1.0).log() for part in (known, ~known))
    return negative - positive
