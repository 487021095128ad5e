"""What the best of so many trials of random search is expected to be."""

from collections.abc import Sequence

import numpy as np


def expected(values: Sequence[float | None], *, lowest: bool = False) -> tuple[float, ...]:
    """Return the expected best value after 1, 2, ... trials drawn as those were that had these values.

    Source: Dodge et al. 2019, Show Your Work: the maximum of k draws from the empirical distribution of n values,
    of which the i-th smallest is the largest with chance (i/n)^k - ((i-1)/n)^k. A trial without a value counts as the
    worst of the others.
    """
    known = [value for value in values if value is not None]
    if not known:
        return ()
    worst = max(known) if lowest else min(known)
    ordered = np.array(sorted((worst if value is None else value for value in values), reverse=lowest))
    shares = np.arange(len(ordered) + 1) / len(ordered)
    return tuple(float(np.diff(shares**budget) @ ordered) for budget in range(1, len(ordered) + 1))


def so_far(values: Sequence[float | None], *, lowest: bool = False) -> tuple[float, ...]:
    """Return the best value after each trial from the first on that had one."""
    found: list[float] = []
    for value in values:
        if value is not None:
            found.append(value if not found else (min if lowest else max)(found[-1], value))
        elif found:
            found.append(found[-1])
    return tuple(found)
