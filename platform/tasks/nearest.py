"""The k highest exact cosines of every row and of every column, picked from float32 tiles."""

from math import inf

import torch
from torch import Tensor

from kgprism.platform.tasks.cosines import Cosines
from kgprism.platform.tasks.groups import GROUP, grouped, highest, members

#: Rows of the other side whose exact products with a line are held at once.
EXACT = 4096


class Nearest:
    """The `k` highest of each line of a side (0: rows, 1: columns), candidates being the other side's lines.

    ``floor``: float32 numbers of `k` different candidates of each line, the highest known. What is lower than the last
    of them by twice the margin is none of the `k` nearest. A line with too many left is crowded: all of its products
    are made exactly.
    """

    def __init__(self, cosines: Cosines, side: int, k: int) -> None:
        self.cosines, self.side, self.k = cosines, side, k
        lines, others = (len(rows) for rows in self._rows())
        device = cosines.left.device
        self.floor = torch.full((lines, k), -inf, device=device)
        self.seen = torch.zeros(lines, dtype=torch.long, device=device)
        self.limit = 16 * k + 2 * GROUP
        if k * 2 * GROUP > others:  # so few that a floor would hardly rise
            self.floor.fill_(inf)
        self.found: list[tuple[Tensor, Tensor, Tensor]] = []

    def add(self, tile: Tensor, lines: slice, first: int) -> None:
        """Look through a tile ``(lines, others)``, whole groups of others of which `first` is the first."""
        groups = grouped(tile, self.side)
        extreme = highest(groups, self.side)
        floor = self.floor[lines]
        higher = (extreme > floor[:, -1:]).any(1).nonzero()[:, 0]
        floor[higher] = torch.cat([floor[higher], extreme[higher]], 1).topk(self.k, 1).values
        least = self._least(floor)
        line, other, values = members(groups, self.side, extreme >= least[:, None], least)
        self.seen[lines] += line.bincount(minlength=len(floor))
        crowded = self.seen[lines] > self.limit
        floor[crowded] = inf
        kept = ~crowded[line]
        self.found.append((line[kept] + lines.start, other[kept] + first, values[kept]))

    def highest(self) -> Tensor:
        """Return the exact values, float64 ``(lines, k)``, highest first."""
        lines = len(self.floor)
        crowded = self.floor[:, -1] == inf
        exact = self.floor.new_empty((lines, self.k), dtype=torch.float64)
        exact[crowded] = self._crowded(crowded.nonzero()[:, 0])
        if not self.found:
            return exact
        line, other, values = (torch.cat(parts) for parts in zip(*self.found, strict=True))
        kept = values >= self._least(self.floor)[line]
        line, other = line[kept], other[kept]
        values = self.cosines.at(*((line, other) if self.side == 0 else (other, line)))
        order = values.sort(descending=True).indices
        order = order[line[order].sort(stable=True).indices]
        line, values = line[order], values[order]
        counts = line.bincount(minlength=lines)
        place = torch.arange(len(line), device=line.device) - (counts.cumsum(0) - counts)[line]
        chosen = place < self.k
        exact[line[chosen], place[chosen]] = values[chosen]
        return exact

    def _rows(self) -> tuple[Tensor, Tensor]:
        """Return the lines and the others."""
        both = self.cosines.left, self.cosines.right
        return both if self.side == 0 else both[::-1]

    def _least(self, floor: Tensor) -> Tensor:
        """Return what a float32 number must reach to be one of the nearest; cosines are above -2."""
        return (floor[:, -1] - 2 * self.cosines.margin).clamp_min(-2)

    def _crowded(self, lines: Tensor) -> Tensor:
        """Return the `k` highest of crowded lines."""
        mine, others = self._rows()
        found = [mine.new_empty((0, self.k), dtype=torch.float64)]
        for part in lines.split(EXACT // 8):
            highest = mine.new_empty((len(part), 0), dtype=torch.float64)
            rows = mine[part].double()
            for other in others.split(EXACT):
                highest = torch.cat([highest, rows @ other.double().T], 1)
                highest = highest.topk(min(self.k, highest.shape[1]), 1).values
            found.append(highest)
        return torch.cat(found)
