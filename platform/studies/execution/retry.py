"""When memory runs out in the middle of a run: what is tried again, and in which words it is given up."""

import gc
from collections.abc import Callable
from dataclasses import replace

import torch

from kgprism.platform import configuration
from kgprism.platform.errors import RunError
from kgprism.platform.training.outcome import Outcome
from kgprism.platform.training.run import Run

#: The second try scores this many times fewer queries at once.
_SMALLER = 8
_MEMORY = (torch.OutOfMemoryError, MemoryError)


class MemoryShortageError(RunError):
    """A run that does not fit into the memory it was given, even in smaller pieces."""


def retry_on_shortage(run: Run, carry: Callable[[Run], Outcome]) -> tuple[Run, Outcome]:
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
    smaller = with_smaller_chunks(run, reason)
    try:
        return smaller, carry(smaller)
    except (*_MEMORY, RunError) as error:
        reason = _shortage(error)
        if reason is None:
            raise
        raise MemoryShortageError(reason) from None


def with_smaller_chunks(run: Run, reason: str) -> Run:
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
