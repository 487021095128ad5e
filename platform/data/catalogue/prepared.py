"""What is made of a dataset for methods, as files that all processes of a node map; safe to delete at any moment.

A feature table of DBP15K takes hundreds of MB: every trial of a search would make and hold its own.
"""

import os
import shutil
import socket
from collections.abc import Callable
from contextlib import ExitStack, suppress
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

from kgprism.platform import source
from kgprism.platform.configuration import digest
from kgprism.platform.data.graph import Dataset, fingerprint
from kgprism.platform.data.inputs import features
from kgprism.platform.data.once import Arrays
from kgprism.platform.errors import DataError
from kgprism.platform.files import replacing
from kgprism.platform.home import home
from kgprism.platform.kept import DamagedError, Kept, read, set_aside
from kgprism.platform.locks import locked

#: Bytes: less is made sooner than it is looked for.
LEAST = 2**24
#: Bytes of a node's files; those that were not used for the longest time go first.
MOST = 8 * 2**30
#: A disk must have so many times what is to be written, or it is left to the runs.
_ROOM = 4


class _Index(Kept):
    """What ``index.json`` of an entry holds."""

    dataset: str
    fingerprint: str
    arrays: dict[str, str]


def once_a_node(dataset: Dataset, what: tuple[Any, ...], make: Callable[[], Arrays]) -> Arrays:
    """Return what `make` does, mapped from a file that one process of this node has written; a `Keeper`.

    Every byte is compared with its digest when a process opens it. Who writes into an array writes into a copy.
    """
    # Each node has files of its own: on a shared home, one must not delete what another has mapped.
    entry = _folder() / socket.gethostname() / digest(dataset.fingerprint, _code(), list(what))
    if found := _open(entry):
        return found
    with ExitStack() as stack:
        with suppress(OSError, DataError):  # without a lock two processes make it, and one of them keeps it
            stack.enter_context(locked(entry.with_name(f".{entry.name}.lock")))
        if found := _open(entry):  # another process has made it meanwhile
            return found
        made = make()
        size = sum(array.nbytes for array in made.values())
        return (_written(entry, dataset.name, made, size) if size >= LEAST else None) or made


def forget(name: str) -> None:
    """Delete what was made of a dataset."""
    for index in _folder().glob("*/*/index.json"):
        with suppress(DataError):
            if (known := read(index, _Index)) and known.dataset == name:
                shutil.rmtree(index.parent, ignore_errors=True)


def _folder() -> Path:
    return home() / "cache" / "prepared"


@cache
def _code() -> str:
    """Digest the code that makes the arrays, and what it calculates with: changed code never meets an old entry."""
    return digest(source.digest_of(features.__name__), np.__version__, torch.__version__)


def _open(entry: Path) -> Arrays | None:
    """Return the arrays of an entry; none if there is none, or if it is damaged in any bit: then it is set aside."""
    try:
        index = read(entry / "index.json", _Index)
        found = _mapped(entry, index) if index else None
        if found is None and not os.path.lexists(entry):
            return None
        if index and found and fingerprint(dict(found)) == index.fingerprint:
            with suppress(OSError):
                os.utime(entry / "index.json")  # used now
            return found
    except (DamagedError, OSError, ValueError, EOFError, SyntaxError):
        pass
    except DataError:  # it may not be read
        return None
    with suppress(DataError):
        set_aside(entry, DamagedError("not what was written"))
    return None


def _mapped(entry: Path, index: _Index) -> Arrays:
    return {name: np.asarray(np.load(entry / file, mmap_mode="c")) for name, file in index.arrays.items()}


def _written(entry: Path, dataset: str, made: Arrays, size: int) -> Arrays | None:
    """Write an entry, whole or not at all, and return it mapped, so that what was made can go; none if it cannot be."""
    names = {name: f"{number}.npy" for number, name in enumerate(sorted(made))}
    index = _Index(dataset=dataset, fingerprint=fingerprint(dict(made)), arrays=names)
    with suppress(OSError):
        entry.parent.mkdir(parents=True, exist_ok=True)
        if shutil.disk_usage(entry.parent).free < _ROOM * size:
            return None
        with replacing(entry) as scratch:
            scratch.mkdir()
            for name, file in names.items():
                np.save(scratch / file, made[name])
            (scratch / "index.json").write_text(index.model_dump_json(), encoding="utf-8")
        _make_room(entry)
        return _mapped(entry, index)
    return None


def _make_room(newest: Path) -> None:
    """Delete the entries that were not used for the longest time; who has them mapped keeps them."""
    left = MOST
    indices = {index: index.stat().st_mtime for index in newest.parent.glob("[!.]*/index.json")}
    for index in sorted(indices, key=lambda index: (index.parent != newest, -indices[index])):
        left -= sum(file.stat().st_size for file in index.parent.iterdir())
        if left < 0 and index.parent != newest:
            shutil.rmtree(index.parent, ignore_errors=True)
