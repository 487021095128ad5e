"""Feature files: vectors of the entities in whatever format they were published, checked, as `Features`."""

import operator
import pickle
import re
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from kgprism.platform.data import pickles
from kgprism.platform.data.graph import Features
from kgprism.platform.errors import DataError

#: File stems by modality: this project's plain layout, then the names the completion benchmarks publish.
STEMS = {"image": ("image_features", "*-visual"), "text": ("text_features", "*-textual")}
SUFFIXES = (".npz", ".npy", ".safetensors", ".pt", ".pth", ".pkl", ".pickle")


def find(folder: Path, *stems: str) -> Path | None:
    """Return the one feature file with such a stem (a glob pattern), or none.

    Raises:
        DataError: if there are several.
    """
    found = sorted(f for stem in stems for f in folder.glob(f"{stem}.*") if f.suffix in SUFFIXES)
    if len(found) > 1:
        raise DataError(f"{folder}: expected one feature file, found {found[0].name} and {found[1].name}; keep one")
    return found[0] if found else None


def features(file: Path, modality: str, *graphs: pd.Index) -> list[Features]:
    """Return the vectors of each graph's entities.

    `graphs` hold the ids that the file uses, in the order of each graph's entities. A file without ids has one row an
    entity, in the order of the ids. Float16 values stay as they are, any others become float32.

    Raises:
        DataError: unreadable file, id unknown or given twice, rows that do not match, a value that is not finite.
    """
    keys, values = _rows(file, modality)
    if keys is None:
        keys = np.sort(np.concatenate(graphs))
        if len(values) != len(keys):
            raise DataError(f"{file}: {modality}: expected {len(keys)} rows, one an entity, found {len(values)}")
    return placed(file, modality, keys, values, *graphs)


def placed(file: Path, modality: str, keys: np.ndarray, values: np.ndarray, *graphs: pd.Index) -> list[Features]:
    """Return the rows ``(keys, width)`` of each graph's entities; raises as `features` does."""
    if len(keys) != len(values):
        raise DataError(f"{file}: {modality}: expected a row for each of {len(keys)} ids, found {len(values)} rows")
    twice = pd.Index(keys).duplicated()
    if twice.any():
        raise DataError(f"{file}: {modality}: expected every id once, found {keys[twice.argmax()]} again")
    _check_finite(file, modality, values)
    places = [graph.get_indexer(keys) for graph in graphs]
    unknown = np.all([place < 0 for place in places], axis=0)
    if unknown.any():
        row = int(unknown.argmax())
        raise DataError(f"{file}: {modality}: row {row} is for the unknown entity {keys[row]}")
    return [_ascending(place, values) for place in places]


def pictured(features: Mapping[str, Features], indexed: Sequence[int] | np.ndarray = ()) -> np.ndarray:
    """Return the ascending ids of the entities that have an image by an image index or by a feature file."""
    listed = np.asarray(indexed, np.int64)
    return np.union1d(listed, features["image"].entities) if "image" in features else np.unique(listed)


def _ascending(place: np.ndarray, values: np.ndarray) -> Features:
    """Return the rows that have a place, in the order of their places."""
    order = np.argsort(place, kind="stable")
    order = order[np.searchsorted(place[order], 0) :]
    return Features(place[order].astype(np.int64), values[order])


def _check_finite(file: Path, modality: str, values: np.ndarray) -> None:
    # A sum is finite unless a term is not or it overflows: the exact look is only needed then.
    with np.errstate(over="ignore", invalid="ignore"):
        suspects = np.flatnonzero(~np.isfinite(values.sum(axis=1, dtype=np.float32)))
    for row in suspects:
        wrong = values[row][~np.isfinite(values[row])]
        if len(wrong):
            raise DataError(f"{file}: {modality}: row {row} holds {wrong[0]}")


def _rows(file: Path, modality: str) -> tuple[np.ndarray | None, np.ndarray]:
    """Return a file's ids (none if rows stand for entities) and its vectors ``(rows, width)``."""
    found = _load(file)
    keys = None
    if isinstance(found, Mapping) and set(found) == {"ids", "values"}:
        keys, found = np.asarray(found["ids"]).reshape(-1), found["values"]
    elif isinstance(found, Mapping) and len(found) == 1 and isinstance(next(iter(found)), str):
        (found,) = found.values()
    try:
        if isinstance(found, Mapping):
            keys = np.array([operator.index(key) for key in found], np.int64)
            found = np.stack([_numbers(vector).reshape(-1) for vector in found.values()])
        values = _numbers(found)
        if keys is not None and keys.dtype.kind not in "iu":
            raise TypeError(f"ids of type {keys.dtype}")
    except (ValueError, TypeError) as error:
        raise DataError(f"{file}: {modality}: expected vectors of equal width by entity id ({error})") from None
    if values.ndim != 2 or values.shape[1] == 0:
        raise DataError(f"{file}: {modality}: expected an array (entities, width), found the shape {values.shape}")
    return keys, values


def _numbers(found: Any) -> np.ndarray:
    if isinstance(found, torch.Tensor):
        # A table saved from an embedding layer still asks for its gradient.
        found = (found if found.dtype == torch.float16 else found.float()).detach().numpy()
    array = np.asarray(found)
    return array if array.dtype == np.float16 else array.astype(np.float32, copy=False)


def _load(file: Path) -> Any:
    """Return what a feature file holds, without ever running code from it."""
    try:
        match file.suffix:
            case ".npy":
                return np.load(file, allow_pickle=False)
            case ".npz":
                with np.load(file, allow_pickle=False) as stored:
                    return dict(stored)
            case ".safetensors":
                return load_file(file)
            case ".pt" | ".pth":
                return _tensors(file)
            case _:
                return pickles.load(file)
    except _DAMAGE as error:
        reason = str(error).partition("\n")[0] or "it is damaged"
        raise DataError(f"{file}: cannot be read: {reason}") from None


#: What the five formats' readers raise for files that are cut, altered or something else altogether.
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
    try:
        return torch.load(file, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(file))
    except pickle.UnpicklingError as error:
        # torch's own message is a paragraph that advises to switch the check off.
        asked = re.search(r"GLOBAL (\S+)", str(error))
        raise pickle.UnpicklingError(
            f"refused, it asks for '{asked[1]}'; tensors and plain containers are read"
            if asked
            else "no file of tensors"
        ) from None
