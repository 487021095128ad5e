"""What several workers would compute and send, by arithmetic from shapes: nothing is timed here.

Every worker encodes what a step needs and answers for its share of the losses' rows; gradients of all parameters are
averaged after each backward pass, and Ray hands the dataset to every node once.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import alignment
import counting
import synthetic
from machine import Setting, apart

from kgprism.platform.settings import AlignmentTraining

#: Numbers of workers whose bound is told.
WORKERS = (2, 8, 32)


def bound(terms: dict[str, float], workers: int) -> float:
    """Return how much faster an epoch can be at most, sending left out: only the losses are divided."""
    total = sum(terms.values())
    return total / (total - terms["losses"] + terms["losses"] / workers)


def averaged(method: Any, task: Any) -> tuple[int, float]:
    """Return how often gradients are averaged in an epoch, and how many MB they are."""
    training: AlignmentTraining = method.config.train
    steps = list(task.steps(0))
    sliced = training.clip_after == "slice" and training.clip > 0
    times = sum(len(batch.slices) for batch in steps) if sliced else len(steps)
    return times, 4e-6 * sum(p.numel() for p in method.parameters() if p.requires_grad)


def measured(setting: Setting, name: str) -> dict[str, Any]:
    """Return a row of one method."""
    dataset = synthetic.dbp15k(setting.scale)
    loop = alignment.prepared(name, dataset)
    terms = counting.epoch(name, loop.method, loop.task)
    times, megabytes = averaged(loop.method, loop.task)
    data = 1e-6 * sum(array.nbytes for array in dataset.arrays().values())
    bounds = {workers: bound(terms, workers) for workers in WORKERS}
    at_most = ", ".join(f"{faster:.2f} x with {workers}" for workers, faster in bounds.items())
    note = f"{times} x {megabytes:.0f} MB of gradients an epoch; dataset {data:.0f} MB a node; at most {at_most}"
    row = {"what": "workers", "name": name, "gflop": sum(terms.values()), "terms": terms, "note": note}
    return {**row, "averaged": times, "gradients_mb": megabytes, "dataset_mb": data}


def rows(setting: Setting, methods: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Count for each alignment method."""
    for name in alignment.METHODS:
        if not methods or name in methods:
            yield apart(setting, measured, name)
