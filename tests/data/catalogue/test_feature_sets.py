"""Sets of vectors beside a dataset: whole or absent, the same bytes, and no malformed file is believed."""

import json
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save_file

from kgprism.platform.data.catalogue import datasets, feature_sets, toy
from kgprism.platform.data.catalogue.feature_sets import Header, find, read, sides, store, stored, surveyed
from kgprism.platform.data.graph import AlignedGraphs, Features
from kgprism.platform.errors import DataError


@pytest.fixture
def graphs() -> AlignedGraphs:
    return toy.aligned()


def vectors(graphs: AlignedGraphs, dtype: type = np.float32) -> dict[str, Features]:
    """Return three vectors a side."""
    return {side: Features(np.array([0, 2, 5]), np.arange(1, 13, dtype=dtype).reshape(3, 4)) for side in sides(graphs)}


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_what_is_stored_is_read_and_any_reader_of_the_format_reads_it(graphs: AlignedGraphs, dtype: type) -> None:
    made = vectors(graphs, dtype)
    header = Header("clip", "ab" * 32, "lib 1.0", "224 x 224", "mean", {"kg1": {"pictures": 3}, "kg2": {"pictures": 4}})
    files = store(graphs, "image", "clip-b.32", made, header)
    assert [file.name for file in files] == [f"image.clip-b.32.{side}.safetensors" for side in ("kg1", "kg2")]
    (found,) = stored("toy")
    assert (found.modality, found.name, found.header, found.width) == ("image", "clip-b.32", header, 4)
    for side, features in read(graphs, found).items():
        np.testing.assert_array_equal(features.entities, made[side].entities)
        np.testing.assert_array_equal(features.values, made[side].values)
        assert features.values.dtype == dtype
    with safe_open(files[1], "numpy") as opened:
        np.testing.assert_array_equal(opened.get_tensor("values"), made["kg2"].values)
        said = opened.metadata()
    assert said["format"] == "kgprism.features/1"
    assert json.loads(said["counts"]) == {"pictures": 4}
    assert said["labels"] == feature_sets.labels_digest(graphs.right.entities)


def test_the_same_vectors_are_the_same_bytes(graphs: AlignedGraphs) -> None:
    files = store(graphs, "image", "clip", vectors(graphs), Header("clip"))
    before = [file.read_bytes() for file in files]
    store(graphs, "image", "clip", vectors(graphs), Header("clip"))
    assert [file.read_bytes() for file in files] == before


