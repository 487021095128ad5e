"""Parsed datasets as memory-mapped arrays, keyed by the bytes they came from; safe to delete at any moment."""

import hashlib
import json
import os
import shutil
import time
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np

from kgprism.platform.configuration import digest
from kgprism.platform.data import layouts
from kgprism.platform.data.graph import Dataset, dataset_of, fingerprint
from kgprism.platform.home import home

#: A file that changed less than two seconds ago may change again within one tick of its clock.
_SETTLED = 2_000_000_000


def load(name: str, folder: Path) -> Dataset:
    """Return the dataset in `folder`, from the cache if these very bytes were read before.

    Raises:
        DataError: if the files cannot be read as what they claim to be.
    """
    entry = home() / "cache" / "datasets" / _key(folder)
    found = _open(name, entry)
    if found is None:
        found = layouts.read(name, folder)
        # Files that changed while they were read must not be kept under the digest they had before.
        if _key(folder) == entry.name:
            _write(found, folder, entry)
    return found


def contents(folder: Path) -> dict[str, str]:
    """Return the digest of every file that the layout of `folder` reads, by its path as seen from there."""
    memory = home() / "cache" / "hashes.json"
    before = _remembered(memory)
    after, found = dict(before), {}
    for path in layouts.recognise(folder).files(folder):
        state = os.stat(path)
        stamp = [state.st_size, state.st_mtime_ns, state.st_ctime_ns]
        place = os.path.abspath(path)
        if before.get(place, [])[:3] != stamp:
            after[place] = [*stamp, _hash(path)]
        found[os.path.relpath(path, folder)] = after[place][3]
        if time.time_ns() - max(stamp[1:]) < _SETTLED:
            del after[place]
    if after != before:
        _replace(memory, json.dumps({place: known for place, known in after.items() if os.path.exists(place)}))
    return found


def digest_of(data: bytes) -> str:
    """Return what `contents` has for a file of these bytes."""
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def _hash(path: Path) -> str:
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


def _remembered(memory: Path) -> dict[str, list[Any]]:
    try:
        return dict(json.loads(memory.read_text()))
    except (FileNotFoundError, ValueError, TypeError):
        return {}


def _replace(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid4().hex}")
    temporary.write_text(text)
    temporary.replace(path)


def _key(folder: Path) -> str:
    return digest(layouts.recognise(folder).name, contents(folder), _readers())


@cache
def _readers() -> str:
    """Digest the code that turns bytes into arrays, so that a changed reader never meets an old entry."""
    sources = sorted(
        (e for e in files("kgprism.platform.data").iterdir() if e.name.endswith(".py")), key=lambda e: e.name
    )
    return digest([source.read_text(encoding="utf-8") for source in sources])


def _open(name: str, entry: Path) -> Dataset | None:
    """Return the dataset of an entry; nothing if there is no entry or it is damaged in any bit."""
    try:
        index = json.loads((entry / "index.json").read_text())
        # asarray: a plain array over the mapped file, which Ray can share without a copy.
        arrays = {key: np.asarray(np.load(entry / file, mmap_mode="r")) for key, file in index["arrays"].items()}
    except (OSError, ValueError, KeyError, TypeError, EOFError):
        return None
    if fingerprint(arrays) != index.get("fingerprint"):
        return None
    dataset = dataset_of(name, arrays)
    # What has just been computed is what the property would compute once more.
    vars(dataset)["fingerprint"] = index["fingerprint"]
    return dataset


def _write(dataset: Dataset, folder: Path, entry: Path) -> None:
    """Write an entry under a temporary name and rename it; older entries of the same folder go."""
    temporary = entry.with_name(f".{entry.name}.{uuid4().hex}")
    temporary.mkdir(parents=True)
    arrays = dataset.arrays()
    names = {key: f"{number}.npy" for number, key in enumerate(sorted(arrays))}
    for key, file in names.items():
        np.save(temporary / file, arrays[key])
    index = {"folder": os.path.abspath(folder), "fingerprint": dataset.fingerprint, "arrays": names}
    (temporary / "index.json").write_text(json.dumps(index))
    for old in entry.parent.glob("[!.]*"):
        if old == entry or _folder(old) == index["folder"]:
            shutil.rmtree(old, ignore_errors=True)
    try:
        temporary.rename(entry)
    except OSError:
        # Another process was faster, with the same bytes.
        shutil.rmtree(temporary, ignore_errors=True)


def _folder(entry: Path) -> str:
    try:
        return str(json.loads((entry / "index.json").read_text())["folder"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""
