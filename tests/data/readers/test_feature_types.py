"""Values that are no numbers are no features; files that look like features are read or named; zeros are missing."""

import json
import pickle
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import pytest
import torch

from kgprism.platform.data.catalogue import counts, datasets
from kgprism.platform.data.graph import AlignedGraphs, CompletionGraph, Features
from kgprism.platform.data.inputs.features import join
from kgprism.platform.data.inputs.training_graph import prepare
from kgprism.platform.data.readers import feature_files, layouts, vectors
from kgprism.platform.errors import DataError
from kgprism.platform.settings import AlignmentData, CompletionData

DBP15K = {
    "ent_ids_1": "0\ta\n1\tb\n",
    "ent_ids_2": "2\tc\n3\td\n",
    "triples_1": "0\t0\t1\n",
    "triples_2": "2\t0\t3\n",
    "ill_ent_ids": "0\t2\n1\t3\n",
}
OPENKE = {"entity2id.txt": "2\na\t0\nb\t1\n", "relation2id.txt": "1\nr\t0\n", "train2id.txt": "1\n0\t1\t0\n"}
OPENKE |= {"valid2id.txt": "1\n1\t0\t0\n", "test2id.txt": "1\n1\t1\t0\n"}
PLAIN = {f"kg{side}/entities.tsv": "0\ta\n1\tb\n" for side in (1, 2)} | {"pairs.tsv": "0\t0\n"}
PLAIN |= {
    f"kg{side}/{part}.tsv": text for side in (1, 2) for part, text in {"relations": "0\tr\n", "triples": ""}.items()
}


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


NO_NUMBERS: list[tuple[Any, str]] = [
    ("1.5", "<U3"),
    ([1.0, "1.5"], "<U32"),
    (["1", "2"], "<U1"),
    (b"\1\2", "|S2"),
    (np.array([1 + 2j, 2]), "complex"),
    ([None, 1.0], "NoneType"),
    ([10**30, 1], "int"),
]


@pytest.mark.parametrize(("value", "kind"), NO_NUMBERS)
def test_a_vector_of_something_else_names_file_entity_and_type(tmp_path: Path, value: Any, kind: str) -> None:
    if isinstance(value, np.ndarray):
        torch.save({7: torch.from_numpy(value)}, tmp_path / "f.pt")
    else:
        (tmp_path / "f.pkl").write_bytes(pickle.dumps({7: value}))
    (file,) = tmp_path.glob("f.*")
    with pytest.raises(DataError, match=rf"{file.name}: image: .*\(entity 7: a? ?\w+ of type \S*{kind[:3]}") as caught:
        vectors.features(file, "image", pd.Index([7]))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", ["U3", "S3", "M8[s]", "m8[s]", "c16"])
@pytest.mark.parametrize("suffix", [".npz", ".npy"])
def test_an_array_of_something_else_names_its_type(tmp_path: Path, kind: str, suffix: str) -> None:
    values = np.zeros((2, 3), kind)
    {".npz": lambda f: np.savez(f, ids=np.arange(2), values=values), ".npy": lambda f: np.save(f, values)}[suffix](
        tmp_path / f"f{suffix}"
    )
    with pytest.raises(DataError, match=r"f\.np.: image: .*\(values of type .+\)"):
        vectors.features(tmp_path / f"f{suffix}", "image", pd.RangeIndex(2))


@pytest.mark.parametrize(
    ("key", "message"),
    [(True, "an id of type bool, True"), (2**64, "more than 64 bits"), (1.0, "an id of type float"), ("x", "type str")],
)
def test_ids_are_numbers(tmp_path: Path, key: Any, message: str) -> None:
    (tmp_path / "f.pkl").write_bytes(pickle.dumps({key: [1.0], 0: [2.0]}))
    with pytest.raises(DataError, match=rf"f\.pkl: image: .*{message}"):
        vectors.features(tmp_path / "f.pkl", "image", pd.RangeIndex(2))


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_quantised_or_sparse_tensor_is_refused(tmp_path: Path) -> None:
    dense = torch.eye(2)
    kinds = {"quint8": torch.quantize_per_tensor(dense, 0.1, 0, torch.quint8), "sparse": dense.to_sparse()}
    for word, tensor in kinds.items():
        torch.save({0: tensor}, tmp_path / "f.pt")
        with pytest.raises(DataError, match=rf"f\.pt: .*{word}"):
            vectors.features(tmp_path / "f.pt", "image", pd.RangeIndex(2))


