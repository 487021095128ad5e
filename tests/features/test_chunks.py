"""Chunks: a partition that one more content hardly changes; their files are whole, absent, or set aside."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kgprism.platform.features.chunks import BYTES, Chunk, Encoded, Shelf, cut, digest
from kgprism.platform.kept import SetAsideWarning


def contents(count: int) -> list[bytes]:
    return [digest(str(n).encode()) for n in range(count)]


@given(st.sets(st.binary(min_size=BYTES, max_size=BYTES), max_size=200), st.sampled_from([1, 4, 16]))
@settings(deadline=None)
def test_every_content_is_in_one_chunk_in_order_of_digests(found: set[bytes], mean: int) -> None:
    chunks = cut(found, mean)
    assert [content for chunk in chunks for content in chunk.contents] == sorted(found)
    assert all(1 <= len(chunk.contents) <= 2 * mean for chunk in chunks)


def test_chunks_have_about_the_size_that_was_asked_for() -> None:
    sizes = [len(chunk.contents) for chunk in cut(contents(20_000), 64)]
    assert 40 < np.mean(sizes) < 64  # of 64 expected, what is cut off at 128 is missing


def test_one_more_content_changes_few_chunks_and_their_order_none() -> None:
    before = {chunk.name for chunk in cut(contents(5_000), 16)}
    after = {chunk.name for chunk in cut([*contents(5_000), b"\x55" * BYTES], 16)}
    assert 1 <= len(after - before) <= 12
    assert [c.name for c in cut(contents(99), 16)] == [c.name for c in cut(contents(99)[::-1], 16)]


@pytest.fixture
def chunk() -> Chunk:
    return Chunk(tuple(sorted(contents(3))))


def test_a_finished_chunk_is_read_as_it_was_written(tmp_path: Path, chunk: Chunk) -> None:
    shelf = Shelf(tmp_path / "shelf")
    assert shelf.missing([chunk]) == [chunk]
    values = np.arange(8, dtype=np.float32).reshape(2, 4)
    shelf.write(chunk, Encoded(chunk.contents[:2], values, {chunk.contents[2]: "an empty file"}))
    assert shelf.missing([chunk]) == []
    found = shelf.read(chunk)
    assert found is not None
    assert found.contents == chunk.contents[:2]
    assert (found.values == values).all()
    assert found.failed == {chunk.contents[2]: "an empty file"}


def test_a_chunk_damaged_in_one_bit_is_set_aside(tmp_path: Path, chunk: Chunk) -> None:
    shelf = Shelf(tmp_path / "shelf")
    shelf.write(chunk, Encoded(chunk.contents, np.ones((3, 4), np.float32), {}))
    (file,) = shelf.folder.iterdir()
    data = bytearray(file.read_bytes())
    for place in (len(data) - 3, 20):
        file.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
        with pytest.warns(SetAsideWarning, match="damaged"):
            assert shelf.missing([chunk]) == [chunk]
        assert not file.exists()


def test_a_digest_is_of_all_bytes() -> None:
    assert digest(b"a") == hashlib.blake2b(b"a", digest_size=BYTES).digest() != digest(b"b")
