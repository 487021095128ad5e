"""What a sweep costs beside its epochs: a process's start, one run after another, and the search engine's trials."""

import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

from machine import Setting, Times

#: Epochs of the runs whose turn-around is measured.
EPOCHS = 60


def rows(setting: Setting) -> Iterator[dict[str, Any]]:
    """Yield a row of each; the search engine only at full size, since it starts Ray."""
    yield _help(setting)
    yield _turnaround(setting)
    if setting.scale == 1:
        yield _trials(setting)


def _row(name: str, times: Times, **others: Any) -> dict[str, Any]:
    return {"what": "sweep", "name": name, "wall": times.wall, "cpu": times.cpu, **others}


def _help(setting: Setting) -> dict[str, Any]:
    """Measure the command line's first answer."""
    words = [sys.executable, "-c", "from kgprism.platform.cli.main import run; run()", "--help"]
    found = []
    for _ in range(setting.rounds):
        began, before = time.perf_counter(), _children()
        subprocess.run(words, check=True, capture_output=True)
        found.append((time.perf_counter() - began, _children() - before))
    return _row("kgprism --help", Times(min(wall for wall, _ in found), min(cpu for _, cpu in found)))


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _turnaround(setting: Setting) -> dict[str, Any]:
    """Measure what a warm process takes for a short run besides its epochs."""
    from kgprism.platform.data.catalogue.datasets import load
    from kgprism.platform.training import run as runs

    epochs = EPOCHS if setting.scale == 1 else 2
    spent = []
    for seed in range(setting.rounds + 1):
        wall, cpu = time.perf_counter(), time.process_time()
        dataset = load("toy")
        run = runs.plan("loginmea", dataset, seed, {"train.epochs": epochs, "eval.every": epochs}, preset="code")
        outcome = runs.execute(run, dataset)
        used = time.process_time() - cpu
        spent.append((time.perf_counter() - wall - outcome.seconds, used))
    # The first one warms up.
    name = f"loginmea on toy, {epochs} epochs: besides them"
    return _row(
        name, Times(min(wall for wall, _ in spent[1:]), min(cpu for _, cpu in spent[1:])), note="CPU: all of it"
    )


def _trials(setting: Setting) -> dict[str, Any]:
    """Measure 20 trivial trials through `kgprism tune` and as a bare Tune function."""
    import trial_overhead

    times = trial_overhead.measured(setting.rounds)
    bare, engine = min(times["bare"]), min(times["engine"])
    note = f"{engine / bare:.2f} x a bare Tune function's {bare:.2f} s"
    return {"what": "sweep", "name": f"{trial_overhead.TRIALS} trials", "wall": engine, "note": note}
