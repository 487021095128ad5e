"""The cache: the same dataset as from the files, whatever happens to the cache or to the files."""

import errno
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from kgprism.platform import source as code
from kgprism.platform.data.catalogue import cache
from kgprism.platform.data.readers import layouts
from kgprism.platform.kept import SetAsideWarning

REAL = Path(__file__).parents[3] / "../shared/data/FB15K-DB15K"

#: In place of what the two graphs have: a letter that quotes, and an entity of the left graph without a partner.
OWN = {
    "kg1/entities.tsv": '0\ta\n1\tb"\n2\tc\n',
    "kg1/triples.tsv": "0\t0\t1\n1\t0\t2\n",
    "kg2/relations.tsv": "0\ts\n1\tt\n",
    "kg2/triples.tsv": "0\t1\t1\n",
}


@pytest.fixture
def source(source: Path) -> Path:
    for path, text in OWN.items():
        (source / path).write_text(text)
    image = {"ids": np.array([0, 2], np.int32), "values": np.array([[1, 2], [3, 4]], np.float16)}
    np.savez(source / "kg1/image_features.npz", **image)
    return source


def entries(home: Path) -> list[Path]:
    return sorted((home / "cache/datasets").glob("[!.]*"))


def mapped(array: np.ndarray) -> bool:
    """Tell whether an array lies over a file."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array.base is not None


def test_second_load_maps_the_same_data(home: Path, source: Path) -> None:
    fresh, again = cache.load("own", source), cache.load("own", source)
    assert fresh.fingerprint == again.fingerprint == layouts.read("own", source).fingerprint
    assert again.left.entities == fresh.left.entities
    assert not mapped(fresh.left.triples)
    assert mapped(again.left.triples)
    assert type(again.left.features["image"].values) is np.ndarray
    assert len(entries(home)) == 1


def cut(entry: Path) -> None:
    largest = max(entry.glob("*.npy"), key=lambda path: path.stat().st_size)
    os.truncate(largest, largest.stat().st_size - 3)


def flip(entry: Path) -> None:
    largest = max(entry.glob("*.npy"), key=lambda path: path.stat().st_size)
    content = bytearray(largest.read_bytes())
    content[-1] ^= 1
    largest.write_bytes(content)


def empty(entry: Path) -> None:
    next(entry.glob("*.npy")).write_bytes(b"")


def lose(entry: Path) -> None:
    next(entry.glob("*.npy")).unlink()


def garble(entry: Path) -> None:
    (entry / "index.json").write_text('{"arrays": ')


def hollow(entry: Path) -> None:
    (entry / "index.json").unlink()


@pytest.mark.parametrize("damage", [cut, flip, empty, lose, garble, hollow])
def test_damaged_entry_is_rebuilt(home: Path, source: Path, damage: Callable[[Path], None]) -> None:
    whole = cache.load("own", source).fingerprint
    (entry,) = entries(home)
    damage(entry)
    with pytest.warns(SetAsideWarning, match=rf"{entry}: damaged .*: set aside as .*, to be made again"):
        rebuilt = cache.load("own", source)
    assert rebuilt.fingerprint == whole
    assert not mapped(rebuilt.left.triples)
    assert entries(home) == [entry]
    assert mapped(cache.load("own", source).left.triples)


def test_deleting_the_cache_is_safe(home: Path, source: Path) -> None:
    before = cache.load("own", source)
    held = cache.load("own", source)
    shutil.rmtree(home / "cache")
    assert held.left.triples.tolist() == before.left.triples.tolist()
    assert cache.load("own", source).fingerprint == before.fingerprint


def test_changed_bytes_are_read_anew(home: Path, source: Path) -> None:
    before = cache.load("own", source)
    (entry,) = entries(home)
    state = (source / "pairs.tsv").stat()
    (source / "pairs.tsv").write_text("0\t1\n1\t0\n")
    # Neither the size nor the time of change tells: a restored backup looks like this.
    os.utime(source / "pairs.tsv", ns=(state.st_atime_ns, state.st_mtime_ns))
    after = cache.load("own", source)
    assert after.fingerprint != before.fingerprint
    assert entry not in entries(home)
    assert len(entries(home)) == 1


def test_two_folders_of_equal_bytes_share_an_entry(home: Path, source: Path, tmp_path: Path) -> None:
    shutil.copytree(source, tmp_path / "copy")
    assert cache.load("own", source).fingerprint == cache.load("other", tmp_path / "copy").fingerprint
    assert cache.load("other", tmp_path / "copy").name == "other"
    assert len(entries(home)) == 1


def test_damaged_memory_of_hashes_is_forgotten(home: Path, source: Path, files: Callable[[Path], list[str]]) -> None:
    before = cache.contents(source)
    (home / "cache").mkdir(parents=True, exist_ok=True)
    (home / "cache/hashes.json").write_text("[1, 2")
    assert cache.contents(source) == before
    assert sorted(before) == files(source)


def edited(module: str, text: str) -> str:
    """Return the digest of the readers where a module has more text."""

    def find(name: str) -> code.Module | None:
        found = code.find(name)
        return found._replace(text=found.text + text) if found and name == f"kgprism.platform.{module}" else found

    assert code.find(f"kgprism.platform.{module}")
    return code.digest_of(*cache.ROOTS, find=find)


@pytest.mark.parametrize(
    "reader", ["plain", "dbp15k", "openea", "mmkb", "openke", "lines", "vectors", "order", "pickles"]
)
def test_a_changed_reader_never_meets_an_old_entry(reader: str) -> None:
    assert edited(f"data.readers.{reader}", "\nADDED = 1\n") != cache.readers_digest()


def test_what_reads_names_and_makes_arrays_counts_too() -> None:
    for module in ("data.surface_forms", "data.graph"):
        assert edited(module, "\nADDED = 1\n") != cache.readers_digest()


def test_a_comment_in_a_reader_and_what_reads_nothing_do_not_count() -> None:
    assert edited("data.readers.plain", "\n# more\n") == cache.readers_digest()
    for module in ("data.catalogue.toy", "data.inputs.holdout", "data.triple_index"):
        assert edited(module, "\nADDED = 1\n") == cache.readers_digest()


def test_other_readers_read_anew(home: Path, source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = cache.load("own", source)
    (entry,) = entries(home)
    monkeypatch.setattr(cache, "readers_digest", lambda: "of other readers")
    assert cache.load("own", source).fingerprint == before.fingerprint
    assert entry not in entries(home)
    assert len(entries(home)) == 1


def test_two_writers_of_one_entry_end_with_one(home: Path, source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = cache.load("own", source)
    (entry,) = entries(home)
    # The other one stands between the moment when old entries go and the rename.
    remove = shutil.rmtree
    monkeypatch.setattr(shutil, "rmtree", lambda path, **how: None if path == entry else remove(path, **how))
    cache._write(dataset, source, entry)
    assert entries(home) == [entry]
    assert cache._open("own", entry).fingerprint == dataset.fingerprint


@pytest.mark.real
def test_settled_files_are_hashed_once(home: Path) -> None:
    if not REAL.is_dir():
        pytest.skip("the real benchmarks are not here")
    before = cache.contents(REAL)
    memory = json.loads((home / "cache/hashes.json").read_text())
    assert len(memory) == len(before)
    for known in memory.values():
        known[3] = "remembered"
    (home / "cache/hashes.json").write_text(json.dumps(memory))
    assert set(cache.contents(REAL).values()) == {"remembered"}


@pytest.mark.parametrize(
    "text",
    ["[]", "7", "null", '{"/a": 1}', '{"/a": [1]}', "[" * 100_000, '{"arrays": [1]}', '{"arrays": {"a": 3}}', "\0"],
)
@pytest.mark.filterwarnings("ignore::kgprism.platform.kept.SetAsideWarning")
@pytest.mark.parametrize("damaged", ["cache/hashes.json", "cache/datasets/*/index.json"])
def test_memory_that_is_not_what_it_should_be_is_made_again(
    home: Path, source: Path, damaged: str, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "_SETTLED", 0)
    fresh = cache.load("own", source)
    (file,) = home.glob(damaged)
    whole = file.read_text()
    file.write_text(text)
    assert cache.load("own", source).fingerprint == fresh.fingerprint
    assert file.read_text() != text
    assert damaged.startswith("cache/hashes") or json.loads(file.read_text()) == json.loads(whole)


@pytest.mark.filterwarnings("ignore::kgprism.platform.kept.SetAsideWarning")
@pytest.mark.parametrize("place", ["cache/hashes.json", "cache/datasets", "cache/datasets/*", "cache"])
def test_a_place_that_something_else_has_taken(
    home: Path, source: Path, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "_SETTLED", 0)
    fresh = cache.load("own", source)
    (path,) = home.glob(place)
    if path.is_dir():
        shutil.rmtree(path)
        path.touch()
    else:
        path.unlink()
        path.mkdir()
    for _ in range(2):
        assert cache.load("own", source).fingerprint == fresh.fingerprint


@pytest.mark.parametrize("error", [errno.EROFS, errno.ENOSPC])
def test_a_cache_that_cannot_be_written_is_done_without(
    home: Path, source: Path, monkeypatch: pytest.MonkeyPatch, error: int
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(error, os.strerror(error))

    monkeypatch.setattr(cache.np, "save", refuse)
    monkeypatch.setattr(Path, "write_text", refuse)
    assert cache.load("own", source).fingerprint == layouts.read("own", source).fingerprint
    assert not entries(home)
