"""How plausible a triple is: the embedding family behind one contract (completion specification, 0.5).

A scorer turns the known end and the relation into a query, and compares queries with candidates for the missing end.
Higher is better. Scorers own no tables: methods make them by `entities` and `relations`, and may fuse what they like
into the entities' vectors before they are compared.
"""

from typing import ClassVar, Literal, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn.functional import normalize

from kgprism.platform.batch import Side
from kgprism.platform.module import Module
from kgprism.platform.nn.scoring import products
from kgprism.platform.nn.scoring.distance import Norm, aligned, crossed, selected
from kgprism.platform.part import Part

#: Added to the margin where tables start: the released epsilon.
EPSILON = 2.0


class Scorer(Module):
    """Contract. ``entity_width`` and ``relation_width`` are those of the tables."""

    class Config(Part):
        """What every scorer can be told."""

        dim: int = Field(200, ge=1, description="coordinates of an entity; complex ones where the model is complex")
        margin: float = Field(12.0, gt=0, description="gamma; products read it only as the width of their start")
        start: Literal["margin", "xavier"] = Field("margin", description="margin: uniform in +-(gamma + 2) / dim")

        @property
        def bound(self) -> float:
            """The half-width (gamma + epsilon) / dim of a uniform start."""
            return (self.margin + EPSILON) / self.dim

        @property
        def widths(self) -> tuple[int, int]:
            """The widths of the tables of entities and of relations."""
            return self.dim, self.dim

        def build(self) -> "Scorer":
            return self.made()

    def __init__(self, settings: Config) -> None:
        super().__init__()
        self.settings = settings
        self.entity_width, self.relation_width = settings.widths

    def entities(self, count: int) -> nn.Embedding:
        """Return a fresh table of entities."""
        return self._table(count, self.entity_width, self.settings.bound)

    def relations(self, count: int) -> nn.Embedding:
        """Return a fresh table of relations."""
        return self._table(count, self.relation_width, self.settings.bound)

    def _table(self, count: int, width: int, bound: float) -> nn.Embedding:
        table = nn.Embedding(count, width)
        if self.settings.start == "xavier":
            nn.init.xavier_uniform_(table.weight)
        else:
            nn.init.uniform_(table.weight, -bound, bound)
        return table

    def frame(self, entities: Tensor) -> Tensor:
        """Return entities as they are compared, ``(n, width of the query)`` or wider; normalised where the model is."""
        return entities

    def query(self, known: Tensor, relation: Tensor, side: Side) -> Tensor:
        """Return what candidates for `side` are compared with; `known` are framed rows of the other end."""
        raise NotImplementedError(type(self).__name__)

    def queries(self, entities: Tensor, relations: Tensor, triples: Tensor, head: Tensor) -> Tensor:
        """Return what candidates for the ends that `head` names are compared with, ``(n, width of a query)``.

        `head` ``(n,)`` tells for which of the triples ``(n, 3)`` the head is asked for; of the others it is the tail.
        `entities` are framed.
        """
        h, r, t = triples.unbind(1)
        relation = relations[r]
        for_tail = self.query(entities[h], relation, "tail")
        for_head = self.query(entities[t], relation, "head")
        return torch.where(head[:, None], for_head, for_tail)

    def aligned(self, queries: Tensor, candidates: Tensor) -> Tensor:
        """Score framed candidates row by row: ``(n, ...)`` twice to ``(n,)``; broadcasts over axes in front."""
        raise NotImplementedError(type(self).__name__)

    def selected(self, queries: Tensor, rows: Tensor, table: Tensor, ids: Tensor) -> Tensor:
        """Score ``table[ids]`` for ``queries[rows]``, ``(n,)``."""
        return self.aligned(queries[rows], table[ids])

    def crossed(self, queries: Tensor, table: Tensor) -> Tensor:
        """Score every framed row of `table` for every query, ``(queries, rows)``; for ranking, without gradients."""
        return torch.cat([self.aligned(query[None], table)[None] for query in queries])

    def triples(self, entities: Tensor, relations: Tensor, triples: Tensor) -> Tensor:
        """Score triples ``(n, 3)`` by framed entities and relations, ``(n,)``."""
        head, relation, tail = triples.unbind(1)
        return self.aligned(self.query(entities[head], relations[relation], "tail"), entities[tail])


class Distances(Scorer):
    """Scores are the margin less a distance between query and candidate."""

    norm: Norm = "l1"

    def aligned(self, queries: Tensor, candidates: Tensor) -> Tensor:
        return self.settings.margin - aligned(queries, candidates, self.norm)

    def selected(self, queries: Tensor, rows: Tensor, table: Tensor, ids: Tensor) -> Tensor:
        return self.settings.margin - selected(queries, rows, table, ids, self.norm)

    def crossed(self, queries: Tensor, table: Tensor) -> Tensor:
        return self.settings.margin - crossed(queries, table, self.norm)


