"""Feature files in every format they are published in, and what is refused."""

import collections
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.numpy import save_file

from kgprism.platform.data.readers import feature_files, vectors
from kgprism.platform.errors import DataError

VALUES = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], np.float32)
IDS = np.array([2, 0, 1], np.int32)
BY_ID = dict(zip(IDS.tolist(), VALUES, strict=True))

#: Python 2's protocol 2 for ``{5: numpy.array([1, 2], '<f4')}``, written by hand after the description of its opcodes.
PYTHON2 = (
    b"\x80\x02}K\x05cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
    b"(K\x01K\x02\x85cnumpy\ndtype\nU\x02f4K\x00K\x01\x87R"
    b"(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    b"\x89U\x08\x00\x00\x80\x3f\x00\x00\x00\x40tbs."
)


def _pickled(protocol: int, old_numpy: bool = False) -> Callable[[Path], None]:
    def write(file: Path) -> None:
        data = pickle.dumps(BY_ID, protocol)
        file.write_bytes(data.replace(b"numpy._core", b"numpy.core") if old_numpy else data)

    return write


def _hdf5(**arrays: Any) -> Callable[[Path], None]:
    def write(file: Path) -> None:
        with h5py.File(file, "w") as stored:
            for name, values in arrays.items():
                stored[name] = values

    return write


def _legacy(file: Path) -> None:
    torch.save(torch.from_numpy(VALUES[[1, 2, 0]]), file, _use_new_zipfile_serialization=False)


WITH_IDS: dict[str, Callable[[Path], Any]] = {
    "ids.npz": lambda file: np.savez(file, ids=IDS, values=VALUES),
    "half.npz": lambda file: np.savez(file, ids=IDS, values=VALUES.astype(np.float16)),
    "ids.safetensors": lambda file: save_file({"ids": IDS, "values": VALUES}, file),
    "ids.pt": lambda file: torch.save({"ids": torch.from_numpy(IDS), "values": torch.from_numpy(VALUES)}, file),
    "vectors.pt": lambda file: torch.save({k: torch.from_numpy(v) for k, v in BY_ID.items()}, file),
    "protocol2.pkl": _pickled(2),
    "protocol4.pkl": _pickled(4),
    "protocol5.pickle": _pickled(5),
    "numpy1.pkl": _pickled(2, old_numpy=True),
    "lists.pkl": lambda file: file.write_bytes(pickle.dumps({k: v.tolist() for k, v in BY_ID.items()})),
    "images.pkl": lambda file: file.write_bytes(
        pickle.dumps({np.int64(k): v[None].astype(">f8") for k, v in BY_ID.items()})
    ),
    "ordered.pkl": lambda file: file.write_bytes(pickle.dumps(collections.OrderedDict(BY_ID))),
    "ids.h5": _hdf5(ids=IDS, values=VALUES),
    "vectors.HDF5": _hdf5(**{str(k): v for k, v in BY_ID.items()}),
    "UPPER.PKL": _pickled(4),
    # A row for every entity, in their order.
    "rows.h5": _hdf5(image=VALUES[[1, 2, 0]]),
    "rows.npz": lambda file: np.savez(file, VALUES[[1, 2, 0]]),
    "rows.npy": lambda file: np.save(file, VALUES[[1, 2, 0]].astype(np.float64)),
    "rows.pt": lambda file: torch.save(torch.from_numpy(VALUES[[1, 2, 0]]).bfloat16(), file),
    "legacy.pth": _legacy,
    "layer.pth": lambda file: torch.save(torch.nn.Parameter(torch.from_numpy(VALUES[[1, 2, 0]])), file),
    "fortran.pkl": lambda file: file.write_bytes(pickle.dumps(np.asfortranarray(VALUES[[1, 2, 0]]), 4)),
    "rows.safetensors": lambda file: save_file({"image": VALUES[[1, 2, 0]]}, file),
}


