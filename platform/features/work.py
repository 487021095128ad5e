"""What is done to a chunk, in whatever process: read and prepare its contents, then encode them."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from kgprism.platform.errors import RunError
from kgprism.platform.features.chunks import Chunk, Encoded, digest
from kgprism.platform.features.encoders.encoder import Encoder, ImageEncoder
from kgprism.platform.features.pictures import MOST_BYTES, UnreadableError, decode
from kgprism.platform.features.places import Place, read
from kgprism.platform.features.preparation import Preparation

#: A content: where a picture lies, or a text itself.
Content = Place | str


@dataclass(frozen=True)
class Work:
    """A chunk, and where its contents are."""

    chunk: Chunk
    contents: tuple[Content, ...]


@dataclass(frozen=True)
class Prepared:
    """A chunk as an encoder takes it: ``items`` of ``contents``, and why others cannot be had."""

    chunk: Chunk
    contents: tuple[bytes, ...]
    items: Any
    failed: Mapping[bytes, str]


def works(chunks: Iterable[Chunk], contents: Mapping[bytes, Content]) -> list[Work]:
    """Return the chunks with where their contents are."""
    return [Work(chunk, tuple(contents[content] for content in chunk.contents)) for chunk in chunks]


def prepare(work: Work, preparation: Preparation | None) -> Prepared:
    """Return a chunk's pictures as pixels, or its texts as they are.

    Raises:
        RunError: for a picture that was there before and cannot be read now, or has changed.
    """
    if preparation is None:
        return Prepared(work.chunk, work.chunk.contents, [str(text) for text in work.contents], {})
    pixels, failed = dict[bytes, np.ndarray](), dict[bytes, str]()
    for content, place in zip(work.chunk.contents, work.contents, strict=True):
        assert isinstance(place, Place)
        try:
            pixels[content] = preparation.pixels(decode(_same(place, content)))
        except UnreadableError as error:
            failed[content] = str(error)
    items = np.stack(list(pixels.values())) if pixels else np.zeros((0, 1, 1, 3), np.uint8)
    return Prepared(work.chunk, tuple(pixels), items, failed)


def encode(prepared: Prepared, encoder: Encoder) -> Encoded:
    """Return a chunk's vectors; of a chunk without any, no row and no width."""
    values = encoder.encode(prepared.items) if prepared.contents else np.zeros((0, 0), np.float32)
    return Encoded(prepared.contents, values, prepared.failed)


def here(work: Iterable[Work], encoder: Encoder) -> Iterator[tuple[Chunk, Encoded]]:
    """Encode chunks in this process, one after the other.

    Raises:
        RunError: as `prepare` does, or if the encoder returns something else than vectors.
    """
    for one in work:
        yield one.chunk, encode(prepare(one, preparation_of(encoder)), encoder)


def preparation_of(encoder: Encoder) -> Preparation | None:
    """Return what an encoder wants of pictures; none if it takes texts."""
    return encoder.preparation if isinstance(encoder, ImageEncoder) else None


def _same(place: Place, content: bytes) -> bytes:
    try:
        data = read(place, MOST_BYTES)
    except OSError as error:
        told = f"{place}: {error.strerror}; pictures have to lie where every process reads them"
        raise RunError(told) from None
    if digest(data) != content:
        raise RunError(f"{place}: changed while features were made: start again")
    return data
