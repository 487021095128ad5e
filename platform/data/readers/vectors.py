"""Vectors of the entities, in whatever format they were published, checked, as `Features`."""

import operator
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from kgprism.platform.data.graph import Features
from kgprism.platform.data.readers import feature_files
from kgprism.platform.errors import DataError, first_line

#: File stems by modality: this project's plain layout, then the names the completion benchmarks publish.
STEMS = {"image": ("image_features", "*-visual"), "text": ("text_features", "*-textual")}


def features(file: Path, modality: str, *graphs: pd.Index, found: Any = None) -> list[Features]:
    """Return the vectors of each graph's entities; `found` is what the file holds, if it was read already.

    `graphs` hold the ids that the file uses, in the order of each graph's entities. A file without ids has one row an
    entity, in the order of the ids. Float16 values stay as they are, any others become float32.

    Raises:
        DataError: unreadable file, id unknown or given twice, rows that do not match, a value that is not finite.
    """
    keys, values = _rows(file, modality, feature_files.load(file) if found is None else found)
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
    return np.union1d(listed, features["image"].known.entities) if "image" in features else np.unique(listed)


def check_widths(left: Mapping[str, Features], right: Mapping[str, Features], files: Mapping[str, Path]) -> None:
    """Refuse vectors of one modality that differ in width; `files` are those of the right graph.

    Raises:
        DataError: naming the right graph's file.
    """
    for modality in sorted(left.keys() & right.keys() & files.keys()):
        wanted, found = (graph[modality].values.shape[1] for graph in (left, right))
        if wanted != found:
            raise DataError(
                f"{files[modality]}: {modality}: expected vectors {wanted} wide, as in the other graph, found {found}"
            )


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


def _rows(file: Path, modality: str, found: Any) -> tuple[np.ndarray | None, np.ndarray]:
    """Return a file's ids (none if rows stand for entities) and its vectors ``(rows, width)``."""
    keys = None
    if isinstance(found, Mapping) and set(found) == {"ids", "values"}:
        keys, found = np.asarray(found["ids"]).reshape(-1), found["values"]
    elif isinstance(found, Mapping) and len(found) == 1 and isinstance(next(iter(found)), str):
        (found,) = found.values()
    try:
        if isinstance(found, Mapping):
            keys, found = _keyed(found)
        values = _numbers(found)
        if keys is not None and keys.dtype.kind not in "iu":
            raise TypeError(f"ids of type {keys.dtype}")
    except (ValueError, TypeError, OverflowError, RuntimeError) as error:
        reason = first_line(error)[:200]
        raise DataError(f"{file}: {modality}: expected vectors of equal width by entity id ({reason})") from None
    if values.ndim != 2 or values.shape[1] == 0:
        raise DataError(f"{file}: {modality}: expected an array (entities, width), found the shape {values.shape}")
    return keys, values


def _keyed(found: Mapping[Any, Any]) -> tuple[np.ndarray, np.ndarray]:
    keys = np.array([_id(key) for key in found], np.int64)
    return keys, np.stack([_numbers(vector, f"entity {key}: ").reshape(-1) for key, vector in found.items()])


def _id(key: Any) -> int:
    """Return an id, which is text where a format has text only."""
    if isinstance(key, str) and re.fullmatch("[0-9]{1,18}", key):
        return int(key)
    if isinstance(key, bool):
        raise TypeError(f"an id of type bool, {key}")
    try:
        number = operator.index(key)
    except TypeError:
        raise TypeError(f"an id of type {type(key).__name__}, {str(key)[:40]!r}") from None
    if not -(2**63) <= number < 2**63:
        raise OverflowError("an id of more than 64 bits")
    return number


def _numbers(found: Any, place: str = "") -> np.ndarray:
    """Return an array of float16 or float32; `place` begins what is said of anything but numbers and truth values."""
    import torch  # where numbers are read: a dataset that is only named needs none

    if isinstance(found, torch.Tensor):
        if found.is_quantized or found.is_nested or found.is_complex() or found.layout != torch.strided:
            raise TypeError(f"{place}a tensor of type {found.dtype}, {found.layout}")
        # A table saved from an embedding layer still asks for its gradient.
        found = (found if found.dtype == torch.float16 else found.float()).detach().numpy()
    array = np.asarray(found)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"{place}values of type {_type(found) if array.dtype.kind == 'O' else array.dtype}")
    with np.errstate(over="ignore"):  # what float32 cannot hold is named as infinite later
        return array if array.dtype == np.float16 else array.astype(np.float32, copy=False)


def _type(found: Any) -> str:
    """Name the type of the first thing inside that is no list."""
    while isinstance(found, list | tuple) and found:
        found = found[0]
    return type(found).__name__
