"""NSCaching: negatives that score high are remembered (Zhang et al., ICDE 2019; completion specification, 3.4)."""

from typing import Literal, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor

from kgprism.platform.batch import Triples
from kgprism.platform.nn.negatives.gumbel import gumbel
from kgprism.platform.nn.negatives.sampler import CorruptionSampler, Ground, Negatives, Sampler, View, head_share


class NSCaching(Sampler):
    """Draw from a cache of each (head, relation) and each (relation, tail) of train.

    The end is chosen as Bernoulli does. After the draw both caches of every positive are renewed from themselves and
    `fresh` uniform entities. An entity that stands twice among these counts once: copies come in only where distinct
    ones run out. Like the release, known triples may be drawn; `known` keeps them out of the caches altogether.

    ``cache`` (queries, N1), in checkpoints: first the rows of (head, relation), then those of (tail, relation).
    """

    class Config(Sampler.Config):
        kind: Literal["nscaching"] = "nscaching"
        count: int = Field(1, ge=1, description="K: negatives a positive, from different places of a cache")
        size: int = Field(30, ge=1, description="N1: entities a cache holds (release 30, paper 50)")
        fresh: int = Field(30, ge=1, description="N2: uniform entities that may come in")
        draw: Literal["uniform", "importance", "top"] = Field("uniform", description="importance: by softmax of scores")
        update: Literal["importance", "top"] = Field("importance", description="importance: N1 by softmax, none twice")
        lazy: int = Field(0, ge=0, description="epochs without renewal between two with; 0: every batch renews")
        known: Literal["kept", "left_out"] = Field(
            "kept", description="what becomes of entities that make known triples"
        )

        @model_validator(mode="after")
        def _enough(self) -> Self:
            if self.count > self.size:
                raise ValueError(f"count: {self.count} negatives cannot come from a cache of size {self.size}")
            return self

    cache: Tensor
    keys: Tensor

    def __init__(self, settings: Config, ground: Ground) -> None:
        super().__init__()
        graph = ground.graph
        self.settings, self.entities, self.relations = settings, graph.entities, graph.relations
        self.ends = CorruptionSampler(graph, 1, "normal", head_share(graph.triples, graph.relations))
        #: Numbers of head queries start here.
        self.span = graph.entities * graph.relations
        self.register_buffer("keys", torch.cat(self._keys(graph.triples)).unique(), persistent=False)
        first = torch.rand(len(self.keys), settings.size)
        self.register_buffer("cache", self._uniform(self.keys, first))
        self.renewing = True

    def start_epoch(self, epoch: int) -> None:
        self.renewing = epoch % (self.settings.lazy + 1) == 0

    @torch.no_grad()
    def sample(self, batch: Triples, view: View) -> Negatives:
        draw = batch.draw("negatives")
        for_tail, for_head = (torch.searchsorted(self.keys, keys) for keys in self._keys(batch.triples))
        head = self.ends.sides(batch, draw, 1)
        rows = torch.where(head[:, 0], for_head, for_tail)
        cached = self.cache[rows]
        drawn = self._chosen(view, rows, cached, self.settings.draw, self.settings.count, draw)
        if self.renewing:
            self._renew(view, torch.cat([for_tail, for_head]).unique(), draw)
        return Negatives(drawn, head.expand_as(drawn))

    def _keys(self, triples: Tensor) -> tuple[Tensor, Tensor]:
        """Return the numbers of each triple's two queries."""
        head, relation, tail = triples.unbind(1)
        return self.ends.tails.query(head, relation), self.span + self.ends.heads.query(tail, relation)

    def _uniform(self, keys: Tensor, uniform: Tensor) -> Tensor:
        """Return entities for queries, by numbers in [0, 1) of ``(queries, n)``."""
        if self.settings.known == "kept":
            return (uniform.double() * self.entities).long()
        asked = (keys % self.span)[:, None]
        for_tail, for_head = self.ends.tails.unknown(asked, uniform), self.ends.heads.unknown(asked, uniform)
        return torch.where(keys[:, None] < self.span, for_tail, for_head)

    def _renew(self, view: View, rows: Tensor, draw: torch.Generator) -> None:
        old = self.cache[rows]
        uniform = torch.rand(len(rows), self.settings.fresh, generator=draw, device=rows.device)
        found = torch.cat([old, self._uniform(self.keys[rows], uniform)], 1)
        self.cache[rows] = self._chosen(
            view, rows, found, self.settings.update, self.settings.size, draw, copies(found)
        )

    def _chosen(
        self,
        view: View,
        rows: Tensor,
        candidates: Tensor,
        rule: str,
        count: int,
        draw: torch.Generator,
        last: Tensor | None = None,
    ) -> Tensor:
        """Return `count` of each query's candidates, without replacement; those marked `last` fill up."""
        noise = 0.0 if rule == "top" else gumbel(candidates, draw)
        merit = noise + (0.0 if rule == "uniform" else self._scores(view, rows, candidates))
        assert isinstance(merit, Tensor)
        if last is not None:
            merit = merit.masked_fill(last, -torch.inf)
        return candidates.gather(1, merit.topk(count, 1).indices)

    def _scores(self, view: View, rows: Tensor, candidates: Tensor) -> Tensor:
        keys = self.keys[rows]
        known, relation = keys % self.span // self.relations, view.relations[keys % self.relations]
        framed = view.joint[known]
        for_tail = view.scorer.query(framed, relation, "tail")
        for_head = view.scorer.query(framed, relation, "head")
        asked = torch.where((keys < self.span)[:, None], for_tail, for_head)
        places = torch.arange(len(rows), device=rows.device).repeat_interleave(candidates.shape[1])
        return view.scorer.selected(asked, places, view.joint, candidates.flatten()).view_as(candidates)


def copies(entities: Tensor) -> Tensor:
    """Tell which places of each row hold an entity that stands further left too."""
    ordered, places = entities.sort(dim=1, stable=True)
    same = torch.zeros_like(entities, dtype=torch.bool)
    same[:, 1:] = ordered[:, 1:] == ordered[:, :-1]
    return torch.zeros_like(same).scatter_(1, places, same)
