"""Regularisers of the tables of entities and relations (completion specification, 0.4)."""

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from kgprism.platform.batch import Triples
from kgprism.platform.module import Module
from kgprism.platform.nn.negatives.sampler import Negatives
from kgprism.platform.part import Nothing, Part


class Regulariser(Module):
    """Contract: from both tables, and the negatives of the step, to a further loss term, if any."""

    class Config(Part):
        def build(self) -> "Regulariser":
            return self.made()

    def forward(self, batch: Triples, entities: Tensor, relations: Tensor, negatives: Negatives) -> dict[str, Tensor]:
        raise NotImplementedError(type(self).__name__)


class Squared(Regulariser):
    """weight * (mean h^2 + mean r^2 + mean t^2) / 3 over the batch and its corrupted triples (OpenKE, `regul_rate`)."""

    class Config(Regulariser.Config):
        kind: Literal["squared"] = "squared"
        weight: float = Field(1e-5, ge=0)

    def __init__(self, settings: Config) -> None:
        super().__init__(settings)
        self.weight = settings.weight

    def forward(self, batch: Triples, entities: Tensor, relations: Tensor, negatives: Negatives) -> dict[str, Tensor]:
        head, relation, tail = batch.triples[batch.rows].unbind(1)
        replaced, others = negatives.head[batch.rows], entities.square().mean(1)[negatives.entities[batch.rows]]
        rows = relations[relation].square().mean(1)
        for end, here in ((head, replaced), (tail, ~replaced)):
            own = entities[end].square().mean(1, keepdim=True)
            rows = rows + torch.cat([own, torch.where(here, others, own)], 1).mean(1)
        return {"regulariser": self.weight * batch.mean(rows) / 3}


class Cubed(Regulariser):
    """weight * (||E||_3^3 + ||R||_3^3) over the whole tables (OpenKE, `l3_regul_rate`)."""

    class Config(Regulariser.Config):
        kind: Literal["cubed"] = "cubed"
        weight: float = Field(5e-6, ge=0)

    def __init__(self, settings: Config) -> None:
        super().__init__(settings)
        self.weight = settings.weight

    def forward(self, batch: Triples, entities: Tensor, relations: Tensor, negatives: Negatives) -> dict[str, Tensor]:
        return {"regulariser": self.weight * (entities.abs().pow(3).sum() + relations.abs().pow(3).sum())}


class NoRegulariser(Regulariser):
    """No regularisation."""

    class Config(Regulariser.Config, Nothing):
        pass

    def forward(self, batch: Triples, entities: Tensor, relations: Tensor, negatives: Negatives) -> dict[str, Tensor]:
        return {}
