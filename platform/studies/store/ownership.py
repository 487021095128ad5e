"""Who carries a run out: one process at a time, whatever command it came from, on any machine of a shared store."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from kgprism.platform.locks import locked
from kgprism.platform.studies.store.runs import Store

#: Seconds between two looks at a run that another process carries out.
PAUSE = 0.5


def owning(store: Store, run_id: str) -> AbstractContextManager[bool]:
    """Own a run as long as the block lasts, and its partial folder; yield false at once if another process does.

    The owner is the process that trains, not the one that asked for it: it may be on another node, and outlive it.
    """
    return locked(lock_of(store, run_id), wait=False)


def lock_of(store: Store, run_id: str) -> Path:
    """Return the file of a run's lock."""
    return store.folder / f".{run_id}.lock"


def owned_elsewhere(store: Store, run_id: str) -> bool:
    """Tell whether another process carries a run out."""
    with owning(store, run_id) as mine:
        return not mine


@contextmanager
def in_turn(store: Store, run_id: str, told: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Own a run, or wait until it is finished by the process that does; `told` is called before the wait.

    The block must ask the store first.
    """
    waited = False
    while True:
        with owning(store, run_id) as mine:
            if mine or store.has(run_id):
                yield
                return
        if not waited:
            told()
        waited = True
        time.sleep(PAUSE)
