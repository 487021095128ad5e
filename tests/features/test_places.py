"""Whose a picture is: by its name, its folder or a manifest; and what is nobody's."""

import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from kgprism.platform.data.catalogue import datasets
from kgprism.platform.errors import DataError
from kgprism.platform.features.keys import keys_of
from kgprism.platform.features.places import Found, Place, given, pictures, read

RED = (255, 0, 0)
Paint = Callable[[dict[str, tuple[int, int, int]]], Path]
Row = Callable[[str, int], int]


def found(*words: str | Path) -> Found:
    keys = keys_of(datasets.load("small"))
    return pictures(given("--images", words, keys.known), keys)


def owners(found: Found, root: Path) -> dict[str, tuple[str, int]]:
    return {str(place).removeprefix(f"{root}{os.sep}"): entity for entity, own in found.items.items() for place in own}


@pytest.mark.parametrize(
    "name",
    [
        *("kg1/3.png", "kg1/3_1.png", "kg1/3-2.JPG", "kg1/3/any.png", "kg1/3/deep/er.webp", "kg1/sub/3.png"),
        *("kg1/Name_3é.png", "kg1/Name_3%C3%A9.png", "kg1/Name_3é_2.png", "kg1/x%3Akg1%2FName_3%C3%A9.png", "kg1/3"),
        "kg1/3.odd",
    ],
)
def test_a_picture_is_called_after_its_entity(name: str, painted: Paint, row: Row) -> None:
    root = painted({name: RED})
    assert owners(found(root), root) == {name: ("kg1", row("kg1", 3))}


def test_graphs_are_told_by_folders_by_words_or_by_order(painted: Paint, row: Row) -> None:
    root = painted({"both/kg1/1.png": RED, "both/kg2/1.png": RED, "alone/2.png": RED, "other/2.png": RED})
    assert list(found(root / "both").items) == [("kg1", row("kg1", 1)), ("kg2", row("kg2", 1))]
    by_word = found(f"kg2={root / 'alone'}")
    assert list(by_word.items) == [("kg2", row("kg2", 2))]
    in_order = found(root / "alone", root / "other")
    assert list(in_order.items) == [("kg1", row("kg1", 2)), ("kg2", row("kg2", 2))]


def test_a_name_in_both_graphs_is_refused(painted: Paint, small: str) -> None:
    root = painted({"2.png": RED})
    with pytest.raises(DataError, match="both graphs have an entity '2': put each graph's files into kg1/ and kg2/"):
        found(root)


def test_what_is_nobodys_is_counted_and_what_is_no_picture_is_not(painted: Paint, small: str) -> None:
    root = painted({"kg1/1.png": RED, "kg1/nobody.png": RED})
    (root / "kg1/readme.txt").write_text("no picture")
    assert found(root).strangers == [str(root / "kg1/nobody.png")]


def test_zip_archives_are_looked_into_also_below_folders(painted: Paint, row: Row, tmp_path: Path) -> None:
    root = painted({"kg1/0.png": RED})
    with zipfile.ZipFile(root / "kg1/images.zip", "w") as archive:
        archive.write(root / "kg1/0.png", "4_2.png")
        archive.write(root / "kg1/0.png", "5/a.png")
    seen = owners(found(root), root)
    assert seen["kg1/images.zip:4_2.png"] == ("kg1", row("kg1", 4))
    assert seen["kg1/images.zip:5/a.png"] == ("kg1", row("kg1", 5))
    place = Place(str(root / "kg1/images.zip"), "4_2.png")
    assert read(place, 2**20) == (root / "kg1/0.png").read_bytes()
    for large in (place, Place(str(root / "kg1/0.png"))):
        with pytest.raises(OSError, match="bytes, more than 10"):
            read(large, 10)


