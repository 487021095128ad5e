"""Chunks through Ray Data: tasks read and decode, a pool of actors encodes, results stream back to this process.

Ray Data holds decoding back while the actors have enough to do, so that memory does not hang on how much there is.
"""

import logging
import os
import pickle
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import ray
import ray.data
from ray.exceptions import RayError

from kgprism.platform.cluster.resources import Resources
from kgprism.platform.cluster.session import gpus_each, session
from kgprism.platform.errors import KgprismError, RunError, first_line
from kgprism.platform.features.chunks import Chunk, Encoded
from kgprism.platform.features.encoders.encoder import Encoder
from kgprism.platform.features.preparation import Preparation
from kgprism.platform.features.work import Work, encode, preparation_of, prepare

#: Processors that reading and decoding take for each actor, as Ray counts them.
_DECODING = 0.5
#: Results that may wait for this process.
_AHEAD = 2

Batch = dict[str, Any]


def stream(work: Sequence[Work], encoder: Encoder, workers: int) -> Iterator[tuple[Chunk, Encoded]]:
    """Encode chunks with `workers` actors, in the order in which they get done.

    Raises:
        ConfigurationError: if there are not so many processors.
        RunError: what a chunk stumbled over, or that Ray does not start.
    """
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")  # it calls an error what Ray Data does on purpose
    with session(num_cpus=workers + 1):
        gpus = gpus_each(None)
        Resources(1, cpus=1.0, gpus=gpus).refuse_unaffordable()
        quiet = logging.getLogger("ray.data")
        before = quiet.level
        quiet.setLevel(logging.CRITICAL)  # it shows what a chunk stumbled over at length
        try:
            for batch in _planned(work, encoder, workers, gpus).iter_batches(batch_size=1, prefetch_batches=_AHEAD):
                found = pickle.loads(batch["done"][0])
                if isinstance(found, KgprismError):
                    raise found
                yield found
        except (RayError, RuntimeError, ValueError) as error:
            raise RunError(f"encoding failed: {first_line(_cause(error))}") from None
        finally:
            quiet.setLevel(before)


def _planned(work: Sequence[Work], encoder: Encoder, workers: int, gpus: float) -> ray.data.Dataset:
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    prepared: Any = _prepared  # Ray's own types know no further arguments
    rows = [{"work": pickle.dumps(one)} for one in work]
    decoding: dict[str, Any] = {"fn_kwargs": {"preparation": preparation_of(encoder)}, "num_cpus": _DECODING}
    encoding: dict[str, Any] = {"fn_constructor_args": (ray.put(encoder),), "concurrency": workers}
    encoding |= {"num_cpus": 1.0, "num_gpus": gpus}
    return (
        ray.data.from_items(rows, override_num_blocks=len(rows))
        .map_batches(prepared, batch_size=1, **decoding)
        .map_batches(_Encoding, batch_size=1, **encoding)
    )


def _prepared(batch: Batch, preparation: Preparation | None) -> Batch:
    try:
        return _row("prepared", prepare(pickle.loads(batch["work"][0]), preparation))
    except KgprismError as error:
        return _row("prepared", error)


class _Encoding:
    """An actor with the encoder. What a user can mend comes back as a result: Ray would tell it at length."""

    def __init__(self, encoder: Any) -> None:
        found: Encoder = ray.get(encoder) if isinstance(encoder, ray.ObjectRef) else encoder
        self.encoder = found.to("cuda" if ray.get_gpu_ids() else "cpu")

    def __call__(self, batch: Batch) -> Batch:
        prepared = pickle.loads(batch["prepared"][0])
        if isinstance(prepared, KgprismError):
            return _row("done", prepared)
        try:
            return _row("done", (prepared.chunk, encode(prepared, self.encoder)))
        except KgprismError as error:
            return _row("done", error)


def _row(name: str, value: Any) -> Batch:
    """Return a batch of one row: bytes, as the lengths of chunks differ."""
    column = np.empty(1, object)
    column[0] = pickle.dumps(value, protocol=5)
    return {name: column}


def _cause(error: BaseException) -> BaseException:
    """Return what lies below what Ray says of an error."""
    while isinstance(inner := getattr(error, "cause", None) or error.__cause__, BaseException):
        error = inner
    return error
