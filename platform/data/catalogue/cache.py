"""Parsed datasets as memory-mapped arrays, keyed by the bytes they came from; safe to delete at any moment."""

import hashlib
import json
import os
import shutil
import time
from contextlib import suppress
from functools import cache
from pathlib import Path

import numpy as np
from pydantic import BaseModel, TypeAdapter

from kgprism.platform import source
from kgprism.platform.configuration import digest
from kgprism.platform.data import graph
from kgprism.platform.data.graph import Dataset, dataset_of, fingerprint
from kgprism.platform.data.readers import layouts
from kgprism.platform.errors import DataError
from kgprism.platform.files import replacing
from kgprism.platform.home import home
from kgprism.platform.kept import DamagedError, set_aside

#: A file that changed less than two seconds ago may change again within one tick of its clock.
_SETTLED = 2_000_000_000

#: Size, time of the last change and of the last change of state, digest.
_Known = tuple[int, int, int, str]


class _Index(BaseModel):
    """What ``index.json`` of an entry holds."""

    folder: str
    fingerprint: str
    arrays: dict[str, str]


def load(name: str, folder: Path) -> Dataset:
    """Return the dataset in `folder`, from the cache if these very bytes were read before.

    An entry that is damaged is set aside, and made again.

    Raises:
        DataError: if the files cannot be read as what they claim to be.
    """
    entry = home() / "cache" / "datasets" / _key(folder)
    found = _open(name, entry)
    if found is None:
        if os.path.lexists(entry):
            with suppress(DataError):  # where nothing can be moved, such as in a read-only home, it is done without
                set_aside(entry, DamagedError("not what was written"))
        found = layouts.read(name, folder)
        # Files that changed while they were read must not be kept under the digest they had before.
        if _key(folder) == entry.name:
            _write(found, folder, entry)
    return found


def forget(folder: Path) -> None:
    """Delete the entries of a folder."""
    for entry in (home() / "cache" / "datasets").glob("[!.]*"):
        if _folder(entry) == os.path.abspath(folder):
            shutil.rmtree(entry, ignore_errors=True)


def contents(folder: Path) -> dict[str, str]:
    """Return the digest of every file that the layout of `folder` reads, by its path as seen from there."""
    memory = home() / "cache" / "hashes.json"
    before = _remembered(memory)
    after, found = dict(before), {}
    for path in layouts.recognise(folder).files(folder):
        state = os.stat(path)
        stamp = (state.st_size, state.st_mtime_ns, state.st_ctime_ns)
        place = os.path.abspath(path)
        if before.get(place, ())[:3] != stamp:
            after[place] = (*stamp, _hash(path))
        found[os.path.relpath(path, folder)] = after[place][3]
        if time.time_ns() - max(stamp[1:]) < _SETTLED:
            del after[place]
    if after != before:
        text = json.dumps({place: known for place, known in after.items() if os.path.exists(place)})
        # What cannot be remembered is read again.
        with suppress(OSError), replacing(memory) as scratch:
            scratch.write_text(text, encoding="utf-8")
    return found


def digest_of(data: bytes) -> str:
    """Return what `contents` has for a file of these bytes."""
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def _hash(path: Path) -> str:
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


def _remembered(memory: Path) -> dict[str, _Known]:
    """Return the digests that are known; none where the file is not what it should be: they are made again."""
    try:
        return TypeAdapter(dict[str, _Known]).validate_json(memory.read_bytes())
    except (OSError, ValueError):
        return {}


def _key(folder: Path) -> str:
    return digest(layouts.recognise(folder).name, contents(folder), readers_digest())


#: What turns bytes into arrays and back.
ROOTS = (layouts.__name__, graph.__name__)


@cache
def readers_digest() -> str:
    """Digest the code that turns bytes into arrays, so that a changed reader never meets an old entry."""
    return source.digest_of(*ROOTS)


def _open(name: str, entry: Path) -> Dataset | None:
    """Return the dataset of an entry; nothing if there is no entry or it is damaged in any bit."""
    try:
        index = _Index.model_validate_json((entry / "index.json").read_bytes())
        # asarray: a plain array over the mapped file, which Ray can share without a copy.
        arrays = {key: np.asarray(np.load(entry / file, mmap_mode="r")) for key, file in index.arrays.items()}
    except (OSError, ValueError, TypeError, ArithmeticError, EOFError, SyntaxError):
        return None
    if not arrays or fingerprint(arrays) != index.fingerprint:
        return None
    dataset = dataset_of(name, arrays)
    # What has just been computed is what the property would compute once more.
    vars(dataset)["fingerprint"] = index.fingerprint
    return dataset


def _write(dataset: Dataset, folder: Path, entry: Path) -> None:
    """Write an entry, whole or not at all; older entries of the same folder go.

    Where nothing can be written, such as in a read-only home or on a full disk, the files are read each time; another
    process may also have been faster, with the same bytes.
    """
    arrays = dataset.arrays()
    names = {key: f"{number}.npy" for number, key in enumerate(sorted(arrays))}
    index = _Index(folder=os.path.abspath(folder), fingerprint=dataset.fingerprint, arrays=names)
    with suppress(OSError), replacing(entry) as scratch:
        scratch.mkdir()
        for key, file in names.items():
            np.save(scratch / file, arrays[key])
        (scratch / "index.json").write_text(index.model_dump_json(), encoding="utf-8")
        for old in entry.parent.glob("[!.]*"):
            if old == entry or _folder(old) == index.folder:
                shutil.rmtree(old, ignore_errors=True)
        if entry.is_file():
            entry.unlink()


def _folder(entry: Path) -> str:
    try:
        return _Index.model_validate_json((entry / "index.json").read_bytes()).folder
    except (OSError, ValueError):
        return ""