@pytest.mark.parametrize("name", WITH_IDS)
def test_every_format_gives_the_same_rows(tmp_path: Path, name: str) -> None:
    WITH_IDS[name](tmp_path / name)
    (found,) = vectors.features(tmp_path / name, "image", pd.RangeIndex(3))
    assert found.entities.tolist() == [0, 1, 2]
    assert found.entities.dtype == np.int64
    assert found.values.tolist() == [[3, 4], [5, 6], [1, 2]]
    assert found.values.dtype == (np.float16 if name == "half.npz" else np.float32)


def test_a_python_2_pickle(tmp_path: Path) -> None:
    (tmp_path / "old.pkl").write_bytes(PYTHON2)
    (found,) = vectors.features(tmp_path / "old.pkl", "image", pd.Index([4, 5]))
    assert found.entities.tolist() == [1]
    assert found.values.tolist() == [[1, 2]]


def test_one_file_for_two_graphs(tmp_path: Path) -> None:
    np.savez(tmp_path / "f.npz", ids=np.array([30, 10, 21]), values=np.array([[3.0], [1.0], [2.0]]))
    left, right = vectors.features(tmp_path / "f.npz", "image", pd.Index([10, 11, 30]), pd.Index([20, 21]))
    assert (left.entities.tolist(), left.values.tolist()) == ([0, 2], [[1], [3]])
    assert (right.entities.tolist(), right.values.tolist()) == ([1], [[2]])


def test_rows_without_ids_stand_in_the_order_of_the_ids(tmp_path: Path) -> None:
    np.save(tmp_path / "f.npy", np.array([[0.0], [1.0], [2.0], [3.0]]))
    left, right = vectors.features(tmp_path / "f.npy", "image", pd.Index([2, 0]), pd.Index([1, 3]))
    assert (left.values.tolist(), right.values.tolist()) == ([[2], [0]], [[1], [3]])


class _Hostile:
    def __init__(self, *call: Any) -> None:
        self.call = call

    def __reduce__(self) -> tuple[Any, Any]:
        return self.call[0], self.call[1:]


@pytest.mark.parametrize(
    ("value", "asked"),
    [
        (_Hostile(os.system, "touch {}"), r"posix\.system"),
        (_Hostile(eval, "open('{}', 'w')"), r"builtins\.eval"),
        (_Hostile(np.load, "x.npy"), r"numpy\.load"),
        (torch.zeros(2), r"torch\._utils\._rebuild_tensor_v2"),
        (Path("x"), r"pathlib\.PosixPath"),
    ],
)
@pytest.mark.parametrize("protocol", [0, 2, 5])
def test_a_hostile_pickle_is_refused(tmp_path: Path, value: Any, asked: str, protocol: int) -> None:
    trace = tmp_path / "trace"
    if isinstance(value, _Hostile):
        value.call = tuple(part.format(trace) if isinstance(part, str) else part for part in value.call)
    (tmp_path / "f.pkl").write_bytes(pickle.dumps({0: value}, protocol).replace(b"c__builtin__", b"cbuiltins"))
    with pytest.raises(DataError, match=rf"f\.pkl: cannot be read: refused, it asks for '{asked}'"):
        vectors.features(tmp_path / "f.pkl", "image", pd.RangeIndex(1))
    assert not trace.exists()


def test_arrays_of_objects_are_refused_before_their_bytes_are_read(tmp_path: Path) -> None:
    (tmp_path / "f.pkl").write_bytes(pickle.dumps({0: np.array([1, "x"], object)}))
    with pytest.raises(DataError, match="refused, it holds an array of type 'O8'"):
        vectors.features(tmp_path / "f.pkl", "image", pd.RangeIndex(1))
    # numpy.ndarray itself would take these eight bytes for the address of an object.
    address = pickle.dumps(_Hostile(np.ndarray, (1,), np.dtype("O"), b"\x01" * 8))
    (tmp_path / "f.pkl").write_bytes(address)
    with pytest.raises(DataError, match=r"f\.pkl: cannot be read: refused, it holds an array of type 'O8'"):
        vectors.features(tmp_path / "f.pkl", "image", pd.RangeIndex(1))


