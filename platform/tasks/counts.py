"""How many candidates CSLS ranks before a true one: float32 tiles decide what they can, exact scores the rest."""

import torch
from torch import Tensor

from kgprism.platform.tasks.csls import Csls
from kgprism.platform.tasks.groups import grouped, highest, members
from kgprism.platform.tasks.ranking import tally

#: Of so many numbers of a tile one may be in doubt: the exact score of one pair costs what so many do in a product.
DOUBTFUL = 64
#: Doubtful pairs that are decided together.
TOGETHER = 2**18


class Counts:
    """Tallies both directions of the pairs of rows `i` and columns `j` of `scores`, ``total`` (2, 2, pairs).

    ``total[0]`` is a `tally` of the scores of rows, ``total[1]`` of those of columns, as the exact scores would give.
    Every row and every column is in a pair.
    """

    def __init__(self, scores: Csls, i: Tensor, j: Tensor) -> None:
        self.scores, self.pairs, self.margin = scores, (i, j), scores.cosines.margin
        self.truth = scores.at(i, j)
        self.threshold = (self.truth / scores.scale).float()
        self.total = torch.zeros(2, 2, len(i), dtype=torch.int32, device=i.device)
        self.queries = [_layers(lines, size) for lines, size in zip(self.pairs, scores.cosines.shape, strict=True)]
        self.doubtful: list[list[tuple[Tensor, Tensor, Tensor]]] = [[], []]
        self.waiting = 0

    def count(self, worker: int = 0, workers: int = 1) -> Tensor:
        """Count a worker's share of rows, and return the total."""
        flags = self.scores.cosines.scratch()
        for rows, columns, tile, work in self.scores.tiles(worker, workers):
            memory = [flat[: tile.numel()].view(tile.shape) for flat in (work, flags)]
            self._add(0, (rows, columns), tile, memory)
            self._add(1, (columns, rows), tile.T, [part.T for part in memory])
            if self.waiting > TOGETHER:
                self._decide()
        self._decide()
        return self.total

    def _add(self, side: int, where: tuple[slice, slice], tile: Tensor, memory: list[Tensor]) -> None:
        """Count a tile ``(lines, others)`` for one direction, and note what is in doubt."""
        lines = where[0]
        size = lines.stop - lines.start
        first, further = (queries[starts[lines.start] : starts[lines.stop]] for queries, starts in self.queries[side])
        self._compare(side, where, first, tile[:size], [part[:size] for part in memory])
        if len(further):
            for part in further.split(len(tile)):
                chosen = tile.index_select(0, self.pairs[side][part] - lines.start)
                if side == 1:
                    chosen = chosen.T.contiguous().T
                self._compare(side, where, part, chosen, [torch.empty_like(chosen) for _ in range(2)])

    def _compare(
        self, side: int, where: tuple[slice, slice], queries: Tensor, scores: Tensor, memory: list[Tensor]
    ) -> None:
        """Count scores ``(queries, others)`` that are higher for certain; note those that may be equal."""
        difference, flags = memory
        torch.sub(scores, self.threshold[queries, None], out=difference)
        higher = torch.gt(difference, self.margin, out=flags).sum(1).int()
        # Nearer to the threshold is higher.
        groups = grouped(difference.abs_().neg_(), side)
        least = self.threshold.new_full((len(queries),), -self.margin)
        line, other, _ = members(groups, side, highest(groups, side) >= -self.margin, least)
        if len(line) > scores.numel() // DOUBTFUL:
            self._exactly(side, where, queries)
            return
        self.total[side, 0, queries] += higher
        asked = queries[line]
        self.doubtful[side].append((asked, self.pairs[side][asked], other + where[1].start))
        self.waiting += len(asked)

    def _exactly(self, side: int, where: tuple[slice, slice], queries: Tensor) -> None:
        """Count a tile for these queries by exact scores."""
        block = self.scores.block(*where) if side == 0 else self.scores.block(*where[::-1]).T
        self.total[side, :, queries] += tally(block[self.pairs[side][queries] - where[0].start], self.truth[queries])

    def _decide(self) -> None:
        """Decide by exact scores what was in doubt."""
        self.waiting = 0
        for side, parts in enumerate(self.doubtful):
            if not parts:
                continue
            queries, lines, others = (torch.cat(each) for each in zip(*parts, strict=True))
            exact = self.scores.at(*((lines, others) if side == 0 else (others, lines)))
            truth = self.truth[queries]
            for row, found in enumerate((exact > truth, exact == truth)):
                self.total[side, row] += queries[found].bincount(minlength=len(self.truth)).int()
            parts.clear()


def _layers(lines: Tensor, size: int) -> list[tuple[Tensor, list[int]]]:
    """Return the first query of each line, and all further ones: by line, with where each line starts among them."""
    order = lines.sort(stable=True).indices
    ordered = lines[order]
    first = torch.ones_like(ordered, dtype=torch.bool)
    first[1:] = ordered[1:] != ordered[:-1]
    found = []
    for queries in (order[first], order[~first]):
        counts = lines[queries].bincount(minlength=size)
        found.append((queries, [0, *counts.cumsum(0).tolist()]))
    return found
