"""IKRL: translations between structure and image of both ends (Xie et al., IJCAI 2017; completion spec, 3b)."""

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor
from torch.nn.functional import normalize

from kgprism.platform.batch import Side
from kgprism.platform.nn.scoring.distance import aligned, crossed, selected
from kgprism.platform.nn.scoring.scorers import Scorer


class IKRLScorer(Scorer):
    """gamma - [d(h, t) + d(hv, tv) + d(hv, t) + d(h, tv)]; d: ||x + r - y||_1 over vectors of length one.

    The tables hold structure only, ``dim`` wide; an entity that is scored is ``[structure ; image]``, twice as wide. A
    query is ``[s ; v ; v ; s]``, structure and image translated: each half meets ``[structure ; image]``.
    """

    class Config(Scorer.Config):
        kind: Literal["ikrl"] = "ikrl"
        dim: int = Field(128, ge=1, description="coordinates of a structure and of an image (MANS, released)")

    def frame(self, entities: Tensor) -> Tensor:
        structure, image = entities.chunk(2, -1)
        return torch.cat([normalize(structure, dim=-1), normalize(image, dim=-1)], -1)

    def query(self, known: Tensor, relation: Tensor, side: Side) -> Tensor:
        moved = normalize(relation, dim=-1) * (1 if side == "tail" else -1)
        structure, image = known.chunk(2, -1)
        return torch.cat([structure + moved, image + moved, image + moved, structure + moved], -1)

    def parts(self, queries: Tensor, candidates: Tensor) -> tuple[Tensor, Tensor]:
        """Return both distances row by row, each ``(n,)``: d(h, t) + d(hv, tv), and d(hv, t) + d(h, tv)."""
        within, across = queries.chunk(2, -1)
        return aligned(within, candidates, "l1"), aligned(across, candidates, "l1")

    def aligned(self, queries: Tensor, candidates: Tensor) -> Tensor:
        within, across = self.parts(queries, candidates)
        return self.settings.margin - within - across

    def selected(self, queries: Tensor, rows: Tensor, table: Tensor, ids: Tensor) -> Tensor:
        within, across = (selected(half, rows, table, ids, "l1") for half in queries.chunk(2, -1))
        return self.settings.margin - within - across

    def crossed(self, queries: Tensor, table: Tensor) -> Tensor:
        within, across = (crossed(half, table, "l1") for half in queries.chunk(2, -1))
        return self.settings.margin - within - across
