"""Datasets by name: what is said about unknown ones, and that importing and fetching are whole or not at all."""

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from kgprism.platform.data.catalogue import datasets
from kgprism.platform.data.catalogue.addresses import DOWNLOADS
from kgprism.platform.data.catalogue.published import BENCHMARKS
from kgprism.platform.data.graph import AlignedGraphs, CompletionGraph
from kgprism.platform.data.inputs.holdout import holdout
from kgprism.platform.errors import DataError


def test_built_in_names_need_no_files(home: Path) -> None:
    assert datasets.load("toy").name == "toy"
    assert datasets.load("toy-completion").name == "toy-completion"
    assert not home.exists()


def test_names_tell_what_is_here(home: Path, source: Path) -> None:
    datasets.import_dataset("mine", source)
    datasets.import_dataset("fb15k-db15k", source)
    (home / "data/.left-over").mkdir()
    found = {entry.name: entry for entry in datasets.names()}
    assert found["toy"].present
    assert found["fb15k-db15k"].present
    assert not found["fb15k-yago15k"].present
    assert (found["mine"].origin, found["fb15k-db15k"].origin, found["toy"].origin) == ("own", "benchmark", "built in")
    assert len(found) == 16
    assert {entry.task for entry in found.values()} == {"alignment", "completion", ""}


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("db15k_holdout", "db15k is not here yet"),
        ("db15_holdout", "unknown dataset 'db15' (did you mean 'db15k'?)"),
        ("toy_holdout", "'toy_holdout': toy has no validation triples to replace"),
        ("fb15k-db15", "unknown dataset 'fb15k-db15' (did you mean 'fb15k-db15k'?)"),
        ("dbp15k-zh-en", "kgprism data import dbp15k-zh-en --from DIR"),
        ("dbp15k-zh-en", "download it by hand from https://github.com/lzxlin/MCLEA"),
        ("dbp15k-fr-en", "type `kgprism data fetch dbp15k-fr-en`, or `kgprism data import dbp15k-fr-en --from DIR`"),
        ("../source", "unknown dataset '../source'"),
        ("", "unknown dataset ''"),
    ],
)
def test_absent_datasets_say_what_to_type(home: Path, source: Path, name: str, says: str) -> None:
    (home / "data").mkdir(parents=True)
    with pytest.raises(DataError) as error:
        datasets.load(name)
    assert says in str(error.value)
    assert "\n" not in str(error.value)


def test_a_held_out_split_has_a_name_of_its_own(home: Path) -> None:
    source, found = datasets.load("toy-completion"), datasets.load("toy-completion_holdout")
    assert isinstance(source, CompletionGraph)
    assert isinstance(found, CompletionGraph)
    assert found.name == "toy-completion_holdout"
    assert found.fingerprint == holdout(source, 0.1, 0).fingerprint != source.fingerprint


def test_import_copies_exactly_the_layout(home: Path, source: Path, files: Callable[[Path], list[str]]) -> None:
    wanted = files(source)
    (source / "notes.txt").write_text("not part of the dataset")
    done = datasets.import_dataset("mine", source)
    assert (done.layout, done.files, done.changed) == ("plain", len(wanted), True)
    assert files(home / "data" / "mine") == wanted
    mine = datasets.load("mine")
    assert isinstance(mine, AlignedGraphs)
    assert sorted(mine.left.entities) == ["a", "b"]
    labels = [(mine.left.entities[left], mine.right.entities[right]) for left, right in mine.pairs]
    assert labels == [("a", "A"), ("b", "B")]


def test_linked_files_are_copied_as_files(home: Path, source: Path, tmp_path: Path) -> None:
    (source / "pairs.tsv").rename(tmp_path / "elsewhere.tsv")
    (source / "pairs.tsv").symlink_to(tmp_path / "elsewhere.tsv")
    folder = datasets.import_dataset("mine", source).folder
    assert not (folder / "pairs.tsv").is_symlink()
    assert (folder / "pairs.tsv").read_text() == "0\t0\n1\t1\n"


def test_a_bad_file_leaves_nothing_behind(home: Path, source: Path, files: Callable[[Path], list[str]]) -> None:
    (source / "pairs.tsv").write_text("0\t0\n1\t7\n")
    with pytest.raises(DataError, match=r"pairs\.tsv"):
        datasets.import_dataset("mine", source)
    assert files(home / "data") == []
    with pytest.raises(DataError, match="unknown dataset"):
        datasets.load("mine")


