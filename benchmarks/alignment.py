"""What an alignment method costs on data of DBP15K's sizes: an epoch of training, and judging its test pairs."""

from collections.abc import Iterator, Sequence
from typing import Any

import counting
import synthetic
import torch
from limits import shared
from machine import Setting, apart, clocked, forget_peak, memory
from torch import Tensor

from kgprism.platform.training import run as runs
from kgprism.platform.training.loop import Loop

#: The preset of each method for DBP15K.
PRESETS = {"ibmea": "code_dbp15k"}
METHODS = tuple(counting.METHODS)
#: 30 % seeds, as in the papers' tables.
OVERRIDES = {"data.seed_ratio": 0.3}


def prepared(name: str, dataset: Any, **overrides: Any) -> Loop:
    """Return the loop of a run, about to begin."""
    layers = {**OVERRIDES, **{key.replace("__", "."): value for key, value in overrides.items()}}
    run = runs.plan(name, dataset, 1, layers, preset=PRESETS.get(name, "code"))
    method, task = runs.composed(run, dataset)
    return Loop(method, task, run.settings.train, run.settings.eval)


def epoch(loop: Loop) -> None:
    """Train one epoch without judging."""
    loop.learner.start_epoch(0)
    loop._steps(0)


def measured(setting: Setting, name: str, parts: Sequence[str]) -> list[dict[str, Any]]:
    """Return rows of one method, for `training` and `evaluation`."""
    torch.manual_seed(0)
    loop = prepared(name, synthetic.dbp15k(setting.scale))
    found = []
    if "training" in parts:
        times = clocked(lambda: epoch(loop), setting.rounds)
        terms = counting.epoch(name, loop.method, loop.task)
        row = {"what": "alignment-training", "name": name, "wall": times.wall, "cpu": times.cpu}
        found.append(shared(setting, {**row, "terms": terms, "peak_gb": _peak(setting)}))
    if "evaluation" in parts:
        found += _judging(setting, name, loop)
    return found


class Embedded:
    """Stands for a method whose embeddings are known already: judging it is ranking alone."""

    def __init__(self, embeddings: Tensor) -> None:
        self.embeddings = embeddings

    def embed(self) -> Tensor:
        """Return the embeddings of all entities."""
        return self.embeddings


def _judging(setting: Setting, name: str, loop: Loop) -> list[dict[str, Any]]:
    """Return rows of embedding all entities, of ranking the test pairs by that, and of both: judging."""
    if not setting.here:
        forget_peak()
    task, method = loop.task, loop.method.eval()
    with torch.no_grad():
        known = Embedded(method.embed())
        embedding = clocked(method.embed, setting.rounds)
    ranking = clocked(lambda: task.judge(known, "test"), setting.rounds)
    left, right = (len(set(task.pairs["test"][:, side].tolist())) for side in (0, 1))
    terms = {"product": 2e-9 * left * right * known.embeddings.shape[1]}
    row = {"what": "alignment-evaluation", "peak_gb": _peak(setting)}
    return [
        shared(setting, {**row, "name": f"{name}: ranking", **vars(ranking), "terms": terms}),
        {**row, "name": f"{name}: embedding", **vars(embedding)},
        {**row, "name": f"{name}: judging", **vars(embedding + ranking)},
    ]


def _peak(setting: Setting) -> float | None:
    return None if setting.here else round(memory(), 3)


def rows(setting: Setting, methods: Sequence[str], parts: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Measure each method in a process of its own."""
    for name in METHODS:
        if not methods or name in methods:
            yield from apart(setting, measured, name, parts)
