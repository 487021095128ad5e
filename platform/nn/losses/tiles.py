"""Contrastive sums over a slice of pairs in tiles: exponentials are made once and serve both directions.

With cosines s of unit rows and a scale k, the losses of this field read, for the i-th left row (a right one alike),

    log sum_j e^(k s(l_i, r_j)), with or without j = i, and, if asked for, e^(k s(l_i, l_j)) over j != i in the sum.

Gradients are closed: each cosine gets its exponential over the sum times what the sum's logarithm got, so that nothing
but two vectors need be kept from the sums on. Products of a side with itself are symmetric: half of them is made. For n
pairs of width d that is 2 n^2 d multiply-adds to the sums and 4 n^2 d to the gradients, where plain autograd takes 12.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable

#: Rows of a tile.
ROWS = 512
#: Bytes of exponentials that may wait for their gradients; beyond, tiles are multiplied again.
KEPT = 256 * 2**20
#: Largest scale at which the smallest exponential, e^(-2 k), is a normal float32.
LARGEST_SCALE = 40.0


class Among(NamedTuple):
    """What a sum runs over: with the partner or without, with the rows of the own side or without.

    Without `both`, right rows have no sums.
    """

    scale: float
    partner: bool
    inside: bool
    both: bool = True


#: From the logarithms of both sides' sums and the pairs' cosines, ``(rows,)`` each, and what else is given, to a loss.
Terms = Callable[..., Tensor]


class Tile(NamedTuple):
    """The exponentials ``(rows, columns)`` between rows of a side from `start` on and the other's from `first` on."""

    one: int
    other: int
    start: int
    first: int
    values: Tensor


def contrasted(
    left: Float[Tensor, "pairs width"],
    right: Float[Tensor, "pairs width"],
    rows: slice,
    among: Among,
    terms: Terms,
    *given: Tensor,
) -> Float[Tensor, ""]:
    """Return ``terms(log sums of left rows, log sums of right rows, cosines of pairs, *given)`` for some of the pairs.

    Sides have rows of length one or zero. Gradients reach both and what is `given`; they are made at once, in the
    forward pass, so that no tile waits for the backward pass.
    """
    loss: Tensor = _Contrasted.apply(left, right, rows, among, terms, *given)  # type: ignore[no-untyped-call]
    return loss


class _Contrasted(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, left: Tensor, right: Tensor, rows: slice, among: Among, terms: Terms, *given: Tensor
    ) -> Tensor:
        device = left.device.type
        low = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else left.dtype
        wanted = any(ctx.needs_input_grad)
        with torch.autocast(device, enabled=False):
            sums = _Sums(left, right, rows, among, low, keep=wanted)
            inputs = [*sums.logarithms(), (left[rows] * right[rows]).sum(1), *given]
            if not wanted:
                return terms(*inputs)
            with torch.enable_grad():
                inputs = [vector.detach().requires_grad_() for vector in inputs]
                loss = terms(*inputs)
            found = torch.autograd.grad(loss, inputs, allow_unused=True)
            vectors = [torch.zeros_like(i) if g is None else g for g, i in zip(found[:3], inputs, strict=False)]
            ctx.save_for_backward(*sums.gradients(*vectors), *found[3:])
        return loss.detach()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, loss: Tensor) -> Any:
        left, right, *given = ctx.saved_tensors
        return loss * left, loss * right, None, None, None, *(None if g is None else loss * g for g in given)


class _Sums:
    """The sums of some rows of both sides, and their gradients.

    Where all rows of both are asked for, a tile serves both of its ends; else each end has tiles of its own.
    """

    def __init__(self, left: Tensor, right: Tensor, rows: slice, among: Among, low: torch.dtype, *, keep: bool) -> None:
        self.rows, self.among = rows, among
        self.sides = left.to(low), right.to(low)
        self.whole = among.both and rows == slice(0, len(left))
        self.sums = left.new_zeros(2, len(left))
        self.kept: list[Tile] | None = None
        if keep and self._bytes() <= KEPT:
            self.kept = list(self._tiles())
        for tile in self.kept or self._tiles():
            self._add(tile)

    def logarithms(self) -> Tensor:
        """Return the logarithm of every sum, ``(2, rows)``; minus infinity where there is none."""
        return self.sums[:, self.rows].log() + self.among.scale

    def _blocks(self) -> list[tuple[int, int]]:
        """Return the sides between which there are tiles."""
        blocks = [(0, 1)] if self.whole else [(0, 1), (1, 0)]
        if self.among.inside:
            blocks += [(0, 0), (1, 1)]
        return [block for block in blocks if self.among.both or block[0] == 0]

    def _bytes(self) -> int:
        """Return what all tiles take together; those of a side with itself are halves where they serve both ends."""
        high, wide = self.rows.stop - self.rows.start, self.sums.shape[1]
        halves = [1 if self.whole and one == other else 2 for one, other in self._blocks()]
        return 2 * high * wide * sum(halves)

    def _tiles(self) -> Iterator[Tile]:
        """Yield the tiles, e^(k (s - 1)); of a side with itself from the diagonal on where that will do."""
        for start in range(self.rows.start, self.rows.stop, ROWS):
            for one, other in self._blocks():
                first = start if self.whole and one == other else 0
                rows = self.sides[one][start : min(start + ROWS, self.rows.stop)] * self.among.scale
                values = (rows @ self.sides[other][first:].T).float().sub_(self.among.scale).exp_()
                if one == other or not self.among.partner:
                    values.diagonal(start - first).zero_()
                yield Tile(one, other, start, first, values)

    def _add(self, tile: Tile) -> None:
        end = tile.start + len(tile.values)
        self.sums[tile.one, tile.start : end] += tile.values.sum(1)
        if self.whole:
            beyond = self._beyond(tile)
            self.sums[tile.other, tile.first + beyond :] += tile.values[:, beyond:].sum(0)

    def _beyond(self, tile: Tile) -> int:
        """Return the first column of a tile that holds what its rows do not hold already."""
        return len(tile.values) if self.whole and tile.one == tile.other else 0

    def gradients(self, one: Tensor, other: Tensor, own: Tensor) -> tuple[Tensor, Tensor]:
        """Return the gradients of both sides under those of the logarithms of sums and of the pairs' cosines.

        All ``(rows,)``. Tiles that were kept are used up.
        """
        shares = torch.zeros_like(self.sums)
        # A sum of nothing has no exponential to give a share to.
        sums = self.sums[:, self.rows]
        shares[:, self.rows] = torch.stack([one, other]) / sums.masked_fill(sums == 0, 1) * self.among.scale
        found = shares.new_zeros(2, *self.sides[0].shape)
        for side in (0, 1):
            found[side, self.rows] = own[:, None] * self.sides[1 - side][self.rows]
        for tile in self.kept or self._tiles():
            start, end, beyond = tile.start, tile.start + len(tile.values), self._beyond(tile)
            factors = shares[tile.one, start:end, None]
            values = tile.values.mul_(factors + shares[tile.other, tile.first :] if self.whole else factors)
            values = values.to(self.sides[0].dtype)
            _into(found[tile.one, start:end], values, self.sides[tile.other][tile.first :])
            _into(found[tile.other, tile.first + beyond :], values[:, beyond:].T, self.sides[tile.one][start:end])
        return found[0], found[1]


def _into(found: Tensor, one: Tensor, other: Tensor) -> None:
    """Add a product, in place."""
    if one.dtype == found.dtype:
        found.addmm_(one, other)
    else:
        found += one @ other
