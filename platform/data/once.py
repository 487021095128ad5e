"""What is made of a dataset is made once: planning asks for it for every run, and datasets do not change."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar
from weakref import WeakKeyDictionary

import numpy as np

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


#: Arrays by their names.
Arrays = Mapping[str, np.ndarray]
#: Of a dataset, what is made of it and how: plain values; then what makes it.
Keeper = Callable[[Any, tuple[Any, ...], Callable[[], Arrays]], Arrays]
#: Who keeps arrays for all processes of a node; nobody, where one process is all there is.
_keepers: list[Keeper] = []


@contextmanager
def kept_by(keeper: Keeper) -> Iterator[None]:
    """Let a keeper find or make, in this block, what several processes of a node need of one dataset."""
    _keepers.append(keeper)
    try:
        yield
    finally:
        _keepers.pop()


def once_a_node(dataset: Any, what: tuple[Any, ...], make: Callable[[], Arrays]) -> Arrays:
    """Return what `make` does, from whoever keeps it where somebody does; `what` are all values that it hangs on."""
    return _keepers[-1](dataset, what, make) if _keepers else make()
