"""What is made of a dataset is made once: planning asks for it for every run, and datasets do not change."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar
from weakref import WeakKeyDictionary

D = TypeVar("D")
P = ParamSpec("P")
R = TypeVar("R")

#: Results kept of one dataset; a search may ask with other settings each time.
MOST = 8


def once_a_dataset(make: Callable[Concatenate[D, P], R]) -> Callable[Concatenate[D, P], R]:
    """Keep what `make` returns for its first argument, as long as that lives; others by position, hashable.

    What is kept must not hold the first argument itself, which would then never go.
    """
    kept: WeakKeyDictionary[D, dict[tuple[object, ...], R]] = WeakKeyDictionary()

    @wraps(make)
    def remembered(dataset: D, /, *settings: P.args, **named: P.kwargs) -> R:
        known = kept.setdefault(dataset, {})
        asked = (*settings, *sorted(named.items()))
        if asked not in known:
            found = make(dataset, *settings, **named)
            if len(known) >= MOST:
                del known[next(iter(known))]
            known[asked] = found
        return known[asked]

    return remembered
