"""IKRL: Image-embodied Knowledge Representation Learning, with MANS's negatives for it.

Xie et al., IJCAI 2017; modality-aware negative sampling (MANS): Zhang et al., IJCNN 2023. An entity is a learned vector
beside a projected image, and translations lead from either to either. Facts: completion specification, 3.7 and 3b.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor

from kgprism.platform.errors import ConfigurationError
from kgprism.platform.families.triple_model import TripleModel
from kgprism.platform.nn.encoders.projections import Projections
from kgprism.platform.nn.negatives.mans import MANS
from kgprism.platform.nn.negatives.nscaching import NSCaching
from kgprism.platform.nn.negatives.sampler import Bernoulli, Uniform
from kgprism.platform.nn.negatives.sans import SANS
from kgprism.platform.nn.scoring.ikrl import IKRLScorer
from kgprism.platform.nn.scoring.scorers import Popularity
from kgprism.platform.part import Slot
from kgprism.platform.settings import Modality

Samplers = Uniform.Config | Bernoulli.Config | NSCaching.Config | SANS.Config | MANS.Config


class Config(TripleModel.Config):
    """Images are needed; the scorer takes both vectors."""

    modalities: frozenset[Modality] = frozenset({"image"})
    scoring: Slot[IKRLScorer.Config | Popularity.Config] = IKRLScorer.Config()  # type: ignore[assignment]
    negatives: Slot[Samplers] = Bernoulli.Config(count=1)  # type: ignore[assignment]


class IKRL(TripleModel[Config]):
    """Entities are a learned vector beside a projected frozen image (completion specification, 3.7)."""

    #: Released MANS: margin loss, one negative, 400 batches an epoch; its rate of 1.0 is not repeated.
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "code": {
            "scoring.dim": 128,
            "loss": "margin",
            "loss.margin": 12.0,
            "train.learning_rate": 1e-3,
            "train.epochs": 1000,
        },
        "paper": {"scoring.dim": 128, "loss": "margin", "loss.margin": 12.0, "train.epochs": 1000},
    }
    departures = (
        "MANS's release hard-wires Adam with a rate of 1.0; both presets take 1e-3",
        "MANS draws 400 batches an epoch whatever the data; here an epoch has as many whole batches as triples fill",
        "which end is replaced is not stated for MANS; Bernoulli's probability is used",
        "VBKGC and MMRotatE sum the same four distances of rotations; only the translations are built",
    )

    def compose(self) -> Sequence[str]:
        """Build the map of images.

        Raises:
            ConfigurationError: if there are no images.
        """
        if "image" not in self.graph.features:
            raise ConfigurationError("modalities: structure and image are scored together, so 'image' must be there")
        width = self.scorer.entity_width
        self.images = self.part("images", Projections, self.graph, ["image"], width, trained=False)
        return ("structure", "image")

    def modal(self) -> dict[str, Tensor]:
        return {"structure": self.entities.weight, **self.images()}

    def fuse(self, modal: Mapping[str, Tensor]) -> Tensor:
        return torch.cat([modal["structure"], modal["image"]], -1)