def test_a_file_of_groups_is_refused(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "f.h5", "w") as stored:
        stored["a/b"] = np.zeros(2)
    with pytest.raises(DataError, match=r"f\.h5: cannot be read: 'a' is no array"):
        vectors.features(tmp_path / "f.h5", "image", pd.RangeIndex(2))


def test_graphs_whose_vectors_differ_in_width_are_refused_when_read(tmp_path: Path) -> None:
    folder = write(tmp_path, PLAIN)
    np.save(folder / "kg1/image_features.npy", np.ones((2, 3)))
    np.save(folder / "kg2/image_features.npy", np.ones((2, 4)))
    with pytest.raises(DataError, match=r"kg2/image_features\.npy: image: expected vectors 3 wide.*, found 4"):
        layouts.read("wide", folder)


@pytest.mark.parametrize(
    "text", ["[[1e999, []]]", "[" * 100_000, '{"0": ["a"]}', '["ab"]', "[[0]]", "7", "[[true, []]]"]
)
def test_names_that_cannot_be_read(tmp_path: Path, text: str) -> None:
    folder = write(tmp_path, {**DBP15K, "dbp_x.json": text})
    with pytest.raises(DataError, match=r"dbp_x\.json: expected \[\[entity id, \[word, \.\.\.\]\], \.\.\.\]") as caught:
        layouts.read("names", folder)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


def test_a_word_that_is_none_names_its_entity(tmp_path: Path) -> None:
    folder = write(tmp_path, {**DBP15K, "dbp_x.json": '[[1, ["a", 2]]]'})
    with pytest.raises(DataError, match=r"dbp_x\.json: entity 1: expected words, found '2' \(int\)"):
        layouts.read("names", folder)


def test_a_name_is_a_list_of_words_or_one_string(tmp_path: Path) -> None:
    names = [[0, "paris  france"], [1, ["new", "york"]], ["2", "a\nb"], [3, ["\ud800"]]]
    folder = write(tmp_path, {**DBP15K, "dbp_x.json": json.dumps(names)})
    found = layouts.read("names", folder)
    assert isinstance(found, AlignedGraphs)
    told = dict(zip(found.left.entities + found.right.entities, found.left.names + found.right.names, strict=True))
    assert told == {"a": "paris  france", "b": "new york", "c": "a b", "d": "?"}
    again = AlignedGraphs.of("again", found.arrays())
    assert again.right.names == found.right.names


@pytest.mark.parametrize("name", ["x_IMG_feat.npy", "x_img.NPY", "Img.npy"])
def test_case_does_not_matter(tmp_path: Path, name: str) -> None:
    folder = write(tmp_path, DBP15K)
    np.save(folder / "a.npy", np.ones((4, 2)))
    (folder / "a.npy").rename(folder / name)
    assert folder / name in layouts.recognise(folder).files(folder)
    assert layouts.recognise(folder).passed_over(folder) == []
    assert "image" in layouts.read("upper", folder).modalities


def test_completion_files_in_any_spelling(tmp_path: Path) -> None:
    folder = write(tmp_path, OPENKE)
    torch.save(torch.ones(2, 3), folder / "X-Visual.pth")
    _hdf5(folder / "X-TEXTUAL.h5", np.ones((2, 4)))
    assert layouts.read("upper", folder).modalities == {"image", "text"}


def _hdf5(file: Path, values: np.ndarray) -> None:
    with h5py.File(file, "w") as stored:
        stored["values"] = values


