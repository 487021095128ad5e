"""One safetensors file of vectors with a header, written with the same bytes each time and read without a copy.

The library writes its header in no fixed order: the same vectors would be other bytes each time.
"""

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from kgprism.platform.data.graph import Features
from kgprism.platform.errors import DataError, first_line

FORMAT = "kgprism.features/1"
_TYPES: dict[str, np.dtype[Any]] = {"I64": np.dtype("<i8"), "F16": np.dtype("<f2"), "F32": np.dtype("<f4")}
#: Bytes: no header of ours is longer.
_LONGEST = 2**24


@dataclass(frozen=True)
class Found:
    """What a file holds: its vectors, mapped, and what its header says."""

    vectors: Features
    said: Mapping[str, str]


class _Said(BaseModel):
    """The header's words, all of them text."""

    model_config = ConfigDict(extra="allow", strict=True)

    format: str
    encoder: str
    weights: str
    library: str
    preprocessing: str
    pool: str
    counts: str
    labels: str
    content: str


class _Tensor(BaseModel):
    """Where a tensor lies."""

    model_config = ConfigDict(extra="forbid", strict=True)

    dtype: str
    shape: list[int]
    data_offsets: list[int]


class _Head(BaseModel):
    """The whole header of a file of ours."""

    model_config = ConfigDict(extra="forbid", strict=True)

    said: _Said = Field(alias="__metadata__")
    entities: _Tensor
    values: _Tensor


def describe(header: Any, side: str) -> dict[str, str]:
    """Return what the header of one side's file says of what made the set (`feature_sets.Header`)."""
    said = {key: getattr(header, key) for key in ("encoder", "weights", "library", "preprocessing", "pool")}
    counts = {key: int(count) for key, count in header.counts.get(side, {}).items()}
    return {"format": FORMAT, **said, "counts": json.dumps(counts, sort_keys=True)}


def write_vectors(file: Path, vectors: Features, said: Mapping[str, str]) -> None:
    """Write vectors and what is said of them as safetensors."""
    head: dict[str, Any] = {"__metadata__": dict(sorted(said.items()))}
    names = {dtype: word for word, dtype in _TYPES.items()}
    arrays, start = {"entities": vectors.entities, "values": vectors.values}, 0
    for name, array in arrays.items():
        head[name] = {
            "dtype": names[array.dtype.newbyteorder("<")],
            "shape": list(array.shape),
            "data_offsets": [start, start + array.nbytes],
        }
        start += array.nbytes
    text = json.dumps(head, ensure_ascii=True, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with file.open("wb") as stream:
        stream.write(struct.pack("<Q", len(text)) + text)
        for array in arrays.values():
            stream.write(np.ascontiguousarray(array, array.dtype.newbyteorder("<")).data)


def open_vectors(file: Path) -> Found:
    """Return what a file of ours holds, mapped; only its header is read.

    Raises:
        DataError: if it is damaged or comes from elsewhere.
    """
    try:
        with file.open("rb") as stream:
            (length,) = struct.unpack("<Q", stream.read(8))
            if length > _LONGEST:
                raise ValueError("no header of safetensors")
            head = _Head.model_validate_json(stream.read(length))
        if head.said.format != FORMAT:
            raise ValueError(f"of the format {head.said.format[:40]!r}, expected {FORMAT}")
        TypeAdapter(dict[str, int]).validate_json(head.said.counts)
        size = file.stat().st_size - 8 - length
        entities, values = (_array(file, tensor, 8 + length, size) for tensor in (head.entities, head.values))
        if size != entities.nbytes + values.nbytes or entities.dtype != np.int64 or values.ndim != 2:
            raise ValueError("tensors of other sizes or types than a set has")
        return Found(Features(entities, values), head.said.model_dump())
    except ValidationError as error:
        place = ".".join(str(step) for step in error.errors()[0]["loc"])[:80]
        told = first_line(error.errors()[0]["msg"])
        raise DataError(f"{file}: no features of kgprism's: {place + ': ' if place else ''}{told}") from None
    except (ValueError, struct.error) as error:
        raise DataError(f"{file}: damaged, or no features of kgprism's: {first_line(error)}") from None
    except OSError as error:
        raise DataError(f"{file}: cannot be read: {error.strerror or error}") from None


def _array(file: Path, tensor: _Tensor, start: int, size: int) -> np.ndarray:
    """Map one tensor; the file's own numbers are not believed."""
    if tensor.dtype not in _TYPES or min(tensor.shape, default=-1) < 0 or len(tensor.data_offsets) != 2:
        raise ValueError(f"a tensor of type {tensor.dtype[:20]}, shape {tensor.shape[:4]}")
    dtype, (first, last) = _TYPES[tensor.dtype], tensor.data_offsets
    count = 1
    for length in tensor.shape:
        count *= length
    if not 0 <= first <= last <= size or last - first != count * dtype.itemsize:
        raise ValueError("cut short, or with offsets that do not fit")
    if not count:
        return np.zeros(tensor.shape, dtype)
    mapped = np.memmap(file, dtype, "r", offset=start + first, shape=tuple(tensor.shape))
    return np.asarray(mapped)
