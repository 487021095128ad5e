"""Groups of a tile's numbers: what a group's extreme decides needs no look at the others in it."""

from torch import Tensor

#: Neighbouring rows in a group.
GROUP = 32
#: A row's groups, for each 2,048 columns: so many lie side by side in memory, and are compared together.
GROUPS = 64


def whole(rows: int, columns: int) -> tuple[int, int]:
    """Return a tile's size, rounded up to whole groups of rows and of columns."""
    return _up(rows, GROUP), _up(columns, _across(columns))


def grouped(tile: Tensor, side: int) -> Tensor:
    """View ``(lines, others)`` as ``(lines, groups, members)``; on side 1 it is a tile that was turned.

    On side 0 the numbers of a group are far apart, on side 1 they are neighbours.
    """
    if side == 0:
        return tile.view(len(tile), -1, _across(tile.shape[1])).transpose(1, 2)
    return tile.T.view(-1, GROUP, len(tile)).permute(2, 0, 1)


def highest(groups: Tensor, side: int) -> Tensor:
    """Return the highest number of each group, ``(lines, groups)``."""
    # Lines are turned back first: a reduction that jumps from number to number takes them one by one.
    return groups.transpose(1, 2).amax(1) if side == 0 else groups.permute(1, 2, 0).amax(1).T


def members(groups: Tensor, side: int, chosen: Tensor, least: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return line, other and number, ``(n,)`` each, of what reaches a line's `least` in chosen groups."""
    line, group = chosen.nonzero(as_tuple=True)
    values = groups[line, group]
    within, place = (values >= least[line, None]).nonzero(as_tuple=True)
    line, group, values = line[within], group[within], values[within, place]
    return line, place * groups.shape[1] + group if side == 0 else group * GROUP + place, values


def _across(columns: int) -> int:
    """Return the number of groups of a row."""
    return max(-(-columns // (GROUPS * GROUP)), 1) * GROUPS


def _up(size: int, multiple: int) -> int:
    return -(-size // multiple) * multiple
