"""Words of names, their vectors from a GloVe file, their characters: what is counted here is counted by hand."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from kgprism.platform.data import surface_forms
from kgprism.platform.data.catalogue import counts, datasets, toy
from kgprism.platform.data.graph import AlignedGraphs, MultiModalGraph
from kgprism.platform.data.inputs.features import join
from kgprism.platform.data.readers import layouts
from kgprism.platform.errors import DataError
from kgprism.platform.settings import AlignmentData

GLOVE = "the 0 0 1\nred 3 0 0\nunread 7 7 7\nhouse 0 5 0\n. . . 9 9 9\nred 8 8 8\n"
#: Left: a known word twice and an unknown one, an unknown one, no name, a word of one letter.
LEFT = ["Red HOUSE red zzz", "zzz", "", "q"]
RIGHT = ["the red", "house"]
FILES = {
    "kg1/entities.tsv": "".join(f"{n}\ta{n}\n" for n in range(4)),
    "kg1/names.tsv": "".join(f"{n}\t{name}\n" for n, name in enumerate(LEFT) if name),
    "kg1/relations.tsv": "0\tr\n",
    "kg1/triples.tsv": "0\t0\t1\n",
    "kg2/entities.tsv": "0\tA\n1\tB\n",
    "kg2/names.tsv": "".join(f"{n}\t{name}\n" for n, name in enumerate(RIGHT)),
    "kg2/relations.tsv": "0\ts\n",
    "kg2/triples.tsv": "1\t0\t0\n",
    "pairs.tsv": "0\t0\n1\t1\n",
}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write(tmp_path / "source", FILES)


@pytest.fixture
def glove(tmp_path: Path) -> Path:
    (tmp_path / "glove.txt").write_text(GLOVE)
    return tmp_path / "glove.txt"


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def loaded(name: str = "mine") -> AlignedGraphs:
    dataset = datasets.load(name)
    assert isinstance(dataset, AlignedGraphs)
    return dataset


def by_label(graphs: AlignedGraphs, rows: torch.Tensor) -> dict[str, list[float]]:
    return dict(zip([*graphs.left.entities, *graphs.right.entities], rows.tolist(), strict=True))


def small() -> AlignedGraphs:
    nothing = np.zeros((0, 3), np.int64)
    left = MultiModalGraph([f"a{n}" for n in range(4)], [], nothing, names=LEFT)
    right = MultiModalGraph(["A", "B"], [], nothing, names=RIGHT)
    return AlignedGraphs("small", left, right, np.array([[0, 0], [1, 1]]))


def test_import_keeps_the_vectors_of_words_in_names(own_home: Path, source: Path, glove: Path) -> None:
    done = datasets.import_dataset("mine", source, glove=glove)
    kept = done.folder / surface_forms.NAME_VECTORS
    assert kept.read_text() == "the 0 0 1\nred 3 0 0\nhouse 0 5 0\n"
    assert done.files == len(FILES) + 1
    graphs = loaded()
    assert graphs.modalities == {"relation", "name", "char"}
    joint = join(graphs, AlignmentData(), 0, {"name"})
    found = by_label(graphs, joint.features["name"])
    # (3, 0, 0) twice and (0, 5, 0) once: a mean of (2, 5/3, 0).
    whole = np.hypot(6, 5)
    assert found["a0"] == pytest.approx([6 / whole, 5 / whole, 0])
    assert found["A"] == pytest.approx([3 / np.sqrt(10), 0, 1 / np.sqrt(10)])
    assert found["B"] == pytest.approx([0, 1, 0])
    there = by_label(graphs, joint.present["name"])
    assert there == {"a0": True, "a1": False, "a2": False, "a3": False, "A": True, "B": True}
    assert torch.linalg.vector_norm(joint.features["name"], dim=1).tolist() == pytest.approx([1] * 6)


def test_the_translated_names_of_dbp15k_too(own_home: Path, tmp_path: Path, glove: Path) -> None:
    ids = {"ent_ids_1": "0\ta0\n1\ta1\n", "ent_ids_2": "2\tA\n3\tB\n", "ill_ent_ids": "0\t2\n"}
    names = json.dumps([[0, ["Red", "house", "red"]], [1, ["zzz"]], [2, ["the"]]])
    triples = {"triples_1": "0\t0\t1\n", "triples_2": "2\t1\t3\n", "../translated_ent_name/dbp_xx_en.json": names}
    datasets.import_dataset("mine", write(tmp_path / "xx_en", ids | triples), glove=glove)
    graphs = loaded()
    found = by_label(graphs, join(graphs, AlignmentData(), 0, {"name"}).features["name"])
    assert found["a0"] == pytest.approx([6 / np.hypot(6, 5), 5 / np.hypot(6, 5), 0])
    assert found["A"] == [0, 0, 1]
    assert sorted(graphs.left.names) == ["Red house red", "zzz"]


def test_an_import_with_other_vectors_is_other_data(own_home: Path, source: Path, glove: Path) -> None:
    datasets.import_dataset("mine", source)
    assert loaded().modalities == {"relation", "char"}
    with pytest.raises(DataError, match="repeat with --replace"):
        datasets.import_dataset("mine", source, glove=glove)
    before = loaded().fingerprint
    assert datasets.import_dataset("mine", source, glove=glove, replace=True).changed
    assert loaded().fingerprint != before
    assert not datasets.import_dataset("mine", source, glove=glove).changed
    with pytest.raises(DataError, match="repeat with --replace"):
        datasets.import_dataset("mine", source)
    # From the home's own copy, which has the vectors: the same dataset under another name.
    datasets.import_dataset("other", own_home / "data" / "mine")
    assert loaded("other").fingerprint == loaded().fingerprint


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("the 0 0\nred 3 0 0\n", r"glove.txt:2: expected a word and 2 numbers .*found 'red 3 0 0'"),
        ("the 0 0\nother 3\n", r"glove.txt:2: expected a word and 2 numbers .*found 'other 3'"),
        ("the 0 0\n\nred 1 1\n", r"glove.txt:2: expected a word and 2 numbers"),
        ("the 0 0\nred 3 x\n", r"glove.txt:2: expected numbers behind the word, found 'x'"),
        ("the 0 0\nred 3 nan\n", r"glove.txt:2: expected numbers that float32 can hold, found 'nan'"),
        ("red 3 1e99\n", r"glove.txt:1: expected numbers that float32 can hold, found '1e99'"),
        ("a file of prose\n", r"glove.txt:1: expected numbers behind the word, found 'file'"),
        ("red\n", r"glove.txt:1: expected a word and its numbers with spaces between them, found 'red'"),
        ("other 1 2\n", r"glove.txt: has none of the 5 words in the names of mine"),
        ("", r"glove.txt: has none of the 5 words"),
    ],
)
def test_a_malformed_file_is_named_with_its_line(
    own_home: Path, source: Path, tmp_path: Path, text: str, says: str
) -> None:
    (tmp_path / "glove.txt").write_text(text)
    with pytest.raises(DataError, match=says) as error:
        datasets.import_dataset("mine", source, glove=tmp_path / "glove.txt")
    assert "\n" not in str(error.value)
    assert not (own_home / "data").exists()


def test_what_has_no_names_refuses_vectors(own_home: Path, source: Path, glove: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"absent\.txt: cannot be read"):
        datasets.import_dataset("mine", source, glove=tmp_path / "absent.txt")
    for side in ("kg1", "kg2"):
        (source / side / "names.tsv").unlink()
    with pytest.raises(DataError, match="mine has no names"):
        datasets.import_dataset("mine", source, glove=glove)
    datasets.import_dataset("mine", source)
    assert loaded().modalities == {"relation"}
    with pytest.raises(DataError, match="mine has no char features"):
        join(loaded(), AlignmentData(), 0, {"char"})


def test_one_line_is_held_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A damaged line far behind the wanted ones is still found, so all of the file is looked at.
    file = tmp_path / "glove.txt"
    file.write_text("red 1 2\n" + "word 0 0\n" * 1000 + "cut 1\n")
    with pytest.raises(DataError, match=r"glove\.txt:1002: "):
        surface_forms.select_lines(file, {"red"})
    monkeypatch.setattr(Path, "read_bytes", lambda *_: pytest.fail("read whole"))
    monkeypatch.setattr(Path, "read_text", lambda *_: pytest.fail("read whole"))
    file.write_bytes(file.open("rb").read().replace(b"cut 1\n", b"cut 1 2\r\n"))
    assert surface_forms.select_lines(file, {"red", "cut", "absent"}) == {"red": b"red 1 2", "cut": b"cut 1 2"}


def test_characters_are_pairs_inside_words() -> None:
    joint = join(small(), AlignmentData(), 0, {"char"})
    # Pairs in the order of their code points: ed he ho ou re se th us zz.
    raw = [[2, 0, 1, 1, 2, 1, 0, 1, 2], [0] * 8 + [2], *[[0] * 9] * 2, [1, 1, 0, 0, 1, 0, 1, 0, 0]]
    table = np.array([*raw, [0, 0, 1, 1, 0, 1, 0, 1, 0]], float)
    there = np.array([True, True, False, False, True, True])
    assert joint.present["char"].tolist() == there.tolist()
    lengths = np.linalg.norm(table[there], axis=1, keepdims=True)
    np.testing.assert_allclose(joint.features["char"].numpy()[there], table[there] / lengths, rtol=1e-6)


@pytest.mark.parametrize("modality", ["name", "char"])
def test_rows_without_a_word_are_random_by_the_seed(modality: str) -> None:
    graphs = toy.aligned()
    one, again, other = (join(graphs, AlignmentData(), seed, {modality}) for seed in (0, 0, 1))
    assert torch.equal(one.features[modality], again.features[modality])
    there = one.present[modality]
    assert torch.equal(one.features[modality][there], other.features[modality][there])
    drawn, elsewhere = one.features[modality][~there], other.features[modality][~there]
    assert len(drawn) > 20
    assert not torch.isclose(drawn, elsewhere).all(1).any()
    assert torch.linalg.vector_norm(drawn, dim=1).allclose(torch.ones(len(drawn)))
    # Uniform numbers between -1/2 and 1/2 are as often below zero as above. Their fourth moment is 9/5 of the squared
    # second one, which a row's length does not change; that of normal numbers would be 3.
    assert abs((drawn < 0).float().mean() - 0.5) < 3 * 0.5 / drawn.numel() ** 0.5
    assert drawn.shape[1] * drawn.pow(4).sum(1).mean() == pytest.approx(1.8, abs=0.2)


def test_toy_has_names_that_tell_a_part() -> None:
    graphs = toy.aligned()
    assert {"name", "char"} <= graphs.modalities
    shared = [
        len(set(graphs.left.names[left].split()) & set(graphs.right.names[right].split()))
        for left, right in graphs.pairs
    ]
    # Two words, each kept by a side two times in three, no name one time in twenty: 0.67^2 * 0.95^2 = 0.405 of 800.
    assert abs(sum(shared) / 800 - 0.405) < 0.06
    assert {0, 1, 2} == set(shared)
    equal = sum(left == right for left in graphs.left.names for right in graphs.right.names if left)
    assert equal < 120


def test_names_that_cannot_be_spelt_are_no_characters() -> None:
    graphs = small()
    alone = replace(graphs, right=replace(graphs.right, names=["q", ""]))
    assert "char" not in alone.modalities
    assert "char" not in replace(graphs, right=replace(graphs.right, names=[])).modalities


def test_what_is_covered_is_told(own_home: Path, source: Path, glove: Path) -> None:
    datasets.import_dataset("mine", source)
    (line,) = counts.advice(loaded())
    assert "kgprism data import mine --from DIR --glove FILE" in line
    datasets.import_dataset("mine", source, glove=glove, replace=True)
    assert counts.advice(loaded()) == []
    assert counts.coverage(loaded()) == [
        {"graph": "left", "entities": 4, "names": 3, "vectors": 1},
        {"graph": "right", "entities": 2, "names": 2, "vectors": 2},
    ]


def test_order_of_the_files_does_not_matter(tmp_path: Path) -> None:
    turned = FILES | {
        "kg1/names.tsv": "".join(reversed(FILES["kg1/names.tsv"].splitlines(True))),
        surface_forms.NAME_VECTORS: "house 0 5 0\nred 3 0 0\nthe 0 0 1\n",
    }
    one = write(tmp_path / "one", FILES | {surface_forms.NAME_VECTORS: "the 0 0 1\nred 3 0 0\nhouse 0 5 0\n"})
    found = [layouts.read("small", folder) for folder in (one, write(tmp_path / "two", turned))]
    assert found[0].fingerprint == found[1].fingerprint


@pytest.mark.real
def test_characters_of_dbp15k(real: Path) -> None:
    listed = json.loads((real / "raw/DBP15K/translated_ent_name/dbp_fr_en.json").read_text())
    pairs: dict[int, list[str]] = {}
    for entity, words in listed:
        pairs[entity] = [a + b for word in words for a, b in zip(word.lower(), word.lower()[1:], strict=False)]
    columns = sorted({pair for found in pairs.values() for pair in found})
    graphs = layouts.read("dbp15k-fr-en", real / "raw/DBP15K/fr_en")
    assert isinstance(graphs, AlignedGraphs)
    joint = join(graphs, AlignmentData(), 0, {"char"})
    table, there = joint.features["char"], joint.present["char"]
    assert table.shape == (19661 + 19993, len(columns))
    assert int(there.sum()) == sum(map(bool, pairs.values()))
    labels = dict(
        line.split("\t")[::-1]
        for side in ("1", "2")
        for line in (real / f"raw/DBP15K/fr_en/ent_ids_{side}").read_text().splitlines()
    )
    for place in range(0, joint.entities, 997):
        label = [*graphs.left.entities, *graphs.right.entities][place]
        found = pairs[int(labels[label])]
        expected = np.array([found.count(pair) for pair in columns], float)
        if found:
            np.testing.assert_allclose(table[place].numpy(), expected / np.linalg.norm(expected), rtol=1e-5)
    plain = layouts.read("dbp15k-fr-en", real / "DBP15K_FR_EN")
    assert isinstance(plain, AlignedGraphs)
    both = dict(zip(graphs.left.entities, table[: joint.left], strict=True))
    other = dict(zip(plain.left.entities, join(plain, AlignmentData(), 0, {"char"}).features["char"], strict=False))
    assert len(both) == len(other)
    some = [label for label in list(both)[::97] if other[label].sum() > 1]
    assert all(torch.equal(both[label], other[label]) for label in some)
    assert len(some) > 150
