"""Measure the memory of concurrent trials on one dataset, and what preparing it costs them.

Run by hand: ``python benchmarks/sharing.py``. Memory is the proportional share (PSS) that the kernel counts: of a page
that four processes map each has a quarter. Data of DBP15K FR-EN's size, made from a seed.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from synthetic import dbp15k

MODALITIES = ("attribute", "image", "relation")
#: Trials at the same time.
TRIALS = 4


def write_dataset(folder: Path) -> None:
    """Write the arrays of both graphs, which every process maps as it would map Ray's object store."""
    data = dbp15k()
    names = {}
    for number, (name, array) in enumerate(data.arrays().items()):
        np.save(folder / f"{number}.npy", array)
        names[name] = f"{number}.npy"
    (folder / "names.json").write_text(json.dumps([names, data.fingerprint]), encoding="utf-8")


def trial(folder: Path) -> None:
    """Prepare inputs as a trial does, then tell this process' memory when asked; a line a question."""
    from kgprism.platform.data.catalogue.prepared import once_a_node
    from kgprism.platform.data.graph import dataset_of
    from kgprism.platform.data.inputs.features import join
    from kgprism.platform.data.once import kept_by
    from kgprism.platform.settings import AlignmentData
    from kgprism.platform.tasks.alignment import AlignmentTask

    assert AlignmentTask  # what every trial has loaded
    before = pss()
    names, fingerprint = json.loads((folder / "names.json").read_text(encoding="utf-8"))
    data = dataset_of("synthetic-dbp15k", {name: np.load(folder / file, mmap_mode="r") for name, file in names.items()})
    vars(data)["fingerprint"] = fingerprint
    began = time.process_time()
    with kept_by(once_a_node):
        graph = join(data, AlignmentData(), 0, MODALITIES)
    seconds = time.process_time() - began
    total = sum(float(table.sum()) for table in graph.features.values())  # every page is read
    for _ in sys.stdin:
        print(json.dumps({"pss": pss(), "before": before, "seconds": seconds, "total": total}), flush=True)


def pss() -> dict[str, int]:
    """Return this process' proportional share and its private pages, in bytes."""
    text = Path("/proc/self/smaps_rollup").read_text(encoding="utf-8")
    lines = dict(line.split(":") for line in text.splitlines()[1:])
    sizes = {name: int(size.split()[0]) * 1024 for name, size in lines.items()}
    return {"share": sizes["Pss"], "private": sizes["Private_Dirty"] + sizes["Private_Clean"]}


@contextmanager
def _trials(folder: Path, home: Path, count: int) -> Iterator[list[Any]]:
    command = [sys.executable, __file__, "trial", str(folder)]
    environment = os.environ | {"KGPRISM_HOME": str(home), "OMP_NUM_THREADS": "1"}
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "env": environment}
    started = [subprocess.Popen(command, **pipes) for _ in range(count)]
    try:
        yield started
    finally:
        for process in started:
            process.communicate()


def _asked(processes: list[Any]) -> list[dict[str, Any]]:
    told = []
    for _ in range(2):  # the second time all of them have all
        for process in processes:
            process.stdin.write("\n")
            process.stdin.flush()
        told = [json.loads(process.stdout.readline()) for process in processes]
    return told


def memory() -> dict[str, float]:
    """Return the memory of one trial and of several, in bytes, besides the libraries, and processor seconds."""
    found: dict[str, float] = {}
    with TemporaryDirectory() as scratch:
        folder, home = Path(scratch) / "data", Path(scratch) / "home"
        folder.mkdir()
        write_dataset(folder)
        for count in (1, TRIALS):
            with _trials(folder, home, count) as processes:
                told = _asked(processes)
            found[f"prepared_{count}"] = sum(one["pss"]["share"] - one["before"]["private"] for one in told)
            found[f"private_{count}"] = sum(one["pss"]["private"] - one["before"]["private"] for one in told)
            found[f"seconds_{count}"] = sum(one["seconds"] for one in told)
    found["ratio"] = found[f"prepared_{TRIALS}"] / found["prepared_1"]
    return found


if __name__ == "__main__":
    if sys.argv[1:2] == ["trial"]:
        trial(Path(sys.argv[2]))
    else:
        print(json.dumps(memory(), indent=1))
