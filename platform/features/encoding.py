"""Contents become vectors, those that are not known yet: in this process, or streamed through Ray."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch

from kgprism.platform import source
from kgprism.platform.configuration import digest
from kgprism.platform.errors import RunError
from kgprism.platform.features import pictures, work
from kgprism.platform.features.chunks import Chunk, Encoded, Shelf, cut
from kgprism.platform.features.encoders import known
from kgprism.platform.features.encoders.encoder import Encoder, ImageEncoder
from kgprism.platform.home import home

#: Contents of a chunk on average: pictures take long, texts are many.
_PICTURES, _TEXTS = 64, 256
#: With fewer chunks than this, Ray and its processes take longer to start than they save.
_FEW = 100


@dataclass(frozen=True)
class Step:
    """How far it is: ``done`` of ``total`` distinct contents are through, ``before`` of them at an earlier start."""

    kind: str
    done: int
    total: int
    before: int


Listener = Callable[[Step], None]


def encoded(
    encoder: Encoder, contents: Mapping[bytes, work.Content], workers: int | None, listener: Listener | None
) -> tuple[Callable[[], Iterator[Encoded]], int]:
    """Encode what has no vectors yet; return what reads all of them, chunk by chunk, and how many contents are new.

    Raises:
        RunError: what a chunk stumbled over; finished ones are kept.
    """
    kind = "pictures" if isinstance(encoder, ImageEncoder) else "texts"
    chunks = cut(contents, _PICTURES if isinstance(encoder, ImageEncoder) else _TEXTS)
    shelf = Shelf(home() / "cache" / "features" / _identity(encoder))
    missing = shelf.missing(chunks)
    new, total = sum(len(chunk.contents) for chunk in missing), len(contents)
    done = before = total - new
    tell = listener or (lambda step: None)
    tell(Step(kind, done, total, before))
    for chunk, values in _through(work.works(missing, contents), encoder, workers):
        shelf.write(chunk, values)
        done += len(chunk.contents)
        tell(Step(kind, done, total, before))
    return lambda: _all(shelf, chunks), new


def _through(todo: Sequence[work.Work], encoder: Encoder, workers: int | None) -> Iterable[tuple[Chunk, Encoded]]:
    """Encode chunks where it is fastest, or as was asked."""
    if workers is None:
        workers = 0 if len(todo) < _FEW else torch.cuda.device_count() or len(os.sched_getaffinity(0))
        workers = 0 if workers == 1 and not torch.cuda.is_available() else workers
    if not todo or not workers:
        return work.here(todo, encoder.to("cuda" if todo and torch.cuda.is_available() else "cpu"))
    from kgprism.platform.features.streaming import stream

    return stream(todo, encoder.to("cpu"), min(workers, len(todo)))


def _all(shelf: Shelf, chunks: Sequence[Chunk]) -> Iterator[Encoded]:
    for chunk in chunks:
        found = shelf.read(chunk)
        if found is None:
            raise RunError(f"{shelf.folder}: what was encoded is gone or damaged: the same command makes it again")
        yield found


def _identity(encoder: Encoder) -> str:
    """Return what vectors hang on besides the contents: weights, libraries, device and our own code."""
    code = source.digest_of(known.__name__, pictures.__name__)
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu"
    return digest(encoder.name, encoder.weights, encoder.library, encoder.prepared, device, code)
