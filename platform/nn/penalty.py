"""Regularisers of the tables of entities and relations (completion specification, 0.4)."""

from typing import Literal

from pydantic import Field
from torch import Tensor, nn

from kgprism.platform.batch import Triples
from kgprism.platform.part import Nothing, Part


class Squared(Part):
    """weight * (mean h^2 + mean r^2 + mean t^2) / 3 over the batch (OpenKE, `regul_rate`)."""

    kind: Literal["squared"] = "squared"
    weight: float = Field(1e-5, ge=0)

    def build(self) -> "SquaredPenalty":
        return SquaredPenalty(self.weight)


class SquaredPenalty(nn.Module):
    def __init__(self, weight: float) -> None:
        super().__init__()
        self.weight = weight

    def forward(self, batch: Triples, entities: Tensor, relations: Tensor) -> dict[str, Tensor]:
        head, relation, tail = batch.triples[batch.rows].unbind(1)
        rows = entities[head].square().mean(1) + relations[relation].square().mean(1) + entities[tail].square().mean(1)
        return {"regulariser": self.weight * batch.mean(rows) / 3}


class Cubed(Part):
    """weight * (||E||_3^3 + ||R||_3^3) over the whole tables (OpenKE, `l3_regul_rate`)."""

    kind: Literal["cubed"] = "cubed"
    weight: float = Field(5e-6, ge=0)

    def build(self) -> "CubedPenalty":
        return CubedPenalty(self.weight)


class CubedPenalty(nn.Module):
    def __init__(self, weight: float) -> None:
        super().__init__()
        self.weight = weight

    def forward(self, batch: Triples, entities: Tensor, relations: Tensor) -> dict[str, Tensor]:
        return {"regulariser": self.weight * (entities.abs().pow(3).sum() + relations.abs().pow(3).sum())}


class NoPenalty(Nothing):
    """No regularisation."""

    def build(self) -> "ZeroPenalty":
        return ZeroPenalty()


class ZeroPenalty(nn.Module):
    def forward(self, batch: Triples, entities: Tensor, relations: Tensor) -> dict[str, Tensor]:
        return {}
