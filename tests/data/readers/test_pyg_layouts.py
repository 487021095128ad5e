"""Raw folders as PyTorch Geometric keeps them: what its own classes make of them is what the readers make of them."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torch_geometric.datasets import DBP15K, FB15k_237, RelLinkPredDataset, WordNet18RR

import kgprism
from kgprism.platform.data.catalogue import datasets
from kgprism.platform.data.graph import AlignedGraphs, CompletionGraph, MultiModalGraph
from kgprism.platform.data.readers import layouts
from kgprism.platform.errors import DataError
from kgprism.platform.seeding import generator

PARTS = {"train": 60, "valid": 12, "test": 12}
LANGUAGES = ("en_zh", "en_fr", "en_ja", "zh_en", "fr_en", "ja_en")
FREEBASE = [f"/film/film/{word}" for word in ("genre", "country", "language", "edited_by", "music")]


def write_triples(raw: Path, relations: list[str], entities: list[str]) -> None:
    raw.mkdir(parents=True)
    draw = generator(0, "raw triples")
    for part, count in PARTS.items():
        rows = zip(
            draw.choice(entities, count), draw.choice(relations, count), draw.choice(entities, count), strict=True
        )
        (raw / f"{part}.txt").write_text("".join("\t".join(row) + "\n" for row in rows))


def completion(folder: Path) -> CompletionGraph:
    dataset = layouts.read("small", folder)
    assert isinstance(dataset, CompletionGraph)
    return dataset


def parts(dataset: CompletionGraph) -> list[np.ndarray]:
    return [dataset.graph.triples, dataset.valid, dataset.test]


def triples(edge_index: Tensor, edge_type: Tensor) -> list[list[int]]:
    return torch.stack([edge_index[0], edge_type, edge_index[1]], dim=1).tolist()


def test_fb15k_237_has_the_edges_that_pyg_gives_it(tmp_path: Path) -> None:
    write_triples(tmp_path / "raw", FREEBASE, [f"/m/0{letter}" for letter in "abcdefghijklmnop"])
    dataset = completion(tmp_path)
    assert layouts.recognise(tmp_path).name == "pyg-triples"
    for split, mine in zip(("train", "val", "test"), parts(dataset), strict=True):
        theirs = FB15k_237(str(tmp_path), split)[0]
        assert mine.tolist() == triples(theirs.edge_index, theirs.edge_type)
        assert len(dataset.graph.entities) == theirs.num_nodes
    first = FB15k_237(str(tmp_path))[0]
    edges = kgprism.to_pyg(dataset)["entity", "relates", "entity"]
    assert torch.equal(edges.edge_index, first.edge_index)
    assert torch.equal(edges.edge_type, first.edge_type)
    head, relation, tail = (tmp_path / "raw/train.txt").read_text().splitlines()[0].split("\t")
    assert (dataset.graph.entities[0], dataset.graph.relations[0]) == (head, relation)
    assert dataset.graph.entities[int(dataset.graph.triples[0, 2])] == tail


def test_wordnet18rr_has_the_edges_that_pyg_gives_it(tmp_path: Path) -> None:
    """PyG sorts the edges by their ends and marks their parts."""
    write_triples(tmp_path / "raw", sorted(WordNet18RR.edge2id)[2:9], [f"{number:08}" for number in range(40)])
    theirs = WordNet18RR(str(tmp_path))[0]
    dataset = completion(tmp_path)
    assert dataset.graph.relations == sorted(WordNet18RR.edge2id, key=WordNet18RR.edge2id.__getitem__)
    assert len(dataset.graph.entities) == theirs.num_nodes
    masks = (theirs.train_mask, theirs.val_mask, theirs.test_mask)
    for mask, mine in zip(masks, parts(dataset), strict=True):
        assert sorted(mine.tolist()) == sorted(triples(theirs.edge_index[:, mask], theirs.edge_type[mask]))


def write_dictionaries(raw: Path) -> None:
    rows = [line.split("\t") for part in PARTS for line in (raw / f"{part}.txt").read_text().splitlines()]
    labels = {"entities": {row[column] for row in rows for column in (0, 2)}, "relations": {row[1] for row in rows}}
    for what, found in labels.items():
        (raw / f"{what}.dict").write_text("".join(f"{i}\t{label}\n" for i, label in enumerate(sorted(found))))


def test_dictionaries_number_entities_and_relations(tmp_path: Path) -> None:
    folder = tmp_path / "FB15k-237"
    write_triples(folder / "raw", FREEBASE, [f"/m/0{letter}" for letter in "abcdefghijklmnop"])
    write_dictionaries(folder / "raw")
    theirs = RelLinkPredDataset(str(tmp_path), "FB15k-237")[0]
    dataset = completion(folder)
    assert dataset.graph.entities == sorted(dataset.graph.entities)
    for part, mine in zip(PARTS, parts(dataset), strict=True):
        assert mine.tolist() == triples(theirs[f"{part}_edge_index"], theirs[f"{part}_edge_type"])
    assert layouts.recognise(folder / "raw").name == "triples"
    assert layouts.read("small", folder / "raw").fingerprint == dataset.fingerprint


WORDS = ("red", "green", "blue", "house", "river")
LEFT = {10: "red House", 4: "river", 7: "", 12: "green green"}
RIGHT = {101: "blue", 103: "river house", 100: "red"}
TRIPLES = {"1": [(10, 7, 4), (4, 7, 10), (12, 3, 7), (7, 7, 7)], "2": [(103, 2, 100), (101, 9, 103)]}
EXAMPLES = {
    "train.examples.20": [(10, 103, 1), (10, 101, 0)],
    "test.examples.1000": [(4, 101, 0), (4, 100, 1), (7, 101, 1)],
}


def write_dbp15k(root: Path, *languages: str) -> Path:
    """Write the same small pair for each of the languages; PyG looks for all six folders."""
    for name in LANGUAGES:
        (root / "raw" / name).mkdir(parents=True)
    for name in languages:
        folder = root / "raw" / name
        for side, names in (("1", LEFT), ("2", RIGHT)):
            told = "".join(f"{number}\t{text}\n" if text else f"{number}\n" for number, text in names.items())
            (folder / f"id_features_{side}").write_text(told)
            (folder / f"triples_{side}").write_text("".join("\t".join(map(str, row)) + "\n" for row in TRIPLES[side]))
        for file, rows in EXAMPLES.items():
            (folder / file).write_text("".join("\t".join(map(str, row)) + "\n" for row in rows))
    draw = generator(0, "word vectors").normal(size=(len(WORDS) + 1, 300)).round(3)
    vectors = [f"{word} " + " ".join(map(str, row)) for word, row in zip(WORDS, draw, strict=False)]
    (root / "raw/sub.glove.300d").write_text(
        "\n".join([*vectors[:2], " ".join(map(str, draw[-1])), *vectors[2:]]) + "\n"
    )
    return root / "raw" / languages[0]


def aligned(folder: Path) -> AlignedGraphs:
    dataset = layouts.read("small", folder)
    assert isinstance(dataset, AlignedGraphs)
    return dataset


def places(graph: MultiModalGraph, names: Mapping[int, str]) -> np.ndarray:
    """Return PyG's number of every entity of ours: the row of its published id."""
    rows = {str(number): row for row, number in enumerate(names)}
    return np.array([rows[label] for label in graph.entities])


