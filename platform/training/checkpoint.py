"""Checkpoints of a run in progress: whole or absent, read back without running any pickled code."""

from pathlib import Path
from pickle import UnpicklingError
from typing import Any, TypeVar
from zipfile import BadZipFile, ZipFile

import numpy as np
import torch
from torch import Tensor

from kgprism.platform.errors import first_line
from kgprism.platform.files import explain_full_disk, replacing
from kgprism.platform.kept import DamagedError, Kept, checked, set_aside

_ARRAY = "__array__"
S = TypeVar("S", bound=Kept)


class State(Kept):
    """A run in progress; of what a method, a task and an optimiser keep, each knows its own form."""

    method: dict[str, Tensor]
    optimiser: Any
    task: Any
    selecting: dict[str, Any]
    history: list[dict[str, float]]
    seconds: float
    random: dict[str, Tensor]


class Finished(Kept):
    """An outcome."""

    history: list[dict[str, float]]
    selections: dict[str, dict[str, Any]]
    weights: dict[str, Tensor]
    stopped: str
    seconds: float
    peak_bytes: int


class Left(Kept):
    """What a run on several workers leaves: an outcome, or why there is none."""

    outcome: Finished | None = None
    error: str = ""


def save(file: Path, state: Any) -> None:
    """Write plain values, tensors and arrays under a temporary name, then rename."""
    # Inside, as torch's writer does not say that the disk is full: what it has written must still be there.
    with replacing(file) as scratch, explain_full_disk(file.parent):
        torch.save(_pack(state), scratch)


def read(file: Path, schema: type[S]) -> S | None:
    """Return what was saved, or none if there is no such file; one that is damaged is set aside.

    Raises:
        DataError: if it cannot be set aside.
    """
    try:
        return checked(load(file), schema, file.name)
    except FileNotFoundError:
        return None
    except DamagedError as error:
        set_aside(file, error)
        return None


def load(file: Path) -> Any:
    """Return what was saved, whatever it is.

    Raises:
        DamagedError: if the file cannot be read; pickled code is never run.
    """
    try:
        with ZipFile(file) as whole:  # torch passes the sums over that it has written
            if wrong := whole.testzip():
                raise BadZipFile(f"{wrong} is not what was written")
        return _unpack(torch.load(file, map_location="cpu", weights_only=True))
    except FileNotFoundError:
        raise
    except (
        RuntimeError,
        ValueError,
        LookupError,
        TypeError,
        AttributeError,
        EOFError,
        OSError,
        BadZipFile,
        UnpicklingError,
    ) as error:
        raise DamagedError(f"{file.name} cannot be read: {first_line(error)}") from None


def _pack(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return {_ARRAY: torch.from_numpy(np.ascontiguousarray(value))}
    if isinstance(value, dict):
        return {key: _pack(inner) for key, inner in value.items()}
    return [_pack(inner) for inner in value] if isinstance(value, list | tuple) else value


def _unpack(value: Any) -> Any:
    if isinstance(value, dict):
        if set(value) == {_ARRAY}:
            return value[_ARRAY].numpy()
        return {key: _unpack(inner) for key, inner in value.items()}
    return [_unpack(inner) for inner in value] if isinstance(value, list) else value
