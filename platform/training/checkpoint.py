"""Checkpoints of a run in progress: whole or absent, read back without running any pickled code."""

import os
from pathlib import Path
from pickle import UnpicklingError
from socket import gethostname
from typing import Any

import numpy as np
import torch

from kgprism.platform.errors import RunError

_ARRAY = "__array__"


def save(file: Path, state: Any) -> None:
    """Write plain values, tensors and arrays under a temporary name, then rename."""
    # Two nodes of a shared disk may give their processes the same number.
    scratch = file.with_suffix(f".{gethostname()}-{os.getpid()}")
    torch.save(_pack(state), scratch)
    scratch.rename(file)


def read(file: Path) -> Any:
    """Return what was saved, or none if there is no such file.

    Raises:
        RunError: if the file was damaged from outside.
    """
    if not file.exists():
        return None
    try:
        return _unpack(torch.load(file, map_location="cpu", weights_only=True))
    except (RuntimeError, ValueError, EOFError, OSError, UnpicklingError) as error:
        reason = str(error).splitlines()[0]
        raise RunError(f"{file}: damaged checkpoint ({reason}); delete it to start this run anew") from None


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
