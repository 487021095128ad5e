"""When memory or disk runs out in the middle of a run: what is tried again, and in which words it is given up."""

import errno
import gc
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import torch
from safetensors import SafetensorError

from kgprism.platform import configuration
from kgprism.platform.errors import RunError
from kgprism.platform.training.outcome import Outcome
from kgprism.platform.training.run import Run

#: The second try scores this many times fewer queries at once.
_SMALLER = 8
#: Bytes: a disk with less is full; the last blocks of a file system are never given out.
_FULL = 2**16
_MEMORY = (torch.OutOfMemoryError, MemoryError)


class MemoryShortageError(RunError):
    """A run that does not fit into the memory it was given, even in smaller pieces."""


def persevere(run: Run, carry: Callable[[Run], Outcome]) -> tuple[Run, Outcome]:
    """Carry a run out; if memory runs out, once more in smaller chunks, which changes no result and is noted.

    Raises:
        MemoryShortageError: if that does not help.
    """
    try:
        return run, carry(run)
    except (*_MEMORY, RunError) as error:
        reason = _shortage(error)
        if reason is None:
            raise
    # Not in the handler: there the exception still holds what filled the memory.
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    smaller = lean(run, reason)
    try:
        return smaller, carry(smaller)
    except (*_MEMORY, RunError) as error:
        reason = _shortage(error)
        if reason is None:
            raise
        raise MemoryShortageError(reason) from None


def lean(run: Run, reason: str) -> Run:
    """Return the same run with smaller chunks: only keys that no result depends on."""
    stateful = configuration.flatten(run.settings, stateless=False)
    chunks = {key: value for key, value in run.configuration.items() if key.split(".")[-1] == "chunk"}
    smaller = {key: max(1, value // _SMALLER) for key, value in chunks.items() if key not in stateful}
    told = ", ".join(f"{key} {chunks[key]} -> {value}" for key, value in smaller.items())
    return replace(run, configuration={**run.configuration, **smaller}, notes=(*run.notes, f"{reason}: {told}"))


def _shortage(error: Exception) -> str | None:
    """Say in one line which memory ran out, if that is what happened, perhaps in one of Ray Train's workers."""
    members = getattr(error.__cause__, "worker_failures", {}).values()
    for cause in (error, *members):
        # A worker's exception arrives as Ray's own kind that is also of the first kind.
        if isinstance(cause, _MEMORY) or "OutOfMemoryError" in repr(cause):
            # Ray's own error of that name is about the memory of a node.
            kind = "GPU" if isinstance(cause, torch.OutOfMemoryError) or "CUDA" in str(cause) else "host"
            first = next((line for line in str(cause).splitlines() if "memory" in line), type(cause).__name__)
            return f"out of {kind} memory ({first.strip()})"
    return None


@contextmanager
def disk(folder: Path) -> Iterator[None]:
    """Say a full disk in one line; nothing is lost by it, as files are written aside and then renamed.

    Raises:
        RunError: if the disk of `folder` is full.
    """
    try:
        yield
    except (OSError, RuntimeError, SafetensorError) as error:
        if not _full(error, folder):
            raise
        raise RunError(f"no space left for {folder}: free some; the same command goes on from here") from None


def _full(error: BaseException | None, folder: Path) -> bool:
    """Tell whether the disk is what failed: some libraries only say that they could not write."""
    while error is not None:
        if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT) or "No space left" in str(error):
            return True
        error = error.__cause__ or error.__context__
    return folder.exists() and shutil.disk_usage(folder).free < _FULL
