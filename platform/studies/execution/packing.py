"""How much memory a run takes, measured over its first two epochs, and the share of a GPU that follows from it."""

import resource
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import ray
import torch
from ray.exceptions import RayError

from kgprism.platform.cluster.resources import Resources
from kgprism.platform.cluster.session import shared
from kgprism.platform.errors import KgprismError
from kgprism.platform.training.outcome import Row
from kgprism.platform.training.run import Run, execute

#: A run takes more than its first epochs did: pseudo-pairs, fragments. One that still runs out gets a larger share.
_MARGIN = 1.25
_EPOCHS = 2


@dataclass(frozen=True)
class Need:
    """Peaks in bytes; ``gpu`` counts all that the process held on its GPU, which has ``whole``."""

    host: int
    gpu: int = 0
    whole: int = 0

    def share(self, asked: Resources) -> Resources:
        """Return `asked` with the memory that a run like this needs, and with the share of a GPU if it held one.

        A GPU is cut into equal parts, as many as hold the peak and its margin.
        """
        memory = int(self.host * _MARGIN)
        if not self.gpu:
            return replace(asked, memory=memory)
        parts = max(1, int(self.whole / (self.gpu * _MARGIN)))
        # Rounded down to what Ray counts in: three thirds must fit into one.
        return replace(asked, memory=memory, gpus=(10_000 // parts) / 10_000)


def measure(runs: Mapping[str, Run], references: Mapping[str, ray.ObjectRef], asked: Resources) -> dict[str, Resources]:
    """Return what each run takes, by its id: the first of each method and dataset is measured, all at a time.

    Args:
        asked: what the runs would take otherwise; where it has a part of a GPU, a run is measured on a whole one.
    """
    first: dict[tuple[str, str], Run] = {}
    for run in runs.values():
        first.setdefault((run.method, run.dataset), run)
    gpus = 1.0 if asked.gpus else 0.0
    # One call a process: what the process before it held would count.
    remote = ray.remote(max_calls=1)(probe).options(num_cpus=asked.cpus, num_gpus=gpus, name="probe")
    probes = {key: remote.remote(replace(run), [references[run.dataset]]) for key, run in first.items()}
    try:
        needs = {key: _need(reference) for key, reference in probes.items()}
    finally:  # on Ctrl-C
        for reference in probes.values():
            ray.cancel(reference, force=True)
    found = {key: need.share(asked) if need else replace(asked, gpus=gpus) for key, need in needs.items()}
    return {run_id: found[run.method, run.dataset] for run_id, run in runs.items()}


def probe(run: Run, data: list[Any]) -> Need:
    """Carry out the first epochs of a run, judged once, and return what they took; nothing is kept."""

    def enough(row: Row) -> bool:
        return row["epoch"] >= _EPOCHS

    _forget_peak()
    execute(replace(run, configuration={**run.configuration, "eval.every": _EPOCHS}), shared(data[0]), listener=enough)
    host = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    if not torch.cuda.is_available():
        return Need(host)
    free, whole = torch.cuda.mem_get_info()
    # What is in use besides torch's own: kernels and libraries, a few hundred MB.
    beside = whole - free - torch.cuda.memory_reserved()
    return Need(host, torch.cuda.max_memory_reserved() + max(0, beside), whole)


def _forget_peak() -> None:
    """Begin a new peak of this process, where the system can."""
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")
    except OSError:
        return


def _need(reference: ray.ObjectRef) -> Need | None:
    """Return what was measured; nothing where the first epochs fail: the run itself will say why."""
    try:
        return ray.get(reference)
    except (RayError, KgprismError):
        return None
