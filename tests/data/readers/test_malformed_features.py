"""Feature files of every format, damaged or of strange things: one line that names the file, or finite vectors."""

import io
import pickle
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from safetensors import SafetensorError
from safetensors.numpy import save

from kgprism.platform.data.readers import vectors
from kgprism.platform.errors import KgprismError

#: The same examples on every machine.
FIXED: dict[str, Any] = {"derandomize": True, "deadline": None, "suppress_health_check": list(HealthCheck)}

VALUES = np.array([[1.0, 2.0], [3.0, 4.0], [0.0, 0.0]], np.float32)


def stored(write: Callable[[Any], object]) -> bytes:
    buffer = io.BytesIO()
    write(buffer)
    return buffer.getvalue()


def hdf5(thing: Any) -> bytes:
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        for name, values in thing.items() if isinstance(thing, dict) else [("image", thing)]:
            file[str(name)] = values
    return buffer.getvalue()


#: How a thing becomes a file of each format.
WRITERS: dict[str, Callable[[Any], bytes]] = {
    "f.npy": lambda thing: stored(lambda b: np.save(b, np.asarray(thing), allow_pickle=False)),
    "f.npz": lambda thing: stored(lambda b: np.savez(b, ids=np.arange(len(thing)), values=np.asarray(thing))),
    "f.pkl": lambda thing: pickle.dumps(thing, 4),
    "f.pickle": lambda thing: pickle.dumps(thing, 2),
    "f.pt": lambda thing: stored(lambda b: torch.save(thing, b)),
    "f.pth": lambda thing: stored(lambda b: torch.save(thing, b, _use_new_zipfile_serialization=False)),
    "f.safetensors": lambda thing: save({"image": np.asarray(thing)}),
    "f.h5": hdf5,
}
FORMATS = st.sampled_from(sorted(WRITERS))
WHOLE = {name: write(torch.from_numpy(VALUES) if "f.pt" in name else VALUES) for name, write in WRITERS.items()}
KINDS = ["f2", "f4", "f8", ">f4", "i8", "u1", "?", "c8", "U2", "S2", "M8[s]", "m8[D]", "V3", "O"]
TENSORS = [torch.ones(3, 2), torch.ones(3, 2).bfloat16(), torch.ones(3, 2, dtype=torch.complex64), torch.tensor(1.0)]
TENSORS += [torch.eye(3).to_sparse(), torch.ones(2, dtype=torch.bool), torch.ones(3, 2, device="meta")]
leaves = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 2**70), st.floats(width=32), st.text(max_size=3), st.binary(max_size=3)
)
arrays = st.builds(np.zeros, st.lists(st.integers(0, 3), max_size=3).map(tuple), st.sampled_from(KINDS))
things = st.recursive(
    leaves | arrays | st.sampled_from([VALUES, *TENSORS]),
    lambda inner: st.lists(inner, max_size=3) | st.tuples(inner, inner) | st.dictionaries(leaves, inner, max_size=3),
    max_leaves=6,
)


#: What the formats' writers raise for a thing that no file of theirs can hold.
UNWRITABLE = (ValueError, TypeError, AttributeError, RuntimeError, KeyError, OverflowError, SafetensorError)


@st.composite
def damaged(draw: st.DrawFn) -> tuple[str, bytes]:
    name = draw(FORMATS)
    content = bytearray(WHOLE[name])
    for _ in range(draw(st.integers(0, 3))):
        content[draw(st.integers(0, len(content) - 1))] = draw(st.integers(0, 255))
    return name, bytes(content[: draw(st.just(len(content)) | st.integers(0, len(content)))])


@st.composite
def strange(draw: st.DrawFn) -> tuple[str, bytes]:
    name, thing, found = draw(FORMATS), draw(things), b""
    with suppress(*UNWRITABLE):
        found = WRITERS[name](thing)
    assume(found)
    return name, found


def check_line(message: str, file: Path) -> None:
    assert message.startswith(f"{file}: "), message
    assert len(message.splitlines()) == 1, message
    assert len(message) < 1000, message


def check_features(content: tuple[str, bytes]) -> None:
    with tempfile.TemporaryDirectory() as place:
        file = Path(place) / content[0]
        file.write_bytes(content[1])
        try:
            (found,) = vectors.features(file, "image", pd.RangeIndex(3))
        except KgprismError as error:
            check_line(str(error), file)
        else:
            assert found.values.dtype in (np.float16, np.float32)
            assert found.values.ndim == 2
            assert np.isfinite(found.values).all()
            assert (np.diff(found.entities) > 0).all()


feature_files = st.one_of(damaged(), strange(), st.tuples(FORMATS, st.binary(max_size=60)))


@given(feature_files)
@settings(max_examples=300, **FIXED)
def test_feature_files(content: tuple[str, bytes]) -> None:
    check_features(content)


@pytest.mark.slow
@pytest.mark.timeout(1200)
@given(feature_files)
@settings(max_examples=900, **FIXED)
def test_many_feature_files(content: tuple[str, bytes]) -> None:
    check_features(content)
