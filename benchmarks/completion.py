"""What a completion method costs on data of DB15K's sizes: an epoch of training, and judging all test triples."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import completion_counting as counting
import synthetic
import theirs
import torch
from limits import shared
from machine import Setting, Times, apart, clocked, forget_peak, memory

from kgprism.platform.training import run as runs
from kgprism.platform.training.loop import Loop

#: Name of a row -> method and preset for DB15K.
METHODS: Mapping[str, tuple[str, str]] = {
    "kge": ("kge", "code"),
    "kge transe": ("kge", "transe"),
    "kge distmult": ("kge", "distmult"),
    "ikrl": ("ikrl", "code"),
    "adamf": ("adamf", "code"),
    "dhns": ("dhns", "code"),
    "snag_completion": ("snag_completion", "code_db15k"),
}
#: An epoch whose steps are dearer together is measured by its first ones, at least two, and scaled up.
GFLOP = 1500.0


def prepared(method: str, preset: str, dataset: Any, layers: Mapping[str, Any] | None = None) -> Loop:
    """Return the loop of a run, about to begin."""
    run = runs.plan(method, dataset, 1, layers or {}, preset=preset)
    built, task = runs.composed(run, dataset)
    return Loop(built, task, run.settings.train, run.settings.eval)


def training(setting: Setting, loop: Loop) -> dict[str, Any]:
    """Return times and GFLOP of an epoch; `note` tells where they are those of its first steps, scaled up."""
    terms = counting.step(loop.method, loop.method.config)
    steps = list(loop.task.steps(0))
    kept = min(len(steps), max(2, int(GFLOP / sum(terms.values()))))
    # The loop asks its task for an epoch's batches.
    vars(loop.task)["steps"] = lambda *_: islice(iter(steps), kept)
    factor = len(steps) / kept

    def epoch() -> None:
        loop.learner.start_epoch(0)
        loop._steps(0)

    times = clocked(epoch, setting.rounds)
    note = {} if kept == len(steps) else {"note": f"{kept} of {len(steps)} steps, scaled"}
    total = {term: len(steps) * gflop for term, gflop in terms.items()}
    return {"wall": factor * times.wall, "cpu": factor * times.cpu, "terms": total, **note}


def measured(setting: Setting, name: str, parts: Sequence[str]) -> list[dict[str, Any]]:
    """Return rows of one method, for `training` and `evaluation`."""
    torch.manual_seed(0)
    widths = None if setting.scale == 1 else {"image": 64, "text": 32}
    loop = prepared(*METHODS[name], synthetic.db15k(setting.scale, widths))
    found = []
    if "training" in parts:
        row = {"what": "completion-training", "name": name, **training(setting, loop)}
        found.append(shared(setting, {**row, "peak_gb": _peak(setting)}))
    if "evaluation" in parts:
        if not setting.here:
            forget_peak()
        times = clocked(lambda: loop.task.judge(loop.method.eval(), "test"), setting.rounds)
        terms = counting.judging(loop.method, loop.task)
        row = {"what": "completion-evaluation", "name": name, "wall": times.wall, "cpu": times.cpu, "terms": terms}
        found.append(shared(setting, {**row, "peak_gb": _peak(setting)}))
    return found


def beside(setting: Setting, name: str, parts: Sequence[str]) -> list[dict[str, Any]]:
    """Return rows of a model here and in PyKEEN, with the same settings, in one process."""
    dataset = synthetic.db15k(setting.scale, {})
    loop = prepared("kge", "code", dataset, theirs.SETTINGS[name])
    other = theirs.Model(name, dataset, setting)
    found = []
    for part in parts:
        if part == "training":
            here, there = training(setting, loop), other.epoch()
        else:
            times = clocked(lambda: loop.task.judge(loop.method.eval(), "test"), setting.rounds)
            terms = counting.judging(loop.method, loop.task)
            here, there = {"wall": times.wall, "cpu": times.cpu, "terms": terms}, other.evaluation()
        what = f"completion-{part}"
        row = shared(setting, {"what": what, "name": f"{name}, PyKEEN's settings", **here})
        ratio = there.seconds(setting.threads) / Times(row["wall"], row["cpu"]).seconds(setting.threads)
        note = {"note": f"here {ratio:.1f} x faster; {other.note(part)}", "ratio": ratio}
        found += [row, {"what": what, "name": f"{name}, PyKEEN", **vars(there), **note}]
    return found


def _peak(setting: Setting) -> float | None:
    return None if setting.here else round(memory(), 3)


def rows(setting: Setting, methods: Sequence[str], parts: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Measure each method, then what PyKEEN has too, each in a process of its own."""
    for name, (method, _) in METHODS.items():
        if not methods or name in methods or method in methods:
            yield from apart(setting, measured, name, parts)
    for name in theirs.SETTINGS:
        if not methods or name in methods or "pykeen" in methods:
            yield from apart(setting, beside, name, parts)