def test_a_manifest_names_entities_and_paths_from_where_it_lies(painted: Paint, row: Row) -> None:
    root = painted({"a.png": RED, "b.png": RED})
    (root / "list.tsv").write_text("6\ta.png\nx:kg1/Name_6é\tb.png\n99\ta.png\n", encoding="utf-8")
    seen = found(f"kg1={root / 'list.tsv'}")
    assert seen.items == {("kg1", row("kg1", 6)): [Place(str(root / "a.png")), Place(str(root / "b.png"))]}
    assert seen.strangers == ["99"]


def test_links_that_lead_to_themselves_and_pipes_end(painted: Paint, row: Row) -> None:
    root = painted({"kg1/1.png": RED})
    (root / "kg1/loop").symlink_to(root / "kg1")
    (root / "kg1/2.png").symlink_to(root / "kg1/2.png")
    os.mkfifo(root / "kg1/3.png")
    seen = owners(found(root), root)
    assert {name for name in seen if "loop" not in name} == {"kg1/1.png", "kg1/2.png", "kg1/3.png"}
    assert not any("loop/loop" in name for name in seen)
    for name in ("2.png", "3.png", "4.png"):
        with pytest.raises(OSError, match=r"symbolic links|not a file|No such file"):
            read(Place(str(root / "kg1" / name)), 99)


@pytest.mark.parametrize(
    ("word", "told"),
    [("nowhere", "no such file or folder"), ("kg3=x", "no such file"), ("kg=.", "the dataset has kg1 and kg2")],
)
def test_sources_that_are_not_there_are_told(word: str, told: str, small: str) -> None:
    with pytest.raises(DataError, match=told):
        found(word)


def test_a_damaged_archive_is_told(painted: Paint, small: str) -> None:
    root = painted({"kg1/1.png": RED})
    (root / "kg1/images.zip").write_bytes(b"PK\x03\x04 no archive")
    with pytest.raises(DataError, match=r"images\.zip: cannot be read as a zip archive"):
        found(root)


def test_folders_that_only_divide_files_are_refused_and_those_that_number_them_are_not(
    painted: Paint, row: Row
) -> None:
    shards = painted({"kg1/0/2.png": RED, "kg1/0/3.png": RED, "kg1/1/4.png": RED})
    with pytest.raises(DataError, match=r"2\.png: both its folder and the file are called after an entity: rename"):
        found(shards)
    numbered = painted({"n/kg1/5/0.png": RED, "n/kg1/5/1.png": RED, "n/kg1/6/0.png": RED, "n/kg1/6/1.png": RED})
    own = owners(found(numbered / "n"), numbered / "n")
    assert {name: entity[1] for name, entity in own.items()} == {
        f"kg1/{folder}/{number}.png": row("kg1", folder) for folder in (5, 6) for number in (0, 1)
    }


def test_hidden_folders_are_passed_by(painted: Paint, row: Row) -> None:
    root = painted({"kg1/.git/3.png": RED, "kg1/4.png": RED})
    assert owners(found(root), root) == {"kg1/4.png": ("kg1", row("kg1", 4))}


def test_sources_that_are_none_are_told_in_one_line(painted: Paint, small: str, tmp_path: Path) -> None:
    root = painted({"3.png": RED})
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "cut.zip").write_bytes(b"PK\3\4 and no more")
    for word, told in (
        ("", "an empty path: no such file or folder"),
        ("kg1=", "an empty path"),
        (tmp_path / "pipe", "no such file or folder"),
        (tmp_path / "cut.zip", "a damaged zip archive"),
        (root / "3.png", "one picture: give its folder"),
    ):
        with pytest.raises(DataError, match=told):
            found(word)


def test_rows_of_a_manifest_are_told_by_their_word_and_odd_paths_are_no_files(small: str, tmp_path: Path) -> None:
    file = tmp_path / "m.tsv"
    file.write_text("nobody\ta.png\nName_3é\ta\0b.png\n", encoding="utf-8")
    seen = found(f"kg1={file}")
    assert seen.strangers == ["nobody"]
    (place,) = [place for own in seen.items.values() for place in own]
    with pytest.raises(OSError, match="no path of a file"):
        read(place, 100)
