"""Layouts of LibKGE and PyKEEN, triples of labels in text, gzip and parquet: one small graph in each of them."""

import gzip
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from kgprism.platform.data.graph import CompletionGraph
from kgprism.platform.data.readers import layouts, libraries
from kgprism.platform.errors import DataError

PARTS = {
    "train": [("paris", "in", "france"), ("lyon", "in", "france"), ('the "ruhr"', "near", "lyon")],
    "valid": [("paris", "near", "lyon")],
    "test": [("lyon", "near", "paris"), ("france", "near", "spain")],  # spain is in no other part
}
ENTITIES = list(dict.fromkeys(end for rows in PARTS.values() for head, _, tail in rows for end in (head, tail)))
RELATIONS = ["in", "near"]


def ids(part: str) -> list[list[int]]:
    return [[ENTITIES.index(head), RELATIONS.index(kind), ENTITIES.index(tail)] for head, kind, tail in PARTS[part]]


def texts(folder: Path) -> None:
    for part, rows in PARTS.items():
        (folder / f"{part}.txt").write_text("".join("\t".join(row) + "\n" for row in rows))


def packed(folder: Path) -> None:
    for part, rows in PARTS.items():
        (folder / f"{part}.txt.gz").write_bytes(gzip.compress("".join("\t".join(r) + "\n" for r in rows).encode()))


def libkge(folder: Path) -> None:
    """Write what LibKGE's `data/preprocess` leaves, the text files included."""
    texts(folder)
    (folder / "dataset.yaml").write_text("dataset:\n  name: small\n")
    (folder / "entity_ids.del").write_text("".join(f"{n}\t{label}\n" for n, label in enumerate(ENTITIES)))
    (folder / "relation_ids.del").write_text("".join(f"{n}\t{label}\n" for n, label in enumerate(RELATIONS)))
    (folder / "entity_strings.del").write_text("0\tParis, the city\n")
    for part in PARTS:
        (folder / f"{part}.del").write_text("".join("\t".join(map(str, row)) + "\n" for row in ids(part)))


def pykeen(folder: Path) -> None:
    """Write what `Dataset.to_directory_binary` does, but for its pickles."""
    for part, name in (("train", "training"), ("valid", "validation"), ("test", "testing")):
        (folder / name).mkdir()
        frame = pd.DataFrame(ids(part), columns=["head", "relation", "tail"])
        frame.to_csv(folder / name / "numeric_triples.tsv.gz", sep="\t", index=False)
        for file, labels in (("entity_to_id", ENTITIES), ("relation_to_id", RELATIONS)):
            told = pd.DataFrame({"label": labels, "id": range(len(labels))}).set_index("id")
            told.to_csv(folder / name / f"{file}.tsv.gz", sep="\t")
    for name in ("metadata.pth", "training/base.pth"):
        (folder / name).write_bytes(b"a pickle that nobody opens")


def parquet(folder: Path) -> None:
    heads = ["Subject", "Predicate", "Object"]
    for part, rows in PARTS.items():
        pd.DataFrame(rows, columns=heads)[heads[::-1]].to_parquet(folder / f"{part}.parquet")  # by name, not by place


WRITERS: dict[str, Callable[[Path], None]] = {
    "triples": texts,
    "libkge": libkge,
    "pykeen": pykeen,
    "parquet": parquet,
}


def told(graph: CompletionGraph) -> dict[str, list[tuple[str, str, str]]]:
    names, kinds = graph.graph.entities, graph.graph.relations
    parts = {"train": graph.graph.triples, "valid": graph.valid, "test": graph.test}
    return {part: [(names[h], kinds[r], names[t]) for h, r, t in rows.tolist()] for part, rows in parts.items()}


@pytest.mark.parametrize("layout", WRITERS)
def test_every_layout_reads_the_same_triples(layout: str, tmp_path: Path) -> None:
    WRITERS[layout](tmp_path)
    found = layouts.recognise(tmp_path)
    assert found.name == layout
    graph = found.read("small", tmp_path)
    assert isinstance(graph, CompletionGraph)
    assert told(graph) == PARTS
    assert sorted(graph.graph.entities) == sorted(ENTITIES)
    assert found.passed_over(tmp_path) == []


