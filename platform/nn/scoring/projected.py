"""Scorers whose relations change the candidates too: PairRE and TransD."""

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor
from torch.nn.functional import normalize

from kgprism.platform.batch import Side
from kgprism.platform.nn.scoring.scorers import Scorer


class PairRE(Scorer):
    """gamma - ||h/|h| * r_H - t/|t| * r_T||_1 (Chao et al., 2021, Eq. 1); a relation is ``[r_H ; r_T]``.

    A query is ``[scaled known end ; scale of the candidate]``.
    """

    class Config(Scorer.Config):
        kind: Literal["pairre"] = "pairre"

        @property
        def widths(self) -> tuple[int, int]:
            return self.dim, 2 * self.dim

    def frame(self, entities: Tensor) -> Tensor:
        return normalize(entities, dim=-1)

    def query(self, known: Tensor, relation: Tensor, side: Side) -> Tensor:
        head, tail = relation.chunk(2, -1)
        mine, other = (head, tail) if side == "tail" else (tail, head)
        return torch.cat([known * mine, other], -1)

    def aligned(self, queries: Tensor, candidates: Tensor) -> Tensor:
        known, scale = queries.chunk(2, -1)
        return self.settings.margin - (known - candidates * scale).abs().sum(-1)


class TransD(Scorer):
    """gamma - ||h' + r/|r| - t'||_1, x' = unit of (x + (x_p . x) r_p) (Ji et al., 2015, Eq. 11-14; equal widths).

    Tables hold ``[vector ; projection]``; a frame is ``[vector ; x_p . x]``, a query ``[translated end ; r_p]``.
    """

    class Config(Scorer.Config):
        kind: Literal["transd"] = "transd"
        start: Literal["margin", "xavier"] = "xavier"
        margin: float = Field(12.0, gt=0)

        @property
        def widths(self) -> tuple[int, int]:
            return 2 * self.dim, 2 * self.dim

    def frame(self, entities: Tensor) -> Tensor:
        vector, projection = entities.chunk(2, -1)
        return torch.cat([vector, (vector * projection).sum(-1, keepdim=True)], -1)

    def query(self, known: Tensor, relation: Tensor, side: Side) -> Tensor:
        translation, projection = relation.chunk(2, -1)
        moved = normalize(translation, dim=-1) * (1 if side == "tail" else -1)
        return torch.cat([self._project(known, projection) + moved, projection], -1)

    def aligned(self, queries: Tensor, candidates: Tensor) -> Tensor:
        known, projection = queries.chunk(2, -1)
        return self.settings.margin - (known - self._project(candidates, projection)).abs().sum(-1)

    def _project(self, framed: Tensor, projection: Tensor) -> Tensor:
        return normalize(framed[..., :-1] + framed[..., -1:] * projection, dim=-1)
