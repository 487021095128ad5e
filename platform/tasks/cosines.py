"""Cosines of two sides: float32 products in tiles, each with its bound, and the exact ones of single pairs."""

from collections.abc import Iterator
from contextlib import contextmanager
from math import ceil, inf

import torch
from torch import Tensor

from kgprism.platform.errors import RunError
from kgprism.platform.tasks.groups import whole

#: Coordinates of unit vectors are rounded to multiples of its inverse.
GRID = 2.0**24
#: Coordinates that are rounded, and pairs of rows that are multiplied, at once (numbers): what a cache holds.
AT_ONCE = {"cpu": 2**16, "cuda": 2**24}
#: Rows and columns of a tile: three of them stay in a processor's cache; a GPU wants longer work.
TILE = {"cpu": (512, 2048), "cuda": (2048, 16384)}
#: The most coordinates that are added up in one float32 product.
SLICE = 320


def unit(vectors: Tensor) -> Tensor:
    """Return rows of length one, float32, between which float64 dot products are exact; a row of zeros stays zero.

    Coordinates are multiples of 2**-24, so float32 holds them. Their products are multiples of 2**-48 and no partial
    sum reaches 2: float64 holds each without rounding, in whatever order a matrix product adds them. Equal rows
    therefore tie, and the result is the same for any chunk, number of threads and device. The grid moves a cosine by
    less than float32 rounding does.

    Raises:
        RunError: if a value is not finite.
    """
    if not torch.isfinite(vectors).all():
        raise RunError("an embedding is not finite: nothing can be ranked")
    length = torch.linalg.vector_norm(vectors, dim=1, keepdim=True, dtype=torch.float64)
    length.masked_fill_(length == 0, 1)
    rows = torch.empty(vectors.shape, dtype=torch.float32, device=vectors.device)
    step = max(AT_ONCE[vectors.device.type] // max(vectors.shape[1], 1), 1)
    for part, given, divisor in zip(rows.split(step), vectors.split(step), length.split(step), strict=True):
        part.copy_((given.double() / divisor).mul_(GRID).round_().div_(GRID))
    return rows


class Cosines:
    """Dot products of the rows of two sides, both `unit`.

    ``margin``: no float32 number of a tile is further from the truth than this, and so it is after two more sums with
    numbers up to 1 in size.
    """

    def __init__(self, left: Tensor, right: Tensor) -> None:
        self.left, self.right = left, right
        slices = max(ceil(left.shape[1] / SLICE), 1)
        width = max(ceil(left.shape[1] / slices), 1)
        self.sides = list(zip(left.split(width, 1), right.split(width, 1), strict=True))
        # A sum of n products is within n u / (1 - n u) of the truth in any order, fused or not, as the absolute values
        # of the products add up to 1 at most (Higham, 2002, section 3.1), u = 2**-24; each further slice adds one u.
        # Sixteen more are for what is done to a number of a tile before it is compared, and for the thresholds.
        self.margin = 1.01 * (width + slices + 16) / GRID
        self.shape, self.tile = (len(left), len(right)), TILE[left.device.type]

    def scratch(self, rows: slice | None = None, columns: slice | None = None) -> Tensor:
        """Return memory for the tile of these rows and columns, flat; for any tile if none are told."""
        if rows is None or columns is None:
            rows, columns = (slice(0, min(size, most)) for size, most in zip(self.shape, self.tile, strict=True))
        high, wide = whole(rows.stop - rows.start, columns.stop - columns.start)
        return self.left.new_empty(high * wide)

    def numbers(self, chunk: int) -> int:
        """Return how many numbers all tiles hold together, with what fills up their last groups."""
        high = sum(whole(rows.stop - rows.start, 1)[0] for rows in self.rows(chunk))
        return high * sum(whole(1, columns.stop - columns.start)[1] for columns in self.columns())

    def columns(self) -> Iterator[slice]:
        """Yield the columns of one row of tiles."""
        for start in range(0, len(self.right), self.tile[1]):
            yield slice(start, min(start + self.tile[1], len(self.right)))

    def rows(self, chunk: int, worker: int = 0, workers: int = 1) -> Iterator[slice]:
        """Yield the rows of a worker's tiles: those of its chunks."""
        for start in range(worker * chunk, len(self.left), workers * chunk):
            end = min(start + chunk, len(self.left))
            for first in range(start, end, self.tile[0]):
                yield slice(first, min(first + self.tile[0], end))

    def multiply(self, rows: slice, columns: slice, into: Tensor, work: Tensor) -> Tensor:
        """Return the tile of these rows and columns, in `into`; whole groups, -inf beyond the last row and column."""
        height, width = rows.stop - rows.start, columns.stop - columns.start
        shape = whole(height, width)
        tile, more = (flat[: shape[0] * shape[1]].view(shape) for flat in (into, work))
        if shape != (height, width):
            tile.fill_(-inf)
        product, further = tile[:height, :width], more[:height, :width]
        with _full_precision():
            for number, (left, right) in enumerate(self.sides):
                torch.mm(left[rows], right[columns].T, out=further if number else product)
                if number:
                    product.add_(further)
        return tile

    def at(self, rows: Tensor, columns: Tensor) -> Tensor:
        """Return the exact cosines of single pairs, float64 ``(n,)``."""
        step = max(AT_ONCE[self.left.device.type] // max(self.left.shape[1], 1), 1)
        found = torch.empty(len(rows), dtype=torch.float64, device=self.left.device)
        for part, row, column in zip(found.split(step), rows.split(step), columns.split(step), strict=True):
            product = self.left.index_select(0, row).double().mul_(self.right.index_select(0, column))
            torch.sum(product, 1, out=part)
        return found


@contextmanager
def _full_precision() -> Iterator[None]:
    """Multiply float32 numbers as such: no TF32, no bfloat16, whatever is set outside."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        with torch.autocast("cuda", enabled=False), torch.autocast("cpu", enabled=False):
            yield
    finally:
        torch.set_float32_matmul_precision(before)