def test_import_from_nowhere(home: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nowhere: no such folder"):
        datasets.import_dataset("mine", tmp_path / "nowhere")
    assert not home.exists()


def test_a_taken_name_is_not_overwritten(home: Path, source: Path, files: Callable[[Path], list[str]]) -> None:
    datasets.import_dataset("mine", source)
    assert not datasets.import_dataset("mine", source).changed
    (source / "pairs.tsv").write_text("0\t1\n")
    with pytest.raises(DataError, match="--replace"):
        datasets.import_dataset("mine", source)
    assert len(datasets.load("mine").pairs) == 2
    assert datasets.import_dataset("mine", source, replace=True).changed
    assert len(datasets.load("mine").pairs) == 1
    assert files(home / "data" / "mine") == files(source)


def test_replacing_a_link_leaves_its_target_alone(home: Path, source: Path, tmp_path: Path) -> None:
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious/file").write_text("keep me")
    (home / "data").mkdir(parents=True)
    (home / "data/mine").symlink_to(tmp_path / "precious")
    datasets.import_dataset("mine", source, replace=True)
    assert (tmp_path / "precious/file").read_text() == "keep me"
    assert not (home / "data/mine").is_symlink()


def test_data_stay_where_the_new_ones_cannot_stand(home: Path, source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = datasets.import_dataset("mine", source).folder
    (source / "pairs.tsv").write_text("0\t1\n")

    def full(self: Path, target: Path) -> None:
        raise OSError("no space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", full)
        with pytest.raises(OSError, match="no space"):
            datasets.import_dataset("mine", source, replace=True)
    assert list((home / "data").iterdir()) == [before]
    assert len(datasets.load("mine").pairs) == 2


@pytest.mark.parametrize(
    "name", ["../mine", "a/b", "/tmp/mine", ".mine", "", "toy", "a b", "mine\n", "db15k_holdout", "..", 101 * "a"]
)
def test_unsafe_names_are_refused(home: Path, source: Path, name: str) -> None:
    with pytest.raises(DataError, match="name"):
        datasets.import_dataset(name, source)
    assert not home.exists()


def test_fetch_is_only_advised_where_it_can_work(home: Path) -> None:
    for name in BENCHMARKS:
        with pytest.raises(DataError) as error:
            datasets.load(name)
        assert ("data fetch" in str(error.value)) == (name in DOWNLOADS)


def test_removed_data_are_gone_with_what_was_cached(home: Path, source: Path) -> None:
    for name in ("mine", "other"):
        (source / "pairs.tsv").write_text("0\t0\n" if name == "mine" else "1\t1\n")
        datasets.import_dataset(name, source)
        datasets.load(name)
    assert len(list((home / "cache" / "datasets").iterdir())) == 2
    assert datasets.remove("mine") == home / "data" / "mine"
    assert os.listdir(home / "data") == ["other"]
    assert len(list((home / "cache" / "datasets").iterdir())) == 1
    assert len(datasets.load("other").pairs) == 1
    with pytest.raises(DataError, match="unknown dataset 'mine'"):
        datasets.load("mine")


def test_removing_a_link_leaves_what_it_leads_to(home: Path, source: Path) -> None:
    (home / "data").mkdir(parents=True)
    (home / "data" / "mine").symlink_to(source)
    datasets.remove("mine")
    assert not os.listdir(home / "data")
    assert (source / "pairs.tsv").exists()


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("toy", "'toy' is built in"),
        ("toy-completion", "built in"),
        ("mine_holdout", "'mine_holdout' is made of 'mine' when it is asked for: remove that"),
        ("mien", "there are no data 'mien' (did you mean 'mine'?)"),
        ("db15k", "there are no data 'db15k'"),
        ("../runs", "there are no data '../runs'"),
        ("", "there are no data ''"),
    ],
)
def test_what_cannot_be_removed_is_told(home: Path, source: Path, name: str, says: str) -> None:
    datasets.import_dataset("mine", source)
    (home / "runs").mkdir()
    with pytest.raises(DataError) as error:
        datasets.remove(name)
    assert says in str(error.value)
    assert os.listdir(home / "data") == ["mine"]


@pytest.mark.parametrize("error", [errno.EROFS, errno.ENOSPC])
def test_a_home_that_cannot_be_written_is_one_line(
    home: Path, source: Path, monkeypatch: pytest.MonkeyPatch, error: int
) -> None:
    def refuse(place: object, *_: object, **__: object) -> None:
        raise OSError(error, os.strerror(error), str(home))

    monkeypatch.setattr(shutil, "copyfile", refuse)
    with pytest.raises(DataError, match=rf"^{home}: {os.strerror(error)}; {home}/data/own was not written") as caught:
        datasets.import_dataset("own", source)
    assert "\n" not in str(caught.value)
    assert not (home / "data/own").exists()
    assert not list((home / "data").glob(".*"))


def test_a_home_whose_place_is_taken_is_one_line(home: Path, source: Path) -> None:
    home.write_text("", encoding="utf-8")
    with pytest.raises(DataError, match=rf"{home}.*: Not a directory; {home}/data/own was not written"):
        datasets.import_dataset("own", source)
