"""CSLS between two sides: exact scores of what is asked for, and float32 scores of everything, tile by tile."""

from collections.abc import Iterator

import torch
from torch import Tensor

from kgprism.platform.tasks.cosines import Cosines
from kgprism.platform.tasks.nearest import Nearest

#: Numbers of all tiles that are kept for the second look at most (512 MiB).
KEPT = 2**27


class Csls:
    """Cosines less the mean cosine to the `k` nearest of the other side, on both sides (Lample et al., 2018, Eq. 3).

    Scores are `k` times those of the equation: sums instead of means. Between rows of `unit` they are exact for up to 8
    neighbours, so that candidates tie if they tie in the equation, and a score is the same wherever it is computed.
    Where a side has fewer than `k` candidates, all of them are neighbours, and as many of the other side.
    """

    def __init__(self, left: Tensor, right: Tensor, k: int, chunk: int) -> None:
        self.cosines, self.chunk = Cosines(left, right), chunk
        self.k = min(k, len(left), len(right))
        self.scale = 2 * max(self.k, 1)
        self.around = [rows.new_zeros(len(rows), dtype=torch.float64) for rows in (left, right)]
        self.kept: dict[tuple[int, int], Tensor] = {}
        if self.k:
            self._densities()

    def _densities(self) -> None:
        """Add up the `k` highest cosines of each row and of each column; keep the tiles of a small matrix."""
        cosines = self.cosines
        nearest = [Nearest(cosines, side, self.k) for side in (0, 1)]
        keep = cosines.numbers(self.chunk) <= KEPT
        into, work = cosines.scratch(), cosines.scratch()
        for rows in cosines.rows(self.chunk):
            for columns in cosines.columns():
                if keep:
                    into = cosines.scratch(rows, columns)
                tile = cosines.multiply(rows, columns, into, work)
                if keep:
                    self.kept[rows.start, columns.start] = tile
                nearest[0].add(tile[: rows.stop - rows.start], rows, columns.start)
                nearest[1].add(tile[:, : columns.stop - columns.start].T, columns, rows.start)
        self.around = [nearest[0].highest().sum(1), nearest[1].highest().T.contiguous().sum(0)]

    def at(self, rows: Tensor, columns: Tensor) -> Tensor:
        """Return single scores, float64 ``(n,)``."""
        return self._score(self.cosines.at(rows, columns), self.around[0][rows], self.around[1][columns])

    def block(self, rows: slice, columns: slice) -> Tensor:
        """Return the scores of these rows and columns, float64."""
        cosine = self.cosines.left[rows].double() @ self.cosines.right[columns].double().T
        return self._score(cosine, self.around[0][rows, None], self.around[1][columns])

    def _score(self, cosine: Tensor, around_left: Tensor, around_right: Tensor) -> Tensor:
        """Turn cosines into scores, in place."""
        return cosine.mul_(self.scale).sub_(around_left).sub_(around_right)

    def tiles(self, worker: int = 0, workers: int = 1) -> Iterator[tuple[slice, slice, Tensor, Tensor]]:
        """Yield rows, columns, float32 scores divided by `scale` of a worker's tiles, and memory for as many numbers.

        Numbers are within the margin of the truth. Each tile is the reader's until the next one; beyond the last row
        and column it is -inf. It is called once only.
        """
        into, work = self.cosines.scratch(), self.cosines.scratch()
        around = [(part / self.scale).float() for part in self.around]
        for rows in self.cosines.rows(self.chunk, worker, workers):
            for columns in self.cosines.columns():
                tile = self.kept.pop((rows.start, columns.start), None)
                if tile is None:
                    tile = self.cosines.multiply(rows, columns, into, work)
                tile[: rows.stop - rows.start].sub_(around[0][rows, None])
                tile[:, : columns.stop - columns.start].sub_(around[1][columns])
                yield rows, columns, tile, work
