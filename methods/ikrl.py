"""IKRL: Image-embodied Knowledge Representation Learning, with MANS's negatives for it.

Xie et al., IJCAI 2017; modality-aware negative sampling (MANS): Zhang et al., IJCNN 2023. An entity is a learned vector
beside a projected image, and translations lead from either to either. Facts: completion specification, 3.7 and 3b.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor

from kgprism.platform.errors import ConfigurationError
from kgprism.platform.nn.caching import NSCaching
from kgprism.platform.nn.ikrl import IKRLScoring
from kgprism.platform.nn.modal_negatives import MANS
from kgprism.platform.nn.modalities import Projections
from kgprism.platform.nn.negatives import Bernoulli, Uniform
from kgprism.platform.nn.neighbourhood import SANS
from kgprism.platform.nn.scoring import Popularity
from kgprism.platform.nn.triple_model import TripleModel
from kgprism.platform.part import Slot
from kgprism.platform.settings import Modality


class IKRL(TripleModel):
    """Entities are a learned vector beside a projected frozen image (completion specification, 3.7)."""

    class Config(TripleModel.Config):
        """Images are needed; the scorer takes both vectors."""

        modalities: frozenset[Modality] = frozenset({"image"})
        scoring: Slot[IKRLScoring | Popularity] = IKRLScoring()  # type: ignore[assignment]
        negatives: Slot[Uniform | Bernoulli | NSCaching | SANS | MANS] = Bernoulli(count=1)  # type: ignore[assignment]

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

    config: Config

    def compose(self) -> None:
        """Build the map of images.

        Raises:
            ConfigurationError: if there are no images.
        """
        if "image" not in self.graph.features:
            raise ConfigurationError("modalities: structure and image are scored together, so 'image' must be there")
        width = self.scorer.entity_width
        self.images = self.part("images", Projections, self.graph, ["image"], width, trained=False)

    def modal(self) -> dict[str, Tensor]:
        return {"structure": self.entities.weight, **self.images()}

    def fuse(self, modal: Mapping[str, Tensor]) -> Tensor:
        return torch.cat([modal["structure"], modal["image"]], -1)
