"""Time and memory as graphs grow: an optimiser step and the judging of all pairs, each size in a process of its own.

Narrow configurations, so that what grows is the graph: 64 numbers an image, views 100 wide.
"""

import os
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

import numpy as np
import synthetic
import torch
from machine import Setting, apart, clocked, forget_peak, memory

from kgprism.platform.training import run as runs
from kgprism.platform.training.loop import Loop

_NARROW = {"data.seed_ratio": 0.3, "train.step": "batch", "train.batch_size": 3500}
_SAMPLED = {"train.sampling": "neighbours"}
_FEW = {**_SAMPLED, "train.sampling.fan_out": 5}
_LAZY = {**_SAMPLED, "train.sampling.table_steps": "lazy"}
_VIEWS = {**_NARROW, "image_width": 100, "modal_width": 100, "table_width": 100}
_GRAPH = {**_VIEWS, "structure.hidden_width": 100, "structure.width": 100}
_BARE = {**_GRAPH, "modalities": []}
_WIDE = {**_NARROW, "width": 100}
_LOGINMEA = {
    **_NARROW,
    "modalities": ["image", "relation"],
    "modal_width": 100,
    "graph_width": 100,
    "fusion.rank": 4,
    "data.top_relations": 100,
}
#: Name -> method and overrides; bags of counts are 1,000 wide. Without modalities, EVA is its graph encoder alone.
CONFIGURATIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "eva structure, full": ("eva", _BARE),
    "eva structure, neighbours": ("eva", {**_BARE, **_SAMPLED}),
    "eva structure, neighbours, lazy": ("eva", {**_BARE, **_LAZY}),
    "eva structure, 5 neighbours": ("eva", {**_BARE, **_FEW}),
    "eva structure, 5 neighbours, lazy": ("eva", {**_BARE, **_LAZY, **_FEW}),
    "eva, full": ("eva", _GRAPH),
    "eva, neighbours": ("eva", {**_GRAPH, **_SAMPLED}),
    "eva, neighbours, lazy": ("eva", {**_GRAPH, **_LAZY}),
    "mclea, full": ("mclea", _VIEWS),
    "mclea, neighbours": ("mclea", {**_VIEWS, **_SAMPLED}),
    "mclea, neighbours, lazy": ("mclea", {**_VIEWS, **_LAZY}),
    "snag, full": ("snag_alignment", _WIDE),
    "snag, neighbours": ("snag_alignment", {**_WIDE, **_SAMPLED}),
    "snag, neighbours, lazy": ("snag_alignment", {**_WIDE, **_LAZY}),
    "loginmea, full": ("loginmea", _LOGINMEA),
    "loginmea, neighbours": ("loginmea", {**_LOGINMEA, **_SAMPLED}),
    "loginmea, neighbours, lazy": ("loginmea", {**_LOGINMEA, **_LAZY}),
}
#: A judging that would take more seconds is not begun.
SECONDS = 900.0


def measured(setting: Setting, name: str, entities: int, judged: bool) -> list[dict[str, Any]]:
    """Return rows of one size: one step, and if `judged` the judging of every pair of the size."""
    if not setting.here:
        threading.Thread(target=_watch, args=(setting.memory_gb,), daemon=True).start()
    method, overrides = CONFIGURATIONS[name]
    dataset = synthetic.grown(entities)
    run = runs.plan(method, dataset, 1, overrides, preset="code")
    built, task = runs.composed(run, dataset)
    loop = Loop(built, task, run.settings.train, run.settings.eval)
    batches = list(task.steps(0))
    vars(task)["steps"] = lambda *_: islice(iter(batches), 1)

    def step() -> None:
        loop.learner.start_epoch(0)
        loop._steps(0)

    row = {"what": "growth", "name": f"{name}: {entities:,} a side", "entities": entities}
    # The first step makes the moments, which later ones find.
    step()
    note = f"one of {len(batches)} steps an epoch, {memory('VmRSS'):.2f} GB held between them"
    found = [{**row, **vars(clocked(step, setting.rounds)), "peak_gb": _peak(setting), "note": note}]
    if judged:
        if not setting.here:
            forget_peak()
        task.pairs["test"] = dataset.pairs + np.array([0, len(dataset.left.entities)])
        width = _width(built)
        times = clocked(lambda: task.judge(built.eval(), "test"))
        note = f"judging {entities:,} x {entities:,}, width {width}"
        found.append({**row, "name": f"{row['name']}, judged", **vars(times), "peak_gb": _peak(setting), "note": note})
    return found


@torch.no_grad()
def _width(method: Any) -> int:
    return int(method.eval().embed().shape[1])


def _peak(setting: Setting) -> float | None:
    return None if setting.here else round(memory(), 3)


def _watch(most: float) -> None:
    """End this process once it holds more GB than it may."""
    while memory("VmRSS") < most:
        time.sleep(0.2)
    os._exit(9)


def rows(setting: Setting, methods: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Measure configuration by configuration, size by size, until one would take too much memory."""
    for name, (method, _) in CONFIGURATIONS.items():
        if not methods or method in methods:
            yield from _grown(replace(setting, rounds=1), name)


def _grown(setting: Setting, name: str) -> Iterator[dict[str, Any]]:
    held = seconds = 0.0
    before = 0
    for entities in setting.sizes:
        factor = entities / before if before else 1.0
        row = {"what": "growth", "name": f"{name}: {entities:,} a side", "entities": entities}
        # Most of a process's memory grows with the graph.
        if before and held * factor > setting.memory_gb:
            yield {**row, "note": f"not run: some {held * factor:.0f} GB expected"}
            return
        judged = seconds * factor**2 < SECONDS and "neighbours" not in name
        try:
            found = apart(setting, measured, name, entities, judged)
        except RuntimeError as error:
            yield {**row, "note": f"stopped, {setting.memory_gb:g} GB at most: {error}"}
            return
        yield from found
        held, before = max(one["peak_gb"] or 0.0 for one in found), entities
        seconds = found[-1]["wall"] if judged else seconds * factor**2
