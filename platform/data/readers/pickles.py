"""Authors' feature pickles, read without running anything: NumPy arrays of numbers and plain containers only.

NumPy's own reconstruction functions are not called either: fed with object types they would read foreign memory.
Stand-ins take their place and build each array from its raw bytes.
"""

import pickle
import re
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np


class _Kind:
    """Stands in for ``numpy.dtype``: numbers only."""

    def __init__(self, code: str, *_: object) -> None:
        if not re.fullmatch("[fiu][1248]|b1", code):
            raise pickle.UnpicklingError(f"refused, it holds an array of type '{code}'")
        self.dtype = np.dtype(code)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.dtype = self.dtype.newbyteorder(state[1])


class _Array:
    """Stands in for ``numpy.ndarray``."""

    def __init__(self) -> None:
        self.array = np.zeros(0)

    def __setstate__(self, state: tuple[int, tuple[int, ...], _Kind, bool, bytes | str]) -> None:
        _, shape, kind, fortran, data = state
        # Python 2 wrote the bytes as a string.
        raw = data.encode("latin1") if isinstance(data, str) else data
        self.array = np.frombuffer(raw, kind.dtype).reshape(shape, order="F" if fortran else "C")


def _reconstruct(*_: object) -> _Array:
    return _Array()


def _frombuffer(data: bytes, kind: _Kind, shape: tuple[int, ...], order: str) -> _Array:
    found = _Array()
    found.__setstate__((1, shape, kind, order == "F", data))
    return found


def _scalar(kind: _Kind, data: bytes | str) -> Any:
    return np.frombuffer(data.encode("latin1") if isinstance(data, str) else data, kind.dtype)[0]


def _encode(text: str, encoding: str) -> bytes:
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"refused, it holds bytes in the encoding '{encoding}'")
    return text.encode("latin1")


_ADMITTED: dict[tuple[str, str], Callable[..., Any]] = {
    ("numpy", "dtype"): _Kind,
    ("numpy", "ndarray"): _Array,
    ("_codecs", "encode"): _encode,
    ("collections", "OrderedDict"): OrderedDict,
}
for _core in ("numpy.core", "numpy._core"):
    _ADMITTED[f"{_core}.multiarray", "_reconstruct"] = _reconstruct
    _ADMITTED[f"{_core}.multiarray", "scalar"] = _scalar
    _ADMITTED[f"{_core}.numeric", "_frombuffer"] = _frombuffer


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Callable[..., Any]:
        if (module, name) in _ADMITTED:
            return _ADMITTED[module, name]
        asked = f"refused, it asks for '{module}.{name}'; NumPy arrays and plain containers are read"
        raise pickle.UnpicklingError(asked)


def load(file: Path) -> Any:
    """Return what a pickle holds: an array, or a mapping whose values may be arrays.

    Raises:
        UnpicklingError: naming the first thing it asks for that is neither an array nor a plain container; a damaged
            file raises whatever the damage leads to.
    """
    with file.open("rb") as stream:
        found = _Unpickler(stream, encoding="latin1").load()
    return {key: _plain(value) for key, value in found.items()} if isinstance(found, dict) else _plain(found)


def _plain(value: Any) -> Any:
    return value.array if isinstance(value, _Array) else value
