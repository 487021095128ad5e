"""What a benchmark ran on, what clocks say, and how a measurement runs in a process of its own."""

import multiprocessing
import os
import platform
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch


@dataclass(frozen=True)
class Setting:
    """How everything of one run is measured. ``scale`` shrinks the data, 1 being the published sizes."""

    threads: int = 1
    rounds: int = 2
    scale: float = 1.0
    #: Measure here and not in processes of their own: no peak memory then.
    here: bool = False
    #: Largest memory, in GB, that a size of `growth` may be expected to take.
    memory_gb: float = 16.0
    sizes: tuple[int, ...] = (10_000, 30_000, 100_000, 300_000, 1_000_000)
    #: Test triples that PyKEEN evaluates, its time scaled up; 0: all.
    theirs: int = 200


@dataclass(frozen=True)
class Times:
    """Seconds of the best round, ``wall`` and ``cpu`` (of all threads), each its own minimum."""

    wall: float
    cpu: float

    def __add__(self, other: "Times") -> "Times":
        return Times(self.wall + other.wall, self.cpu + other.cpu)

    def seconds(self, threads: int) -> float:
        """Return what rates go by: CPU seconds of one thread, which other work cannot stretch, else the wall's."""
        return self.cpu if threads == 1 and not torch.cuda.is_available() else self.wall


def clocked(work: Callable[[], object], rounds: int = 1) -> Times:
    """Return the shortest of several rounds."""
    found = []
    for _ in range(rounds):
        _finish()
        wall, cpu = time.perf_counter(), time.process_time()
        work()
        _finish()
        found.append((time.perf_counter() - wall, time.process_time() - cpu))
    walls, cpus = zip(*found, strict=True)
    return Times(min(walls), min(cpus))


def _finish() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def device() -> torch.device:
    """Return the GPU if there is one, as ``train.device=auto`` does."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def forget_peak() -> None:
    """Let the peak memory begin anew at what is held now."""
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def memory(word: str = "VmHWM") -> float:
    """Return GB of this process: ``VmHWM`` at most since it began or `forget_peak`, ``VmRSS`` now; on a GPU, its own.

    The kernel's ``ru_maxrss`` is no use here: a process inherits that of whoever started it.
    """
    if torch.cuda.is_available():
        return (torch.cuda.max_memory_allocated() if word == "VmHWM" else torch.cuda.memory_allocated()) / 1e9
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(word)) * 1024 / 1e9


def apart(setting: Setting, work: Callable[..., Any], *given: Any) -> Any:
    """Return what ``work(setting, *given)`` returns in a fresh process, so that peak memory is its own.

    Raises:
        RuntimeError: if that process died, of whatever; it says with which code.
    """
    if setting.here:
        return work(setting, *given)
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(sender, setting, work, given))
    process.start()
    sender.close()
    try:
        found = receiver.recv()
    except EOFError:
        found = None
    process.join()
    if found is None:
        raise RuntimeError(f"{work.__name__}{given}: its process ended with {process.exitcode}")
    return found


def _work(sender: Any, setting: Setting, work: Callable[..., Any], given: tuple[Any, ...]) -> None:
    torch.set_num_threads(setting.threads)
    sender.send(work(setting, *given))


def described(setting: Setting) -> dict[str, Any]:
    """Return machine, versions, threads and the commit of the code that is measured."""
    from kgprism.platform.training import run

    tree = Path(run.__file__).resolve().parent
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--exclude=*"],
        cwd=tree,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    return {
        "machine": _processor(),
        "cores": os.cpu_count(),
        "device": torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu",
        "load": round(os.getloadavg()[0], 2),
        "threads": setting.threads,
        "rounds": setting.rounds,
        "scale": setting.scale,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "commit": commit.stdout.strip() or "unknown",
        "date": time.strftime("%Y-%m-%d"),
    }


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    name = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "unknown")
    return f"{name}, {torch.backends.cpu.get_cpu_capability()}"
