"""What one run takes, and how many such runs the living nodes hold."""

from dataclasses import dataclass, replace
from math import floor

import ray

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
        if self.workers < 1 or self.cpus <= 0 or self.gpus < 0 or self.memory < 0:
            raise ConfigurationError(f"a run needs a worker and a part of a CPU, got {self}")
        if self.gpus > 1 and not float(self.gpus).is_integer():
            raise ConfigurationError(f"a part of a GPU or whole ones, got {self.gpus:g}")

    def __str__(self) -> str:
        memory = f" and {self.memory / 2**30:.1f} GiB" if self.memory else ""
        return f"{self.cpus:g} CPU and {self.gpus:g} GPU{memory}"

    def fitting(self) -> int:
        """Return how many runs the cluster holds now; a worker must fit into one node, not into the sum of all."""
        return sum(self._on(node["Resources"]) for node in ray.nodes() if node["Alive"]) // self.workers

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


def _times(there: float, each: float) -> int:
    return floor((there + _GRAIN) / each) if each else 0
