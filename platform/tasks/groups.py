"""Groups of a tile's numbers: what a group's extreme decides needs no look at the others in it."""

import torch
from torch import Tensor

#: Numbers in a group.
GROUP = 32


def whole(size: int) -> int:
    """Return the size rounded up to whole groups."""
    return -(-size // GROUP) * GROUP


def grouped(tile: Tensor, side: int) -> Tensor:
    """View ``(lines, others)`` as ``(lines, GROUP, groups)``; on side 1 it is a tile that was turned.

    On side 0 the numbers of a group are far apart, on side 1 neighbours: so groups of one place lie side by side in
    memory, and processors compare many at once.
    """
    if side == 0:
        return tile.view(len(tile), GROUP, -1)
    return tile.T.view(-1, GROUP, len(tile)).permute(2, 1, 0)


def members(groups: Tensor, side: int, chosen: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return the line ``(n,)``, others and numbers ``(n, GROUP)`` of chosen groups ``(lines, groups)``."""
    line, group = chosen.nonzero(as_tuple=True)
    place = torch.arange(GROUP, device=groups.device)
    other = place * groups.shape[2] + group[:, None] if side == 0 else group[:, None] * GROUP + place
    return line, other, groups[line[:, None], place, group[:, None]]
