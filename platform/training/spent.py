"""Seconds of processor that a run has taken: noted in its folder by every process that trains it, in every try."""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from kgprism.platform.files import replacing

_NAME = "cpu-{rank}.txt"


@contextmanager
def noted(folder: Path | None, rank: int = 0) -> Iterator[None]:
    """Add what this process spends in the block to what its earlier tries have spent; a killed try is not known."""
    begun = time.process_time()
    try:
        yield
    finally:
        if folder is not None:
            file = folder / _NAME.format(rank=rank)
            # Nobody's run ends because this cannot be noted.
            with suppress(OSError), replacing(file) as scratch:
                spent = (_read(file) or 0.0) + time.process_time() - begun
                scratch.write_text(f"{spent:.3f}", encoding="utf-8")


def spent(folder: Path) -> float | None:
    """Return the seconds of all processes and tries, none where none is known."""
    found = [seconds for file in folder.glob(_NAME.format(rank="*")) if (seconds := _read(file)) is not None]
    return sum(found) if found else None


def _read(file: Path) -> float | None:
    with suppress(OSError, ValueError):
        return float(file.read_text(encoding="utf-8"))
    return None
