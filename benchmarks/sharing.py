"""Measure what a sweep costs besides training: memory of concurrent trials on one dataset, and a warm process' runs.

Run by hand: ``python benchmarks/sharing.py``. Memory is the proportional share (PSS) that
the kernel counts: of a page that four processes map each has a quarter. Data of DBP15K FR-EN's size, made from a seed.
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

#: DBP15K FR-EN: entities, relations, triples of both graphs, attributes, attribute triples; width of an image.
LEFT, RIGHT = (19_661, 903, 105_998, 4_547, 528_665), (19_993, 1_208, 115_722, 6_422, 576_543)
PAIRS, WIDTH, PICTURED = 15_000, 2048, 0.7
MODALITIES = ("attribute", "image", "relation")
#: Trials at the same time; runs one after the other, and their epochs.
TRIALS, RUNS, EPOCHS = 4, 4, 60


def write_dataset(folder: Path) -> None:
    """Write the arrays of both graphs, which every process maps as it would map Ray's object store."""
    from kgprism.platform.data.graph import AlignedGraphs, Features, MultiModalGraph

    draw = np.random.default_rng(0)

    def graph(entities: int, relations: int, triples: int, attributes: int, rows: int) -> MultiModalGraph:
        there = np.flatnonzero(draw.random(entities) < PICTURED)
        return MultiModalGraph(
            [f"e{n}" for n in range(entities)],
            [f"r{n}" for n in range(relations)],
            np.stack([draw.integers(0, high, triples) for high in (entities, relations, entities)], 1),
            [f"a{n}" for n in range(attributes)],
            np.stack([draw.integers(0, high, rows) for high in (entities, attributes)], 1),
            {"image": Features(there, draw.random((len(there), WIDTH), np.float32))},
        )

    left, right = graph(*LEFT), graph(*RIGHT)
    pairs = np.stack([draw.permutation(n)[:PAIRS] for n in (len(left.entities), len(right.entities))], 1)
    data = AlignedGraphs("sweep", left, right, pairs)
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
    data = dataset_of("sweep", {name: np.load(folder / file, mmap_mode="r") for name, file in names.items()})
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


def warm(method: str = "eva", epochs: int = EPOCHS) -> dict[str, float]:
    """Return the best processor seconds of a toy run in a warm process, besides its epochs, by what they went to."""
    from kgprism.platform.data.catalogue import datasets
    from kgprism.platform.studies.store.ownership import owning
    from kgprism.platform.studies.store.progress import Noting
    from kgprism.platform.studies.store.runs import Store
    from kgprism.platform.training.loop import Loop
    from kgprism.platform.training.run import execute, plan

    data, clock, spent, found = datasets.load("toy"), time.process_time, [0.0], []
    epoch = Loop._epoch

    def timed(self: Loop, number: int) -> str:
        began = clock()
        told = epoch(self, number)
        spent[0] += clock() - began
        return told

    Loop._epoch = timed  # type: ignore[method-assign]
    with TemporaryDirectory() as scratch:
        store = Store(Path(scratch))
        for number in range(RUNS):
            began, spent[0] = clock(), 0.0
            run = plan(method, data, 0, {"train.epochs": epochs, "train.learning_rate": 1e-3 * (1 + number)})
            with owning(store, run.id):
                planned = clock()
                outcome = execute(run, data, folder=store.partial(run.id), listener=Noting(store, run))
                executed = clock()
                store.write(run, outcome)
            parts = {"plan": planned - began, "prepare": executed - planned - spent[0], "write": clock() - executed}
            found.append(parts | {"overhead": sum(parts.values()), "epochs": spent[0]})
    Loop._epoch = epoch  # type: ignore[method-assign]
    return min(found[1:], key=lambda parts: parts["overhead"])


def measure() -> dict[str, Any]:
    """Return both measurements."""
    return {"memory": memory(), "warm": warm()}


if __name__ == "__main__":
    if sys.argv[1:2] == ["trial"]:
        trial(Path(sys.argv[2]))
    else:
        print(json.dumps(measure(), indent=1))
