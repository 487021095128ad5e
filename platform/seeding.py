"""Random numbers that depend on a seed and on the name of their user, on nothing else."""

import hashlib
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

import numpy as np


def derive(seed: int, *names: str | int) -> int:
    """Return a 63-bit seed for one user of random numbers, such as ``derive(7, "fusion")``."""
    text = "/".join(str(part) for part in (seed, *names))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") >> 1


def generator(seed: int, *names: str | int) -> np.random.Generator:
    """Return a NumPy generator of its own for the named user."""
    return np.random.default_rng(derive(seed, *names))


def _seed(number: int) -> None:
    """Seed torch, where there is no accelerator without the note of the whole stack that `torch.manual_seed` takes."""
    import torch

    if torch.cuda.is_available() or torch.backends.mps.is_available():
        torch.manual_seed(number)
    else:
        torch.default_generator.manual_seed(number)


@contextmanager
def seeded(seed: int, *names: str | int) -> Iterator[None]:
    """Run a block with torch's global generator seeded for the named user, and put the old state back.

    Every part of a method is built inside its own block, so that removing one part leaves the initial weights of the
    others as they were: the variants of one seed are paired.
    """
    import torch  # here, so that datasets can be drawn without waiting for it

    with torch.random.fork_rng(devices=range(torch.cuda.device_count()) if torch.cuda.is_available() else []):
        _seed(derive(seed, *names))
        yield


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch use one thread in a block: with several the same sum differs in its last bits from time to time."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def within(*names: str | int) -> AbstractContextManager[None]:
    """Seed a block for one named member of the part being built, so that members do not depend on each other either."""
    import torch

    return seeded(torch.initial_seed(), *names)
