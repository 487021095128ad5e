"""The cache: the same dataset as from the files, whatever happens to the cache or to the files."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from kgprism.platform.data import cache, layouts

REAL = Path(__file__).parents[2] / "../shared/data/FB15K-DB15K"

FILES = {
    "kg1/entities.tsv": '0\ta\n1\tb"\n2\tc\n',
    "kg1/relations.tsv": "0\tr\n",
    "kg1/triples.tsv": "0\t0\t1\n1\t0\t2\n",
    "kg2/entities.tsv": "0\tA\n1\tB\n",
    "kg2/relations.tsv": "0\ts\n1\tt\n",
    "kg2/triples.tsv": "0\t1\t1\n",
    "pairs.tsv": "0\t0\n1\t1\n",
}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    for path, text in FILES.items():
        (tmp_path / "source" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "source" / path).write_text(text)
    image = {"ids": np.array([0, 2], np.int32), "values": np.array([[1, 2], [3, 4]], np.float16)}
    np.savez(tmp_path / "source/kg1/image_features.npz", **image)
    return tmp_path / "source"


def entries(home: Path) -> list[Path]:
    return sorted((home / "cache/datasets").iterdir())


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


def test_damaged_memory_of_hashes_is_forgotten(home: Path, source: Path) -> None:
    before = cache.contents(source)
    (home / "cache").mkdir(parents=True, exist_ok=True)
    (home / "cache/hashes.json").write_text("[1, 2")
    assert cache.contents(source) == before
    assert set(before) == {*FILES, "kg1/image_features.npz"}


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
