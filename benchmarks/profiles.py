"""Where the time of an epoch goes: the operations of PyTorch with the most time of their own, for every method."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import alignment
import completion
import synthetic
import torch
from machine import Setting, apart
from torch.profiler import ProfilerActivity, profile

from kgprism.platform.training.loop import Loop

#: Operations told, and the steps of a completion method's epoch.
TOP, STEPS = 8, 2


def measured(setting: Setting, name: str) -> dict[str, Any]:
    """Return a row with the shares of the operations, the dearest first; seconds are the wall's inside operations."""
    torch.manual_seed(0)
    loop = _loop(setting, name)
    kinds = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if torch.cuda.is_available() else [])]
    with profile(activities=kinds) as found:
        alignment.epoch(loop)
    key = "self_device_time_total" if torch.cuda.is_available() else "self_cpu_time_total"
    spent = {event.key: getattr(event, key) * 1e-6 for event in found.key_averages()}
    total = sum(spent.values())
    shares = {word: seconds / total for word, seconds in sorted(spent.items(), key=lambda item: -item[1])[:TOP]}
    note = ", ".join(f"{word.removeprefix('aten::')} {share:.0%}" for word, share in shares.items())
    return {"what": "profile", "name": name, "wall": total, "shares": shares, "note": note}


def _loop(setting: Setting, name: str) -> Loop:
    if name in alignment.METHODS:
        return alignment.prepared(name, synthetic.dbp15k(setting.scale))
    widths = None if setting.scale == 1 else {"image": 64, "text": 32}
    loop = completion.prepared(*completion.METHODS[name], synthetic.db15k(setting.scale, widths))
    steps = list(islice(loop.task.steps(0), STEPS))
    vars(loop.task)["steps"] = lambda *_: iter(steps)
    return loop


def rows(setting: Setting, methods: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Profile each method in a process of its own."""
    for name in (*alignment.METHODS, *completion.METHODS):
        if not methods or name in methods:
            yield apart(setting, measured, name)