def test_dbp15k_has_the_edges_pairs_and_words_that_pyg_gives_it(tmp_path: Path) -> None:
    folder = write_dbp15k(tmp_path, "zh_en")
    dataset, theirs = aligned(folder), DBP15K(str(tmp_path), "zh_en")[0]
    assert layouts.recognise(folder).name == "pyg-dbp15k-pair"
    sides = places(dataset.left, LEFT), places(dataset.right, RIGHT)
    for side, graph, place, names in zip("12", (dataset.left, dataset.right), sides, (LEFT, RIGHT), strict=True):
        heads, kinds, tails = graph.triples.T
        labels = [int(graph.relations[kind]) for kind in kinds]
        mine = Counter(zip(place[heads].tolist(), labels, place[tails].tolist(), strict=True))
        assert mine == Counter(map(tuple, triples(theirs[f"edge_index{side}"], theirs[f"rel{side}"])))
        assert [graph.names[i] for i in np.argsort(place)] == list(names.values())
        told = {int(place[i]): row for i, row in zip(*vars(graph.features["name"]).values(), strict=True)}
        assert sorted(told) == [row for row, text in enumerate(names.values()) if text]
        for row, vector in told.items():
            words = len(list(names.values())[row].split())
            assert vector == pytest.approx(theirs[f"x{side}"][row, :words].mean(dim=0).numpy(), abs=1e-6)
    for part in ("train", "test"):
        moved = [place[column] for place, column in zip(sides, dataset.published[part].T, strict=True)]
        assert np.array_equal(moved, theirs[f"{part}_y"].numpy())
    assert dataset.pairs.tolist() == np.concatenate([dataset.published[p] for p in ("train", "test")]).tolist()


def test_pygs_own_folder_is_enough_where_it_holds_one_pair_of_languages(tmp_path: Path) -> None:
    folder = write_dbp15k(tmp_path / "one", "zh_en")
    assert aligned(tmp_path / "one").fingerprint == aligned(folder).fingerprint
    write_dbp15k(tmp_path / "more", "zh_en", "fr_en")
    with pytest.raises(DataError) as told:
        layouts.read("small", tmp_path / "more")
    place = tmp_path / "more"
    assert str(told.value) == f"{place}: holds 2 datasets (fr_en, zh_en): name one of them, such as {place}/raw/zh_en"


