"""Another store's finished runs, copied into this one."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from kgprism.platform.errors import ConfigurationError
from kgprism.platform.files import replacing
from kgprism.platform.studies.store.listing import entries
from kgprism.platform.studies.store.runs import Store
from kgprism.platform.studies.store.verification import problems


@dataclass(frozen=True)
class Merged:
    """What became of one run of the other store; an unfinished one is left, as its checkpoint is its home's."""

    id: str
    what: Literal["copied", "there already", "damaged", "unfinished"]
    told: str = ""


def opened(folder: Path, store: Store) -> Store:
    """Return the store of a folder: a home, or its ``runs``.

    Raises:
        ConfigurationError: if there are no runs, or it is this store.
    """
    own = Store((folder / "runs" if (folder / "runs").is_dir() else folder).resolve())
    if not own.folder.is_dir():
        raise ConfigurationError(f"{folder}: no such folder")
    if own.folder == store.folder.resolve():
        raise ConfigurationError(f"{folder}: that is this store")
    if not any(own.folder.glob("[!.]*/run.json")):
        raise ConfigurationError(f"{folder}: no finished run there, and none in a folder runs")
    return own


def merge(store: Store, other: Store) -> Iterator[Merged]:
    """Copy what this store lacks, each run whole or not at all; runs that are there are left as they are."""
    for entry in entries(other):
        if entry.state in ("running", "failed", "partial"):
            yield Merged(entry.id, "unfinished", entry.told)
        elif store.has(entry.id):
            yield Merged(entry.id, "there already")
        elif wrong := problems(other.folder / entry.id):
            yield Merged(entry.id, "damaged", wrong[0])
        else:
            yield Merged(entry.id, "copied" if _copied(other.folder / entry.id, store) else "there already")


def _copied(source: Path, store: Store) -> bool:
    """Copy a run; return false if another process has finished the same one meanwhile."""
    target = store.folder / source.name
    try:
        with replacing(target) as scratch:
            shutil.copytree(source, scratch)
            if not store.has(source.name):  # a folder without a record is half a copy from elsewhere
                shutil.rmtree(target, ignore_errors=True)
    except OSError:
        if not store.has(source.name):
            raise
        return False
    return True
