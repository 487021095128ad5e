"""MANS: negatives of which the image alone may be wrong (Zhang et al., IJCNN 2023; completion specification, 3.7)."""

from dataclasses import replace
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from kgprism.platform.batch import Triples
from kgprism.platform.errors import ConfigurationError
from kgprism.platform.nn.negatives.sampler import CorruptionSampler, Ground, Negatives, Sampler, View, head_share
from kgprism.platform.nn.scoring.ikrl import IKRLScorer

Variant = Literal["normal", "visual", "two_stage", "hybrid", "adaptive"]


class MANS(Sampler):
    """Replace the whole entity or only its image; ends are chosen as Bernoulli does, known triples never come.

    ``normal``: the whole entity. ``visual``: the image, the structure stays the positive's. ``two_stage``: visual for
    the first `share` of the training, normal afterwards. ``hybrid``: that share of every batch is visual. ``adaptive``:
    as many of a batch as are closer across the modalities than within them, d(hv, t) + d(h, tv) < d(h, t) + d(hv, tv).
    """

    class Config(Sampler.Config):
        kind: Literal["mans"] = "mans"
        variant: Variant = "adaptive"
        share: float = Field(0.3, ge=0, le=1, description="beta of two_stage and hybrid")
        count: int = Field(1, ge=1, description="K: negatives a positive")

    def __init__(self, settings: Config, ground: Ground) -> None:
        """Build the sampler.

        Raises:
            ConfigurationError: if the method has no vectors of images, or its scorer no distance across modalities.
        """
        if "image" not in ground.modalities:
            raise ConfigurationError(
                "negatives: mans replaces vectors of images, but the method has only "
                f"{', '.join(sorted(ground.modalities))}: add 'image' to modalities, in a method that fuses it"
            )
        if settings.variant == "adaptive" and not isinstance(ground.scorer, IKRLScorer):
            raise ConfigurationError("negatives.variant: adaptive compares the distances of scoring=ikrl (try hybrid)")
        super().__init__()
        graph = ground.graph
        share = head_share(graph.triples, graph.relations)
        self.ends = CorruptionSampler(graph, settings.count, "normal", share)
        self.settings = settings

    def sample(self, batch: Triples, view: View) -> Negatives:
        negatives = self.ends.sample(batch, view)
        number = self._number(batch, view, negatives)
        if number is None:
            return negatives
        count, positives = self.settings.count, len(batch)
        # The first ones, in the released order: all positives' first negatives, then all second ones.
        place = torch.arange(count * positives, device=negatives.head.device).view(count, positives).T
        return replace(negatives, vectors=_vectors(batch, view, negatives, place < number))

    def _number(self, batch: Triples, view: View, negatives: Negatives) -> int | Tensor | None:
        """Return how many negatives of the batch are visual; none where no vectors are needed."""
        variant, share = self.settings.variant, self.settings.share
        if variant == "adaptive":
            return across(batch, view, negatives).sum()
        if variant == "hybrid":
            return round(share * negatives.head.numel()) or None
        visual = variant == "visual" or (variant == "two_stage" and batch.progress < share)
        return negatives.head.numel() if visual else None


@torch.no_grad()
def across(batch: Triples, view: View, negatives: Negatives) -> Tensor:
    """Tell which negatives are closer across the modalities than within them, ``(positives, K)``."""
    assert isinstance(view.scorer, IKRLScorer)
    triples = batch.triples.repeat_interleave(negatives.head.shape[1], 0)
    asked = view.scorer.queries(view.joint, view.relations, triples, negatives.head.flatten())
    within, between = view.scorer.parts(asked, view.joint[negatives.entities.flatten()])
    return (between < within).view_as(negatives.head)


def _vectors(batch: Triples, view: View, negatives: Negatives, visual: Tensor) -> Tensor:
    """Return framed rows ``(positives, K, width)``: where `visual`, all but the image is the replaced entity's own."""
    head, _, tail = (column[:, None] for column in batch.triples.unbind(1))
    kept = torch.where(visual, torch.where(negatives.head, head, tail), negatives.entities).flatten()
    drawn = negatives.entities.flatten()
    rows = {name: table[drawn if name == "image" else kept] for name, table in view.modal.items()}
    return view.scorer.frame(view.fuse(rows)).unflatten(0, visual.shape)
