"""The layout of OpenKE, from small files written here, and every way in which such files are wrong."""

from pathlib import Path

import numpy as np
import pytest
import torch

from kgprism.platform.data.graph import CompletionGraph
from kgprism.platform.data.readers import layouts
from kgprism.platform.errors import DataError

FILES = {
    "entity2id.txt": "3\n<http://x/resource/b> 1\n<http://x/resource/a> 0\nNew York\t2\n",
    "relation2id.txt": "2\nlikes\t0\nknows 1\n",
    "train2id.txt": "3\n0 1 1\n2 2 0\n0\t2\t1\n",
    "valid2id.txt": "1\n1 0 0\n",
    "test2id.txt": "1\n1 2 1 \n",
}


def write(folder: Path, **changed: str) -> Path:
    for name, text in FILES.items():
        (folder / name).write_text(changed.get(name.removesuffix("2id.txt"), text), encoding="utf-8")
    return folder


def read(folder: Path) -> CompletionGraph:
    dataset = layouts.read("small", folder)
    assert isinstance(dataset, CompletionGraph)
    return dataset


def test_the_tail_stands_before_the_relation(tmp_path: Path) -> None:
    dataset = read(write(tmp_path))
    assert layouts.recognise(tmp_path).name == "openke"
    assert dataset.graph.entities == ["http://x/resource/a", "http://x/resource/b", "New York"]
    assert dataset.graph.relations == ["likes", "knows"]
    assert dataset.graph.triples.tolist() == [[0, 1, 1], [2, 0, 2], [0, 1, 2]]
    assert (dataset.valid.tolist(), dataset.test.tolist()) == ([[1, 0, 0]], [[1, 1, 2]])
    assert dataset.graph.triples.dtype == np.int64


def test_line_ends_of_another_system_change_nothing(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    changed = {name.removesuffix("2id.txt"): text.replace("\n", "\r\n") for name, text in FILES.items()}
    assert read(write(tmp_path / "one")).fingerprint == read(write(tmp_path / "two", **changed)).fingerprint


def test_features_lie_beside_the_triples_a_row_an_entity(tmp_path: Path) -> None:
    write(tmp_path)
    table = torch.nn.Embedding(3, 2).weight  # AdaMF's copies are saved from a layer that is trained
    torch.save(table, tmp_path / "DB15K-visual.pth")
    np.savez(tmp_path / "DB15K-textual.npz", np.arange(9.0).reshape(3, 3))
    graph = read(tmp_path).graph
    assert set(graph.features) == {"image", "text"}
    assert torch.equal(torch.from_numpy(graph.features["image"].values), table.detach())
    assert graph.features["text"].values[2].tolist() == [6, 7, 8]
    assert graph.pictured.tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("train", "4\n0 1 1\n", r"train2id\.txt:1: expected 4 triple lines, as this line says, found 1"),
        ("train", "1\n0 1 1\n1 1 1\n", r"train2id\.txt:1: expected 1 triple lines, as this line says, found 2"),
        ("train", "0 1 1\n1 1 1\n", r"train2id\.txt:1: expected the number of triple lines, found '0 1 1'"),
        ("train", "", r"train2id\.txt:1: expected the number of triple lines, found nothing"),
        ("train", "2\n0 1 1\n0 1\n", r"train2id\.txt:3: expected head id, tail id, relation id, found '0 1'"),
        ("train", "2\n0 1 1\n0\n", r"train2id\.txt:3: expected a triple, found only '0'"),
        ("train", "1\n0 1 1 0\n", r"train2id\.txt:2: expected head id, tail id, relation id, found '0 1 1 0'"),
        ("train", "1\n0 -1 1\n", r"train2id\.txt:2: expected head id, tail id, relation id, found '0 -1 1'"),
        ("train", "2\n0 1 1\n3 1 1\n", r"train2id\.txt:3: unknown head entity id '3' \(known: 0 to 2\)"),
        ("train", "2\n0 1 1\n1 3 1\n", r"train2id\.txt:3: unknown tail entity id '3' \(known: 0 to 2\)"),
        ("valid", "1\n0 1 2\n", r"valid2id\.txt:2: unknown relation id \(third column\) '2' \(known: 0 to 1\)"),
        ("train", "0\n", r"train2id\.txt:1: expected at least one triple, found none"),
        ("valid", "0\n", r"valid2id\.txt:1: expected at least one triple, found none"),
        ("test", "0\n", r"test2id\.txt:1: expected at least one triple, found none"),
        ("entity", "2\na 0\nb 1\nc 2\n", r"entity2id\.txt:1: expected 2 entity lines, as this line says, found 3"),
        ("entity", "3\na 0\nb 1\nc 3\n", r"entity2id\.txt:4: unknown entity id '3' \(known: 0 to 2\)"),
        ("entity", "3\na 0\nb 1\nc 1\n", r"entity2id\.txt:4: expected every entity id once, found '1' again"),
        ("entity", "3\na 0\na 1\nc 2\n", r"entity2id\.txt:3: expected every entity label once, found 'a' again"),
        ("entity", "3\na 0\nb\nc 2\n", r"entity2id\.txt:3: expected entity label, id, found 'b'"),
        ("relation", "a 0\nb 1\n", r"relation2id\.txt:1: expected the number of relation lines, found 'a 0'"),
    ],
)
def test_one_line_says_what_is_wrong_in_a_counted_file(tmp_path: Path, file: str, text: str, message: str) -> None:
    write(tmp_path, **{file: text})
    with pytest.raises(DataError, match=message) as caught:
        layouts.read("wrong", tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.ones((4, 2)), r"DB15K-visual\.npy: image: expected 3 rows, one an entity, found 4"),
        (np.array([[1.0], [np.nan], [1.0]]), r"DB15K-visual\.npy: image: row 1 holds nan"),
        (np.array([[1.0], [1.0], [-np.inf]]), r"DB15K-visual\.npy: image: row 2 holds -inf"),
    ],
)
def test_features_that_cannot_be_those_of_the_entities(tmp_path: Path, values: np.ndarray, message: str) -> None:
    np.save(write(tmp_path) / "DB15K-visual.npy", values)
    with pytest.raises(DataError, match=message):
        layouts.read("wrong", tmp_path)