def test_word_vectors_are_not_needed(tmp_path: Path) -> None:
    folder = write_dbp15k(tmp_path, "zh_en")
    (tmp_path / "raw/sub.glove.300d").unlink()
    dataset = aligned(folder)
    assert dataset.left.features == {}
    assert sorted(dataset.left.names) == sorted(LEFT.values())


@pytest.mark.parametrize("place", ["", "raw/zh_en"])
def test_an_import_copies_what_is_read_and_reads_the_same(tmp_path: Path, place: str) -> None:
    write_dbp15k(tmp_path, "zh_en")
    done = datasets.import_dataset("small", tmp_path / place)
    assert (done.files, done.changed) == (7, True)
    assert kgprism.load_dataset("small").fingerprint == aligned(tmp_path / place).fingerprint
    write_triples(tmp_path / "other/raw", FREEBASE, ["/m/0a", "/m/0b"])
    assert datasets.import_dataset("other", tmp_path / "other").layout == "pyg-triples"
    assert kgprism.load_dataset("other").fingerprint == completion(tmp_path / "other").fingerprint


#: A file, what stands in it, and what is said about which line of which file.
WRONG = {
    "a column too few": (
        *("train.txt", "a\tr\tb\na\tr\n"),
        "train.txt:2: expected head, relation, tail separated by tabs, found 'a\\tr'",
    ),
    "no triple": ("valid.txt", "", "valid.txt:1: expected at least one triple, found none"),
    "an entity without an id": ("entities.dict", "0\ta\n", "train.txt:1: unknown entity 'b'"),
    "a relation without an id": ("relations.dict", "0\tt\n", "train.txt:1: unknown relation 'r'"),
    "an id that is left out": (
        *("entities.dict", "0\ta\n2\tb\n"),
        "entities.dict:2: unknown entity id '2' (known: 0 to 1)",
    ),
    "an id twice": (
        *("entities.dict", "0\ta\n0\tb\n"),
        "entities.dict:2: expected every entity id once, found '0' again",
    ),
    "a label twice": (
        *("entities.dict", "0\ta\n1\ta\n"),
        "entities.dict:2: expected every entity label once, found 'a' again",
    ),
    "no id": (
        *("relations.dict", "r\n"),
        "relations.dict:1: expected relation id, label separated by a tab, found 'r'",
    ),
}


@pytest.mark.parametrize(("file", "text", "message"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_with_triples_is_one_line(tmp_path: Path, file: str, text: str, message: str) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    for part in PARTS:
        (raw / f"{part}.txt").write_text("a\tr\tb\n")
    (raw / file).write_text(text)
    with pytest.raises(DataError) as told:
        layouts.read("small", tmp_path)
    assert str(told.value) == f"{raw}/{message}"


NUMBERS = " ".join(["1"] * 299)
WRONG_DBP15K = {
    "an unknown head": ("zh_en/triples_1", "10\t7\t4\n5\t7\t4\n", ":2: unknown head entity id '5'"),
    "a name where an id should be": (
        *("zh_en/id_features_2", "100\tred\nriver\n"),
        ":2: expected entity id, name separated by a tab, found 'river'",
    ),
    "an id twice": (
        *("zh_en/id_features_2", "100\tred\n100\n"),
        ":2: expected every entity id once, found '100' again",
    ),
    "an unknown example": (
        *("zh_en/test.examples.1000", "4\t100\t1\n4\t99\t0\n"),
        ":2: unknown right entity id '99'",
    ),
    "no mark": (
        *("zh_en/train.examples.20", "4\t100\n"),
        ":1: expected left entity id, right entity id, 1 for a pair or 0 separated by tabs, found '4\\t100'",
    ),
    "too few numbers": ("sub.glove.300d", "red 1 2\n", ":1: expected a word and 300 numbers, found 'red 1 2'"),
    "no number": ("sub.glove.300d", f"red {NUMBERS} x\n", ":1: expected a word and 300 numbers, found 'red 1 1"),
    "not finite": ("sub.glove.300d", f"red {NUMBERS} nan\n", ":1: expected a word and 300 numbers, found 'red 1 1"),
}


@pytest.mark.parametrize(("file", "text", "message"), WRONG_DBP15K.values(), ids=WRONG_DBP15K)
def test_what_is_wrong_with_dbp15k_is_one_line(tmp_path: Path, file: str, text: str, message: str) -> None:
    folder = write_dbp15k(tmp_path, "zh_en")
    (tmp_path / "raw" / file).write_text(text)
    with pytest.raises(DataError) as told:
        layouts.read("small", folder)
    assert str(told.value).startswith(f"{tmp_path}/raw/{file}{message}")
    assert "\n" not in str(told.value)


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    folder = write_dbp15k(tmp_path, "zh_en")
    (folder / "train.examples.20").unlink()
    with pytest.raises(DataError, match=r"looks like the layout 'pyg-dbp15k-pair' but has no train\.examples\.20$"):
        layouts.read("small", folder)
