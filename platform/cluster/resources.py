"""What one run takes, and how many such runs the living nodes hold."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from math import floor, isfinite

import ray

from kgprism.platform import method
from kgprism.platform.cluster.session import may_grow
from kgprism.platform.errors import ConfigurationError

#: Ray counts in ten-thousandths: less than that is rounding.
_GRAIN = 1e-4


@dataclass(frozen=True)
class Resources:
    """So many workers, each with these processors and this host memory (bytes; 0: not counted)."""

    workers: int = 1
    cpus: float = 1.0
    gpus: float = 0.0
    memory: int = 0

    def __post_init__(self) -> None:
        numbers = isfinite(self.cpus) and isfinite(self.gpus)
        if not numbers or self.workers < 1 or self.cpus <= 0 or self.gpus < 0 or self.memory < 0:
            raise ConfigurationError(f"a run needs a worker and a part of a CPU, got {self}")
        if self.gpus > 1 and not float(self.gpus).is_integer():
            raise ConfigurationError(f"a part of a GPU or whole ones, got {self.gpus:g}")

    def __str__(self) -> str:
        memory = f" and {self.memory / 2**30:.1f} GiB" if self.memory else ""
        return f"{self.cpus:g} CPU and {self.gpus:g} GPU{memory}"

    def fitting(self) -> int:
        """Return how many runs the cluster holds now; a worker must fit into one node, not into the sum of all."""
        return sum(self._on(node["Resources"]) for node in ray.nodes() if node["Alive"]) // self.workers

    def refuse_unaffordable(self) -> None:
        """Refuse what would wait for ever, in a session; a cluster may still grow.

        Raises:
            ConfigurationError: saying what there is.
        """
        if not may_grow() and not self.fitting():
            there = ray.cluster_resources()
            has = f"this machine has {there.get('CPU', 0.0):g} CPU and {there.get('GPU', 0.0):g} GPU"
            each = f"{self.workers} workers of {self}" if self.workers > 1 else str(self)
            raise ConfigurationError(f"a run needs {each}, {has}")

    def _on(self, node: dict[str, float]) -> int:
        fits = [_times(node.get("CPU", 0.0), self.cpus)]
        if self.gpus:
            gpus = node.get("GPU", 0.0)
            # A part of a GPU is a part of one: two halves of different ones hold nothing.
            fits.append(int(gpus) * _times(1.0, self.gpus) if self.gpus < 1 else _times(gpus, self.gpus))
        if self.memory:
            fits.append(_times(node.get("memory", 0.0), self.memory))
        return min(fits)

    def larger(self) -> "Resources | None":
        """Return twice the share of a GPU and of the memory, if there is more to be had and a node that has it."""
        more = replace(self, gpus=min(1.0, 2 * self.gpus) if self.gpus < 1 else self.gpus, memory=2 * self.memory)
        return more if more != self and more.fitting() else None


def refuse_impossible(
    devices: Iterable[str], *, cpus: float = 1.0, gpus: float | None = None, workers: int = 1
) -> None:
    """Refuse, before Ray is started, numbers that no machine has and devices that this one has not.

    Raises:
        ConfigurationError: naming the number or the device.
    """
    assert Resources(workers, cpus, gpus or 0.0)  # building it is the check
    if not may_grow():  # else another machine may have it
        for word in dict.fromkeys(devices):
            method.device(word)


def _times(there: float, each: float) -> int:
    return floor((there + _GRAIN) / each) if each else 0
