"""Pairs that hang together by an entity: what one of them teaches about another must not cross a split."""

import numpy as np


def distinct(pairs: np.ndarray) -> np.ndarray:
    """Return a copy of the pairs ``(pairs, 2)`` in their order, each where it comes first."""
    _, first = np.unique(pairs, axis=0, return_index=True)
    return pairs[np.sort(first)]


def together(pairs: np.ndarray) -> np.ndarray:
    """Return a number for each pair ``(pairs,)``, equal for those that are linked by shared entities, or are equal."""
    # Loaded where it is used: planning a suite asks for no split.
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    left, right = (np.unique(pairs[:, side], return_inverse=True)[1] for side in (0, 1))
    lefts, rights = (int(ends.max(initial=-1)) + 1 for ends in (left, right))
    edges = coo_matrix((np.ones(len(pairs), bool), (left, lefts + right)), (lefts + rights, lefts + rights))
    return connected_components(edges, directed=False)[1][left]


def drawn(groups: np.ndarray, order: np.ndarray, count: int) -> np.ndarray:
    """Return which rows ``(rows,)`` are drawn: `count` in this order, whole groups only.

    A group that does not fit into what is left of `count` is passed over. Without groups it is the first `count` rows.
    """
    sizes = np.bincount(groups).tolist()
    taken = np.zeros(len(sizes), bool)
    for group in dict.fromkeys(groups[order].tolist()):
        if not count:
            break
        if sizes[group] <= count:
            taken[group] = True
            count -= sizes[group]
    return taken[groups]
