"""Which triples are known, and which answers a query has: sorted integers and binary search, no sets, no masks."""

import torch
from torch import Tensor, nn

from kgprism.platform.batch import Side


class Known(nn.Module):
    """An index over distinct triples for one side: queries are (known end, relation), answers the other ends."""

    keys: Tensor
    shifted: Tensor

    def __init__(self, triples: Tensor, entities: int, relations: int, side: Side) -> None:
        super().__init__()
        assert entities * entities * relations < 2**63, "more cells than an int64 can number"
        self.entities, self.count, self.column = entities, relations, 0 if side == "tail" else 2
        known, relation, answer = triples[:, self.column], triples[:, 1], triples[:, 2 - self.column]
        keys = (self.query(known, relation) * entities + answer).unique()
        queries = keys // entities
        first = torch.searchsorted(keys, queries * entities)
        self.register_buffer("keys", keys, persistent=False)
        # The i-th known answer of a query, less i: how many unknown entities have smaller numbers.
        self.register_buffer("shifted", keys - (torch.arange(len(keys)) - first), persistent=False)

    def query(self, known: Tensor, relation: Tensor) -> Tensor:
        """Return one number a query."""
        return known * self.count + relation

    def bounds(self, queries: Tensor) -> tuple[Tensor, Tensor]:
        """Return where each query's answers begin and end in ``keys``."""
        edge = torch.stack([queries, queries + 1]) * self.entities
        begin, end = torch.searchsorted(self.keys, edge)
        return begin, end

    def answers(self, queries: Tensor) -> tuple[Tensor, Tensor]:
        """Return all answers of all queries: the row of `queries` and the entity of each, in ascending order."""
        begin, end = self.bounds(queries)
        lengths = end - begin
        rows = torch.repeat_interleave(torch.arange(len(queries), device=queries.device), lengths)
        first = (begin - (lengths.cumsum(0) - lengths))[rows]
        return rows, self.keys[first + torch.arange(len(rows), device=rows.device)] % self.entities

    def contains(self, queries: Tensor, answers: Tensor) -> Tensor:
        """Tell which answers are known, elementwise."""
        wanted = queries * self.entities + answers
        found = torch.searchsorted(self.keys, wanted).clamp_(max=max(len(self.keys) - 1, 0))
        return self.keys[found] == wanted if len(self.keys) else torch.zeros_like(wanted, dtype=torch.bool)

    def unknown(self, queries: Tensor, uniform: Tensor) -> Tensor:
        """Return one entity that is no known answer for each query, by a number in [0, 1); exact, nothing is redrawn.

        Where every entity is an answer, any may come.
        """
        begin, end = self.bounds(queries)
        left = (self.entities - (end - begin)).clamp_(min=1)
        drawn = (uniform.double() * left).long().clamp_(max=self.entities - 1)
        skipped = torch.searchsorted(self.shifted, queries * self.entities + drawn, right=True) - begin
        return (drawn + skipped).remainder_(self.entities)