@pytest.mark.parametrize("name", ["image_features.csv", "X-visual.bin", "img.pkl.gz", "vectors.npy", "Visual.mat"])
def test_what_looks_like_features_is_named(tmp_path: Path, name: str) -> None:
    folder = write(tmp_path / "own", {**OPENKE, name: ""})
    (line,) = layouts.recognise(folder).passed_over(folder)
    assert line.startswith(f"{folder / name} is passed over: ")
    assert datasets.import_dataset("own", folder).passed_over == (line,)


def test_other_files_are_not_named(tmp_path: Path) -> None:
    folder = write(tmp_path, {**PLAIN, "kg1/image_index.tsv": "0\tx\n", "README.md": "", "kg2/Image_Index.tsv": ""})
    assert layouts.recognise(folder).passed_over(folder) == []


def test_without_h5py_hdf5_is_named_with_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write(tmp_path, {**DBP15K, "x_img.h5": ""})
    monkeypatch.setattr(feature_files, "find_spec", lambda name: None)
    (line,) = layouts.recognise(folder).passed_over(folder)
    assert line.endswith('x_img.h5 is passed over: to read HDF5, pip install "kgprism[h5]"')


def test_a_folder_whose_name_is_a_pattern(tmp_path: Path) -> None:
    folder = write(tmp_path / "[a]", DBP15K)
    np.save(tmp_path / "a_img.npy", np.ones((4, 2)))
    assert "images" not in layouts.recognise(folder).sources(folder)
    np.save(tmp_path / "[a]_img.npy", np.ones((4, 2)))
    assert layouts.recognise(folder).sources(folder)["images"] == tmp_path / "[a]_img.npy"


def test_a_row_of_zeros_is_missing_for_alignment(tmp_path: Path) -> None:
    folder = write(tmp_path, DBP15K)
    (folder / "x_img.pkl").write_bytes(pickle.dumps({0: np.zeros(2), 1: np.ones(2), 2: np.full(2, 3.0), 3: np.ones(2)}))
    found = layouts.read("zero", folder)
    assert isinstance(found, AlignedGraphs)
    zero = found.left.entities.index("a")
    joint = join(found, AlignmentData(missing_images="zero"), 0, {"image"})
    assert [i for i in range(4) if not joint.present["image"][i]] == [zero]
    assert zero not in found.left.pictured
    assert counts.statistics(found)[0]["images"] == 1
    assert "1 of 2 left image vectors are rows of zeros: taken for missing" in counts.advice(found)


def test_a_row_of_zeros_is_missing_for_completion(tmp_path: Path) -> None:
    folder = write(tmp_path, OPENKE)
    np.save(folder / "X-visual.npy", np.array([[0.0, 0.0], [0.0, 1.0]]))
    found = layouts.read("zero", folder)
    assert isinstance(found, CompletionGraph)
    training = prepare(found, CompletionData(), 0, {"image"})
    assert training.present["image"].tolist() == [False, True]
    assert found.graph.pictured.tolist() == [1]
    assert counts.statistics(found)[0]["images"] == 1
    assert "1 of 2 image vectors are rows of zeros: taken for missing" in counts.advice(found)


def test_a_modality_of_zeros_is_absent(tmp_path: Path) -> None:
    folder = write(tmp_path / "aligned", DBP15K)
    np.save(folder / "x_img.npy", np.zeros((4, 1)))
    assert "image" not in layouts.read("zero", folder).modalities
    np.save(folder / "x_img.npy", np.array([[1.0], [1.0], [0.0], [0.0]]))
    assert "image" in layouts.read("half", folder).modalities
    folder = write(tmp_path / "completion", OPENKE)
    np.save(folder / "X-visual.npy", np.zeros((2, 3)))
    assert layouts.read("zero", folder).modalities == set()


def test_known_vectors_are_those_that_are_not_zero() -> None:
    found = Features(np.array([2, 5, 9]), np.array([[0.0, 1.0], [0.0, 0.0], [-1.0, 0.0]]))
    assert found.known.entities.tolist() == [2, 9]
    assert found.known.values.tolist() == [[0, 1], [-1, 0]]
