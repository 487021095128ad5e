"""Errors of a method's code, apart from those of a machine: trying again would end the same way."""

import sys
from traceback import walk_tb
from types import FrameType, TracebackType

import torch

from kgprism.platform.errors import KgprismError, RunError, first_line
from kgprism.platform.source import PROJECT, shipped_with

#: What a machine does: memory, disks, networks, processes that die.
_OF_A_MACHINE = (torch.OutOfMemoryError, MemoryError, OSError)
#: How PyTorch calls a device or another process that failed: an error of no kind of its own.
_WORDS = ("CUDA error", "CUDA out of memory", "cuDNN", "NCCL", "Gloo", "gloo", "Connection")


class MistakeError(RunError):
    """An error of code; in one line, with the place in the code of the method."""


class Mistakes:
    """A block in which an error of code ends as a `MistakeError`; anything else passes.

    Args:
        module: the method's.
        several: whether processes train together: what PyTorch then raises may be another one's death.
        besides: what else a machine does, such as what Ray tells of one.
    """

    def __init__(self, module: str, *, several: bool = False, besides: type[Exception] = KgprismError) -> None:
        self.module, self.several, self.besides = module, several, besides

    def __enter__(self) -> "Mistakes":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, Exception) and not self._of_a_machine(error):
            raise MistakeError(f"{type(error).__name__}: {first_line(error)} ({_place(error, self.module)})") from error

    def _of_a_machine(self, error: Exception) -> bool:
        if isinstance(error, (KgprismError, self.besides, *_OF_A_MACHINE)):
            return True
        if self.several and _speaks(error).startswith("torch.distributed"):  # another process has gone
            return True
        plain = isinstance(error, RuntimeError) and not isinstance(error, NotImplementedError | RecursionError)
        return plain and (self.several or any(word in str(error) for word in _WORDS))


def _speaks(error: Exception) -> str:
    """Return the module in which an error was raised."""
    *_, (frame, _) = walk_tb(error.__traceback__)
    return str(frame.f_globals.get("__name__", ""))


def _place(error: Exception, module: str) -> str:
    """Return file, line and function of the innermost call in the code that the method came with, else in ours."""
    calls = list(walk_tb(error.__traceback__))
    own = shipped_with(module.partition(".")[0])
    of = "" if PROJECT in own else f"; the method is {getattr(sys.modules.get(module), '__file__', module)}"
    for roots, more in ((own, ""), ({PROJECT}, of)):
        inside = [call for call in calls if call[0].f_globals.get("__name__", "").partition(".")[0] in roots]
        if inside:
            return _told(*inside[-1]) + more
    return _told(*calls[-1]) + of


def _told(frame: FrameType, line: int) -> str:
    return f"{frame.f_code.co_filename}:{line}, in {frame.f_code.co_name}"