def test_text_may_be_packed(tmp_path: Path) -> None:
    packed(tmp_path)
    graph = layouts.read("small", tmp_path)
    assert isinstance(graph, CompletionGraph)
    assert told(graph) == PARTS


def test_names_of_libkge_are_kept(tmp_path: Path) -> None:
    libkge(tmp_path)
    graph = layouts.read("small", tmp_path)
    assert isinstance(graph, CompletionGraph)
    assert graph.graph.names == ["Paris, the city", *[""] * (len(ENTITIES) - 1)]


def rewrite(file: Path, old: str, new: str) -> None:
    text = gzip.decompress(file.read_bytes()).decode()
    assert old in text
    file.write_bytes(gzip.compress(text.replace(old, new, 1).encode()))


@pytest.mark.parametrize(
    ("file", "old", "new", "says"),
    [
        ("training/numeric_triples", "0\t0\t1\n", "0\t0\t9\n", ":2: expected three ids (head 0 to 4, relation 0 to 1"),
        ("training/numeric_triples", "0\t0\t1\n", "0\t-1\t1\n", ":2: expected three ids"),
        ("training/numeric_triples", "0\t0\t1\n", "0\t0\n", ":2: expected three ids"),
        ("testing/numeric_triples", "head\trelation\ttail\n", "", ":1: expected the heads head, relation, tail, found"),
        (
            "training/entity_to_id",
            "1\tfrance\n",
            "7\tfrance\n",
            ":3: expected the id 1 and a label, found ['7'",
        ),
        ("training/entity_to_id", "1\tfrance\n", "1\tparis\n", "expected every entity label once, found 'paris' again"),
        ("training/entity_to_id", "0\tparis\n", '0\t"paris\n', "cannot be read"),
    ],
)
def test_what_pykeen_would_not_have_written_is_named(file: str, old: str, new: str, says: str, tmp_path: Path) -> None:
    pykeen(tmp_path)
    rewrite(tmp_path / f"{file}.tsv.gz", old, new)
    with pytest.raises(DataError) as error:
        layouts.read("small", tmp_path)
    assert str(error.value).startswith(f"{tmp_path / file}.tsv.gz")
    assert says in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("frame", "says"),
    [
        (
            pd.DataFrame({"a": ["x"], "b": ["y"], "c": ["z"]}),
            "expected the columns head, relation, tail, found a, b",
        ),
        (
            pd.DataFrame({"head": ["x", None], "relation": ["y", "y"], "tail": ["z", "z"]}),
            "row 2: expected three",
        ),
        (pd.DataFrame({"head": [0.5], "relation": ["y"], "tail": ["z"]}), "row 1: expected three labels, found '0.5'"),
        (pd.DataFrame({"head": [], "relation": [], "tail": []}), "expected at least one triple, found none"),
    ],
)
def test_parquet_of_something_else_is_named(frame: pd.DataFrame, says: str, tmp_path: Path) -> None:
    parquet(tmp_path)
    frame.to_parquet(tmp_path / "valid.parquet")
    with pytest.raises(DataError) as error:
        layouts.read("small", tmp_path)
    assert f"{tmp_path / 'valid.parquet'}: {says}" in str(error.value)


def test_parquet_labels_may_be_numbers_and_a_damaged_file_is_one_line(tmp_path: Path) -> None:
    for part in PARTS:
        pd.DataFrame({"h": [1, 2], "r": [0, 0], "t": [2, 3]}).to_parquet(tmp_path / f"{part}.parquet")
    graph = layouts.read("small", tmp_path)
    assert isinstance(graph, CompletionGraph)
    assert graph.graph.entities == ["1", "2", "3"]
    whole = (tmp_path / "test.parquet").read_bytes()
    (tmp_path / "test.parquet").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match=r"test\.parquet: cannot be read: ") as error:
        layouts.read("small", tmp_path)
    assert "\n" not in str(error.value)


def test_without_pyarrow_one_line_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parquet(tmp_path)
    monkeypatch.setattr(libraries, "find_spec", lambda name: None)
    with pytest.raises(DataError, match=r"train\.parquet: to read parquet, pip install pyarrow$"):
        layouts.read("small", tmp_path)