def test_a_hostile_torch_file_is_refused(tmp_path: Path) -> None:
    torch.save({0: _Hostile(os.system, f"touch {tmp_path / 'trace'}")}, tmp_path / "f.pt")
    with pytest.raises(DataError, match=r"f\.pt: cannot be read: refused, it asks for 'posix\.system'"):
        vectors.features(tmp_path / "f.pt", "image", pd.RangeIndex(1))
    assert not (tmp_path / "trace").exists()


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
@pytest.mark.parametrize("suffix", [*feature_files.SUFFIXES, *feature_files.HDF5])
def test_a_damaged_file_is_an_error_of_one_line(tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"f{suffix}"
    for data in (b"", b"nonsense\n" * 9, b"\x80\x04\x95\xff"):
        file.write_bytes(data)
        with pytest.raises(DataError, match=r"^\S+/f\.\w+: .+") as caught:
            vectors.features(file, "image", pd.RangeIndex(1))
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("ids", "values", "message"),
    [
        ([0, 1], [[1.0], [np.nan]], r"image: row 1 holds nan"),
        ([0, 1], [[-np.inf], [1.0]], r"image: row 0 holds -inf"),
        ([0, 1], [[1.0], [1e300]], r"image: row 1 holds inf"),
        ([0, 7], [[1.0], [1.0]], r"image: row 1 is for the unknown entity 7"),
        ([0, -1], [[1.0], [1.0]], r"image: row 1 is for the unknown entity -1"),
        ([0, 0], [[1.0], [1.0]], r"image: expected every id once, found 0 again"),
        ([0, 1], [[1.0]], r"image: expected a row for each of 2 ids, found 1 rows"),
        ([0.0, 1.0], [[1.0], [1.0]], r"image: expected vectors .* \(ids of type float64\)"),
        ([0, 1], [1.0, 1.0], r"image: expected an array \(entities, width\), found the shape \(2,\)"),
        ([0, 1], [["a"], ["b"]], r"image: expected vectors"),
    ],
)
@pytest.mark.filterwarnings("ignore:overflow")
def test_rows_that_cannot_be_used(tmp_path: Path, ids: list[float], values: list[Any], message: str) -> None:
    np.savez(tmp_path / "f.npz", ids=np.array(ids), values=np.array(values))
    with pytest.raises(DataError, match=rf"f\.npz: {message}"):
        vectors.features(tmp_path / "f.npz", "image", pd.RangeIndex(3))


def test_large_values_are_not_taken_for_infinite_ones(tmp_path: Path) -> None:
    np.save(tmp_path / "f.npy", np.array([[3e38, 3e38]], np.float32))
    assert vectors.features(tmp_path / "f.npy", "image", pd.RangeIndex(1))[0].values.shape == (1, 2)


def test_rows_without_ids_must_be_as_many_as_entities(tmp_path: Path) -> None:
    np.save(tmp_path / "f.npy", VALUES)
    with pytest.raises(DataError, match=r"text: expected 4 rows, one an entity, found 3"):
        vectors.features(tmp_path / "f.npy", "text", pd.RangeIndex(4))


def test_vectors_of_different_widths(tmp_path: Path) -> None:
    (tmp_path / "f.pkl").write_bytes(pickle.dumps({0: np.zeros(2), 1: np.zeros(3)}))
    with pytest.raises(DataError, match=r"f\.pkl: image: expected vectors of equal width by entity id"):
        vectors.features(tmp_path / "f.pkl", "image", pd.RangeIndex(2))


def test_two_feature_files_are_one_too_many(tmp_path: Path) -> None:
    for name in ("image_features.npy", "image_features.npz", "image_features.txt"):
        (tmp_path / name).touch()
    with pytest.raises(DataError, match=r"found image_features\.npy and image_features\.npz; keep one"):
        feature_files.find(tmp_path, "image_features")
