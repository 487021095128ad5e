"""What a store holds that nobody needs, and how it goes: never what a living process owns."""

import re
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from kgprism.platform.errors import RunError
from kgprism.platform.kept import FOLDER
from kgprism.platform.locks import held, locked
from kgprism.platform.studies.store.ownership import lock_of, owning
from kgprism.platform.studies.store.record import FILE
from kgprism.platform.studies.store.runs import Store

#: What a process that died has left of a run that it was writing or removing (`files.replacing`).
_SCRATCH = re.compile(r"\.([\w-]{1,60})\.[0-9a-f]{8}")
_PARTIAL, _LOCK = ".partial", ".lock"
_FINISHED, _OLD = "partial of finished runs", "partial"


@dataclass(frozen=True)
class Waste:
    """A file or a folder of no use: of which kind, of which run, how large, when it was last changed."""

    path: Path
    kind: str
    run_id: str
    size: int
    changed: float


def waste(store: Store, before: float) -> list[Waste]:
    """Return partial runs last changed before a time, those of finished runs, what was damaged or half written then."""
    if not store.folder.is_dir():
        return []
    return sorted(_found(store, before), key=lambda one: (one.kind, one.path))


def remove(store: Store, found: Iterable[Waste]) -> int:
    """Remove what was found, but for what was taken up since; return the bytes that are free now."""
    freed = 0
    for one in found:
        with owning(store, one.run_id) as mine:
            if mine and _measured(one.path)[1] <= one.changed:
                _delete(one.path)
                freed += one.size
    return freed


def remove_runs(store: Store, ids: Iterable[str], ask: Callable[[], None] = lambda: None) -> None:
    """Remove runs, finished or not; `ask` may raise, once it is known that they can be removed.

    Raises:
        RunError: if a process carries one of them out; then none is removed.
    """
    ids = list(ids)
    if taken := [run_id for run_id in ids if held(lock_of(store, run_id))]:
        raise RunError(f"{len(taken)} of them are going on, such as {taken[0]}: wait for them, or stop them")
    ask()
    for run_id in ids:
        with owning(store, run_id) as mine:
            if not mine:
                raise RunError(f"{run_id} is going on since just now: wait for it, or stop it")
            for path in (store.folder / run_id, store.folder / f"{run_id}{_PARTIAL}"):
                # Away at once: whoever dies in between leaves no half of a run.
                away = path.with_name(f".{run_id[:60]}.{uuid4().hex[:8]}")
                with suppress(FileNotFoundError):
                    path.rename(away)
                    _delete(away)


def size_of(path: Path) -> int:
    """Return the bytes of a file or of all below a folder."""
    return _measured(path)[0]


def _found(store: Store, before: float) -> Iterator[Waste]:
    for path in store.folder.iterdir():
        name = path.name
        if name == FOLDER:
            for damaged in path.iterdir():
                size, changed = _measured(damaged)
                if max(changed, damaged.lstat().st_ctime) < before:  # the second is when it was set aside
                    yield Waste(damaged, "set aside as damaged", damaged.name, size, changed)
        elif name.endswith(_PARTIAL) and not name.startswith("."):
            yield from _partial(store, path, before)
        elif (half := _SCRATCH.fullmatch(name)) and not _owned(store, half.group(1)):
            size, changed = _measured(path)
            if changed < before:
                yield Waste(path, "half written", half.group(1), size, changed)
        elif name.startswith(".") and name.endswith(_LOCK) and not held(path):
            with locked(path, wait=False):  # whoever held it was killed; it goes with the lock
                pass


def _partial(store: Store, path: Path, before: float) -> Iterator[Waste]:
    run_id = path.name.removesuffix(_PARTIAL)
    if _owned(store, run_id):
        return
    size, changed = _measured(path)
    finished = (store.folder / run_id / FILE).is_file()
    if finished or changed < before:
        yield Waste(path, _FINISHED if finished else _OLD, run_id, size, changed)


def _owned(store: Store, run_id: str) -> bool:
    return held(lock_of(store, run_id))


def _measured(path: Path) -> tuple[int, float]:
    """Return the bytes below a path and when any of it was last changed."""
    size, changed = 0, 0.0
    for one in (path, *(path.rglob("*") if path.is_dir() and not path.is_symlink() else ())):
        with suppress(OSError):  # it has gone meanwhile
            found = one.lstat()
            size, changed = size + (0 if one.is_dir() else found.st_size), max(changed, found.st_mtime)
    return size, changed


def _delete(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
