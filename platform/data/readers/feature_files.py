"""Feature files: which of a folder's files they are, and what each format holds, without ever running code from it."""

import pickle
import re
import struct
import tokenize
import warnings
import zipfile
import zlib
from collections.abc import Collection, Iterator
from fnmatch import fnmatchcase
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError

from kgprism.platform.data.readers import pickles
from kgprism.platform.errors import DataError, first_line

#: Upper and lower case are the same in all that is looked for here.
SUFFIXES = (".npz", ".npy", ".safetensors", ".pt", ".pth", ".pkl", ".pickle")
HDF5 = (".h5", ".hdf5")
#: What PyKEEN stores beside triples, which is no vector of any entity.
_NO_FEATURES = ("base.pth", "metadata.pth")
#: In a file's name: somebody meant it for features.
_WORDS = re.compile(r"im(?:g|age)(?!_?index)|visual|textual|feat", re.IGNORECASE)


def readable(file: Path) -> bool:
    """Tell whether a feature file's ending is one that can be read here; HDF5 needs the extra `h5`."""
    suffix = file.suffix.lower()
    return suffix in SUFFIXES or (suffix in HDF5 and find_spec("h5py") is not None)


def find(folder: Path, *stems: str) -> Path | None:
    """Return the one readable feature file with such a stem (a pattern in lower case), or none.

    Raises:
        DataError: if there are several.
    """
    files = [file for file in sorted(folder.glob("*")) if file.is_file() and readable(file)]
    found = [file for file in files if any(fnmatchcase(file.name.lower(), f"{stem}.*") for stem in stems)]
    if len(found) > 1:
        raise DataError(f"{folder}: expected one feature file, found {found[0].name} and {found[1].name}; keep one")
    return found[0] if found else None


def passed_over(folder: Path, read: Collection[Path]) -> list[str]:
    """Return a line for each file that looks like features but is not among those that are read."""
    places = sorted({folder, *(file.parent for file in read if folder in file.parents)})
    left = sorted({file for place in places for file in place.glob("*") if file.is_file()} - set(read))
    return [f"{file} is passed over: {why}" for file in left for why in _reasons(file)]


def _reasons(file: Path) -> Iterator[str]:
    suffix = file.suffix.lower()
    if suffix in HDF5 and not readable(file):
        yield 'to read HDF5, pip install "kgprism[h5]"'
    elif readable(file) and file.name not in _NO_FEATURES:
        yield "no features are looked for under this name in this layout"
    elif suffix == ".zip" and _WORDS.search(file.name):
        yield "features are made of raw pictures by `kgprism data features NAME --images`"
    elif _WORDS.search(file.name):
        yield f"features are read from {', '.join((*SUFFIXES, HDF5[0]))}"


def load(file: Path) -> Any:
    """Return what a feature file holds: an array, or a mapping of names or ids to arrays.

    Raises:
        DataError: if it is damaged, or asks for more than arrays and plain containers.
    """
    try:
        match file.suffix.lower():
            case ".npy":
                return np.load(file, allow_pickle=False)
            case ".npz":
                with np.load(file, allow_pickle=False) as stored:
                    return dict(stored)
            case ".safetensors":
                from safetensors.torch import load_file  # torch, here and below, which only its own files need

                return load_file(file)
            case ".pt" | ".pth":
                return _tensors(file)
            case ".h5" | ".hdf5":
                return _hdf5(file)
            case _:
                return pickles.load(file)
    except _DAMAGE as error:
        raise DataError(f"{file}: cannot be read: {first_line(error)[:200]}") from None


#: What the formats' readers raise for files that are cut, altered or something else altogether.
_DAMAGE = (
    OSError,
    EOFError,
    ValueError,
    TypeError,
    AttributeError,
    LookupError,
    ArithmeticError,
    AssertionError,
    MemoryError,
    RuntimeError,
    SyntaxError,
    pickle.UnpicklingError,
    struct.error,
    tokenize.TokenError,
    zipfile.BadZipFile,
    zlib.error,
    SafetensorError,
)


def _tensors(file: Path) -> Any:
    import torch

    try:
        with warnings.catch_warnings():
            # About old files and types, none of which is the reader's to mend.
            warnings.simplefilter("ignore")
            return torch.load(file, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(file))
    except pickle.UnpicklingError as error:
        # torch's own message is a paragraph that advises to switch the check off.
        asked = re.search(r"GLOBAL (\S+)", str(error))
        raise pickle.UnpicklingError(
            f"refused, it asks for '{asked[1]}'; tensors and plain containers are read"
            if asked
            else "no file of tensors"
        ) from None


def _hdf5(file: Path) -> dict[str, np.ndarray]:
    """Return the arrays of a file without groups."""
    h5py = import_module("h5py")
    found = {}
    with h5py.File(file) as stored:
        for name, node in stored.items():
            if not isinstance(node, h5py.Dataset):
                raise TypeError(f"'{name}' is no array")
            found[name] = np.asarray(node)
    return found