def test_all_sides_are_written_or_none(graphs: AlignedGraphs, monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    write = feature_sets.write_vectors

    def broken(file: Path, features: Features, said: dict[str, str]) -> None:
        if ".kg2." in file.name:
            raise OSError(28, "No space left on device", str(file))
        write(file, features, said)

    monkeypatch.setattr(feature_sets, "write_vectors", broken)
    with pytest.raises(DataError, match="No space left"):
        store(graphs, "image", "clip", vectors(graphs), Header("clip"))
    assert [path for path in (home / "data").rglob("*") if path.is_file()] == []
    assert stored("toy") == []


@pytest.mark.parametrize("word", ["", ".hidden", "a/b", "a b", "../x", "1e3", "x" * 61, "true", "published", "ö"])
def test_names_are_plain_words_that_a_setting_can_say(graphs: AlignedGraphs, word: str) -> None:
    with pytest.raises(DataError, match=r"choose another name|is no name"):
        store(graphs, "image", word, vectors(graphs), Header("clip"))
    with pytest.raises(DataError, match="is no name for a modality"):
        store(graphs, "a.b", "clip", vectors(graphs), Header("clip"))


def test_vectors_that_no_run_could_read_are_not_stored(graphs: AlignedGraphs) -> None:
    good = vectors(graphs)
    one = good["kg1"]
    for bad, told in [
        (Features(one.entities[::-1].copy(), one.values), "ascending"),
        (Features(np.array([0, 2, 440]), one.values), "below 440"),
        (Features(one.entities, one.values[:2]), "3 rows"),
        (Features(one.entities, one.values.astype(np.float64)), "float16 or float32"),
        (Features(one.entities, one.values * np.float32(np.inf)), "not finite"),
        (Features(one.entities, one.values[:, :3]), "differ in width"),
    ]:
        with pytest.raises(DataError, match=told):
            store(graphs, "image", "clip", good | {"kg1": bad}, Header("clip"))
    with pytest.raises(DataError, match="expected vectors of kg1, kg2, got kg"):
        store(graphs, "image", "clip", {"kg": one}, Header("clip"))
    zeros = {side: Features(v.entities, v.values * 0) for side, v in good.items()}
    with pytest.raises(DataError, match="zero"):
        store(graphs, "image", "clip", zeros, Header("clip"))


def foreign(file: Path) -> None:
    save_file({"values": np.ones((3, 4), np.float32)}, file, {"format": "pt"})


def other_format(file: Path) -> None:
    data = file.read_bytes()
    file.write_bytes(data.replace(b"kgprism.features/1", b"kgprism.features/2"))


def lying_offsets(file: Path) -> None:
    data = file.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    head = json.loads(data[8 : 8 + length])
    head["values"]["shape"] = [2**40, 4]
    text = json.dumps(head).encode()
    file.write_bytes(struct.pack("<Q", len(text)) + text + data[8 + length :])


def huge_header(file: Path) -> None:
    file.write_bytes(struct.pack("<Q", 2**60) + file.read_bytes()[8:])


@pytest.mark.parametrize(
    "damage",
    [
        foreign,
        other_format,
        lying_offsets,
        huge_header,
        lambda file: file.write_bytes(b""),
        lambda file: file.write_bytes(b"no safetensors at all, but some bytes"),
        lambda file: file.write_bytes(file.read_bytes()[:-1]),
        lambda file: file.write_bytes(file.read_bytes() + b"\0"),
        lambda file: file.unlink(),
        lambda file: (file.unlink(), file.mkdir()),
    ],
)
def test_a_damaged_or_foreign_file_is_named_in_one_line(graphs: AlignedGraphs, damage) -> None:
    files = store(graphs, "image", "clip", vectors(graphs), Header("clip"))
    store(graphs, "image", "vit", vectors(graphs), Header("vit"))
    damage(files[0])
    for look in (lambda: stored("toy"), lambda: find("toy", "image", "clip")):
        with pytest.raises(DataError) as told:
            look()
        assert "image.clip.kg" in str(told.value)
        assert "\n" not in str(told.value)
    found, problems = surveyed("toy")
    assert [one.name for one in found] == ["vit"]
    assert len(problems) == 1
    assert find("toy", "image", "vit").name == "vit"


def test_a_bit_that_turned_is_noticed_when_vectors_are_read(graphs: AlignedGraphs) -> None:
    files = store(graphs, "image", "clip", vectors(graphs), Header("clip"))
    data = bytearray(files[1].read_bytes())
    data[-3] ^= 1
    files[1].write_bytes(data)
    with pytest.raises(DataError, match=r"image\.clip\.kg2\.safetensors: damaged"):
        read(graphs, find("toy", "image", "clip"))


def test_sides_of_two_writings_are_no_set(graphs: AlignedGraphs) -> None:
    files = store(graphs, "image", "clip", vectors(graphs), Header("clip"))
    kept = files[0].read_bytes()
    store(
        graphs,
        "image",
        "clip",
        {side: Features(v.entities, -v.values) for side, v in vectors(graphs).items()},
        Header("clip"),
    )
    files[0].write_bytes(kept)
    with pytest.raises(DataError, match="not whole"):
        stored("toy")


def test_a_file_of_another_name_is_told_and_hides_no_set(graphs: AlignedGraphs, home: Path) -> None:
    store(graphs, "image", "clip", vectors(graphs), Header("clip"))
    (home / "data" / "toy" / "features" / "mine.safetensors").write_bytes(b"")
    sets, (problem,) = surveyed("toy")
    assert [str(one) for one in sets] == [str(one) for one in stored("toy")] == ["image.clip"]
    assert "mine.safetensors: no file of kgprism's" in problem


def test_a_set_of_other_entities_is_refused_with_what_to_type(graphs: AlignedGraphs) -> None:
    store(graphs, "image", "clip", vectors(graphs), Header("clip"))
    changed = replace(graphs, left=replace(graphs.left, entities=graphs.left.entities[::-1]))
    with pytest.raises(
        DataError,
        match=r"toy was changed since .*`kgprism data features toy --images .* --as image:clip.* rm toy:image.clip",
    ):
        read(changed, find("toy", "image", "clip"))


def test_the_holdout_of_a_dataset_has_its_sets(put_set) -> None:
    whole = toy.completion()
    put_set(whole, "text", "bert")
    held = datasets.load("toy-completion_holdout")
    (found,) = stored(held.name)
    np.testing.assert_array_equal(read(held, found)["kg"].entities, np.arange(0, len(whole.graph.entities), 2))


def test_a_name_that_no_folder_can_have_has_no_sets() -> None:
    assert stored("../toy") == []
    assert stored("") == []