class Products(Scorer):
    """Scores are dot products of query and candidate."""

    def aligned(self, queries: Tensor, candidates: Tensor) -> Tensor:
        return (queries * candidates).sum(-1)

    def selected(self, queries: Tensor, rows: Tensor, table: Tensor, ids: Tensor) -> Tensor:
        return products.selected(queries, rows, table, ids)

    def crossed(self, queries: Tensor, table: Tensor) -> Tensor:
        # Summed in float64, a score does not depend on how the product is cut into chunks.
        return (queries.double() @ table.double().T).to(table.dtype)


class TransE(Distances):
    """What both TransE share: relations are translations (Bordes et al., 2013)."""

    def query(self, known: Tensor, relation: Tensor, side: Side) -> Tensor:
        return known + relation if side == "tail" else known - relation


class TransEL1(TransE):
    """TransE without normalisation: gamma - ||h + r - t||_1 (the RotatE release, SANS, MMRNS)."""

    class Config(Scorer.Config):
        kind: Literal["transe_l1"] = "transe_l1"


class TransENorm(TransE):
    """TransE over vectors of length one: gamma - ||h/|h| + r/|r| - t/|t|||_1 (OpenKE, AdaMF, DHNS)."""

    class Config(Scorer.Config):
        kind: Literal["transe_norm"] = "transe_norm"

    def frame(self, entities: Tensor) -> Tensor:
        return normalize(entities, dim=-1)

    def query(self, known: Tensor, relation: Tensor, side: Side) -> Tensor:
        return super().query(known, normalize(relation, dim=-1), side)


class DistMult(Products):
    """The sum of h * r * t (Yang et al., 2015); the margin only sets where tables start."""

    class Config(Scorer.Config):
        kind: Literal["distmult"] = "distmult"
        margin: float = Field(200.0, gt=0)

    def query(self, known: Tensor, relation: Tensor, side: Side) -> Tensor:
        return known * relation


class ComplEx(Products):
    """The real part of <h, r, conj t> (Trouillon et al., 2016); rows are ``[real ; imaginary]``."""

    class Config(Scorer.Config):
        kind: Literal["complex"] = "complex"
        start: Literal["margin", "xavier"] = "xavier"

        @property
        def widths(self) -> tuple[int, int]:
            return 2 * self.dim, 2 * self.dim

    def query(self, known: Tensor, relation: Tensor, side: Side) -> Tensor:
        (real, imaginary), (r, i) = known.chunk(2, -1), relation.chunk(2, -1)
        if side == "head":  # <h, r, conj t> seen from t: the conjugate relation
            i = -i
        return torch.cat([real * r - imaginary * i, imaginary * r + real * i], -1)


class RotatE(Distances):
    """gamma - sum |h e^(i theta) - t| (Sun et al., 2019); relations are phases, entities ``[real ; imaginary]``."""

    class Config(Scorer.Config):
        kind: Literal["rotate"] = "rotate"
        dim: int = Field(250, ge=1, description="complex coordinates of an entity")
        spread: float = Field(1.0, gt=0, description="on the entities' start; 1: OpenKE, 2: the RotatE release")

        @model_validator(mode="after")
        def _phases(self) -> Self:
            if self.start != "margin":
                raise ValueError(
                    "start: RotatE reads phases in units of (gamma + 2) / dim, so it starts from `margin` only"
                )
            return self

        @property
        def widths(self) -> tuple[int, int]:
            return 2 * self.dim, self.dim

    norm: Norm = "modulus"
    settings: Config

    def entities(self, count: int) -> nn.Embedding:
        return self._table(count, self.entity_width, self.settings.spread * self.settings.bound / 2)

    def phase(self, relation: Tensor) -> tuple[Tensor, Tensor]:
        """Return cosine and sine of theta, uniform over the circle at the start."""
        theta = relation * (torch.pi / self.settings.bound)
        return theta.cos(), theta.sin()

    def query(self, known: Tensor, relation: Tensor, side: Side) -> Tensor:
        (real, imaginary), (cosine, sine) = known.chunk(2, -1), self.phase(relation)
        if side == "head":  # |h e^(i theta) - t| = |h - t e^(-i theta)|
            sine = -sine
        return torch.cat([real * cosine - imaginary * sine, real * sine + imaginary * cosine], -1)


class Popularity(Products):
    """The null scorer: the sum of a candidate's coordinates, whatever the relation and the known end."""

    class Config(Scorer.Config):
        kind: Literal["none"] = "none"
        null: ClassVar[bool] = True
        margin: float = Field(1.0, gt=0)

        @property
        def widths(self) -> tuple[int, int]:
            return self.dim, 1

    def relations(self, count: int) -> nn.Embedding:
        table = super().relations(count)
        table.weight.requires_grad_(False)
        return table

    def query(self, known: Tensor, relation: Tensor, side: Side) -> Tensor:
        return torch.ones_like(known)
