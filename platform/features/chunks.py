"""What is encoded together, and what is known already: chunks of distinct contents, each a file once it is done.

Contents are ordered by their digests and cut where a digest says so: what is encoded together depends neither on the
number of processes nor on where an earlier one ended, and a new picture changes one chunk.
"""

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from kgprism.platform.files import replacing
from kgprism.platform.kept import DamagedError, set_aside

#: Bytes of a digest.
BYTES = 20


@dataclass(frozen=True)
class Chunk:
    """Contents that are encoded together, by their digests in order."""

    contents: tuple[bytes, ...]

    @property
    def name(self) -> str:
        """Return what its file is called: a digest of what is in it."""
        return hashlib.blake2b(b"".join(self.contents), digest_size=16).hexdigest()


@dataclass(frozen=True)
class Encoded:
    """A chunk's vectors: ``contents`` of which there are ``values`` (contents, width) float32; why others have none."""

    contents: tuple[bytes, ...]
    values: np.ndarray
    failed: Mapping[bytes, str]


def digest(data: bytes) -> bytes:
    """Return the digest of a content."""
    return hashlib.blake2b(data, digest_size=BYTES).digest()


def cut(contents: Collection[bytes], mean: int) -> list[Chunk]:
    """Return chunks of `mean` contents on average (a power of two) and of twice as many at most."""
    found, current = [], list[bytes]()
    for content in sorted(contents):
        current.append(content)
        if int.from_bytes(content[-4:], "big") % mean == 0 or len(current) == 2 * mean:
            found.append(Chunk(tuple(current)))
            current = []
    return [*found, Chunk(tuple(current))] if current else found


class Shelf:
    """The files of finished chunks of one encoder, in a folder of the home's cache."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def missing(self, chunks: Iterable[Chunk]) -> list[Chunk]:
        """Return the chunks of which there is no file, or one that is damaged in any bit."""
        return [chunk for chunk in chunks if self.read(chunk) is None]

    def write(self, chunk: Chunk, encoded: Encoded) -> None:
        """Keep a finished chunk, whole or not at all."""
        told = {content.hex(): reason for content, reason in encoded.failed.items()}
        rows = np.frombuffer(b"".join(encoded.contents), np.uint8).reshape(-1, BYTES)
        with replacing(self._file(chunk)) as scratch:
            tensors: dict[str, np.ndarray] = {
                "contents": rows,
                "values": np.ascontiguousarray(encoded.values, np.float32),
            }
            save_file(tensors, scratch, {"failed": json.dumps(told), "sum": _sum(rows, tensors["values"])})

    def read(self, chunk: Chunk) -> Encoded | None:
        """Return a finished chunk; a file that is not what was written is set aside, and is none."""
        file = self._file(chunk)
        try:
            with safe_open(file, "np") as opened:
                rows, values = opened.get_tensor("contents"), opened.get_tensor("values")
                said = opened.metadata()
            failed = {bytes.fromhex(content): str(why) for content, why in json.loads(said["failed"]).items()}
            contents = tuple(row.tobytes() for row in rows)
            if {*contents, *failed} != {*chunk.contents} or said["sum"] != _sum(rows, values):
                raise ValueError("not what was written")
        except FileNotFoundError:
            return None
        except (SafetensorError, OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            set_aside(file, DamagedError(str(error)))
            return None
        return Encoded(contents, values, failed)

    def all(self, chunks: Sequence[Chunk]) -> Iterator[Encoded]:
        """Yield finished chunks in order, one in memory at a time."""
        for chunk in chunks:
            if (found := self.read(chunk)) is not None:
                yield found

    def _file(self, chunk: Chunk) -> Path:
        return self.folder / f"{chunk.name}.safetensors"


def _sum(*arrays: np.ndarray) -> str:
    state = hashlib.blake2b(digest_size=16)
    for array in arrays:
        state.update(np.ascontiguousarray(array).data)
    return state.hexdigest()
