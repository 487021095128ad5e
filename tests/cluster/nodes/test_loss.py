"""What clusters do to runs: processes and nodes that die, memory and disks that run out."""

import json
import os
import pickle
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kgprism.platform.data.catalogue import toy
from kgprism.platform.studies.execution.ablation import Event, carry_out
from kgprism.platform.studies.reports.render import render
from kgprism.platform.studies.reports.table import tabulate
from kgprism.platform.studies.store.runs import Store
from kgprism.platform.studies.suites.cells import Cell, expand
from kgprism.platform.studies.suites.suite import read
from kgprism.platform.training.run import Run, execute

pytestmark = pytest.mark.ray

Plan, Carry = Callable[..., Run], Callable[..., dict[str, str]]


@pytest.mark.parametrize("workers", [1, 2])
def test_a_run_whose_node_is_lost_goes_on_elsewhere(
    nodes: Any, planned: Plan, carry: Carry, meanwhile: Any, store: Store, workers: int
) -> None:
    run = planned(fault="hold@3")

    def lose() -> None:
        nodes.lose(nodes.held(count=workers)[0]["node"])

    with meanwhile(lose):
        assert carry(run, workers=workers, cpus_per_run=2) == {}
    assert nodes.epochs() == {1: workers, 2: workers, 3: 2 * workers, 4: workers}
    same_losses(store, run)


def test_a_killed_process_costs_no_finished_epoch(
    nodes: Any, planned: Plan, carry: Carry, meanwhile: Any, store: Store
) -> None:
    run, other = planned(fault="hold@3"), planned(seed=1, fault="hold@3")
    events: list[Event] = []

    def kill() -> None:
        nodes.held(count=2)
        os.kill(nodes.held(run)[0]["process"], signal.SIGKILL)

    with meanwhile(kill):
        assert carry(run, other, listener=events.append) == {}
    assert nodes.epochs(run) == {1: 1, 2: 1, 3: 2, 4: 1}
    assert nodes.epochs(other) == dict.fromkeys((1, 2, 3, 4), 1)
    assert {record.id for record in store} == {run.id, other.id}
    told = [event for event in events if event.cells[0].run.id == run.id]
    second = max(place for place, event in enumerate(told) if event.kind == "started")
    assert [event.kind for event in told].count("started") == 2
    assert next(event.row["epoch"] for event in told[second:] if event.row) == 3
    same_losses(store, run)


def test_a_killed_process_of_several_and_killed_channels_cost_no_finished_epoch(
    nodes: Any, planned: Plan, carry: Carry, meanwhile: Any, store: Store
) -> None:
    run, places = planned(fault="hold@3"), list[str]()

    def kill() -> None:
        # The driver's channel, and that of the process that awaits the workers.
        lines, channels = nodes.held(count=2), nodes.actors("Channel")
        assert len(channels) == 2
        places.extend([nodes.actor("TrainController").node_id, *(channel.node_id for channel in channels)])
        for process in (*(channel.pid for channel in channels), lines[0]["process"]):
            os.kill(process, signal.SIGKILL)

    with meanwhile(kill):
        assert carry(run, workers=2) == {}
    # Where it is lost, the run is lost with it.
    assert places[0] in places[1:]
    assert nodes.epochs() == {1: 2, 2: 2, 3: 4, 4: 2}
    same_losses(store, run)


def same_losses(store: Store, run: Run) -> None:
    """Compare with a run that nothing happened to."""
    record, here = store.read(run.id), execute(run, toy.aligned())
    assert record is not None
    assert record.history()["epoch"].tolist() == [1, 2, 3, 4]
    assert record.history()["loss"].tolist() == pytest.approx([row["loss"] for row in here.history], rel=1e-4)


DRIVER = """\
import pickle
import sys
from kgprism.platform.data.catalogue import toy
from kgprism.platform.studies.execution.ablation import carry_out
from kgprism.platform.cluster.session import session
from kgprism.platform.studies.store.runs import Store

cells, store = pickle.load(open(sys.argv[2], "rb"))
with session(sys.argv[1]):
    carry_out(cells, {"toy": toy.aligned()}, store, listener=lambda event: print(event.kind, flush=True))
"""


def test_a_killed_driver_loses_nothing(nodes: Any, planned: Plan, carry: Carry, store: Store, tmp_path: Path) -> None:
    runs = [planned(), planned(seed=1, fault="hold@3")]
    (tmp_path / "driver.py").write_text(DRIVER)
    cells = [Cell("whole", "toy", 0.2, run.seed, replace(run)) for run in runs]
    (tmp_path / "order").write_bytes(pickle.dumps((cells, store)))
    command = [sys.executable, tmp_path / "driver.py", nodes.cluster.address, tmp_path / "order"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as driver:
        assert driver.stdout is not None
        assert "finished\n" in iter(driver.stdout.readline, "")
        (held,) = nodes.held(runs[1])
        driver.kill()
    nodes.ended(held["process"])
    nodes.release()
    kinds: list[tuple[str, int]] = []
    assert carry(*runs, listener=lambda event: kinds.append((event.kind, event.cells[0].seed))) == {}
    assert [kind for kind, seed in kinds if seed == 0] == ["reused"]
    assert ("finished", 1) in kinds
    assert nodes.epochs(runs[0]) == {1: 1, 2: 1, 3: 1, 4: 1}
    assert nodes.epochs(runs[1]) == {1: 1, 2: 1, 3: 2, 4: 1}


def test_out_of_memory_is_tried_in_smaller_chunks_and_then_on_a_larger_share(
    nodes: Any, planned: Plan, carry: Carry, store: Store
) -> None:
    # By what `hungry` takes: 512 queries fit into a quarter of a GPU, 2048 into a whole one.
    chunked, larger, hopeless = (
        planned(seed, "hungry@3", **{"eval.chunk": chunk}) for seed, chunk in enumerate((2048, 8192, 10**6))
    )
    events: list[Event] = []
    failures = carry(chunked, larger, hopeless, gpus_per_run=0.25, listener=events.append)
    assert list(failures) == [hopeless.id]
    assert failures[hopeless.id].startswith("out of GPU memory (CUDA out of memory. Tried to score 125000")
    assert store.failure(hopeless.id) == failures[hopeless.id]
    notes = {record.seed: tuple(line for line in record.notes if "memory" in line) for record in store}
    first = "out of GPU memory (CUDA out of memory. Tried to score {} queries.): "
    assert notes[0] == (first.format(2048) + "eval.chunk 2048 -> 256",)
    assert notes[1] == (
        first.format(1024) + "1 CPU and 0.25 GPU -> 1 CPU and 0.5 GPU",
        first.format(8192) + "eval.chunk 8192 -> 1024",
    )
    retried = [(event.cells[0].seed, event.reason.rpartition(": ")[2]) for event in events if event.kind == "retried"]
    half, whole = "1 CPU and 0.25 GPU -> 1 CPU and 0.5 GPU", "1 CPU and 0.5 GPU -> 1 CPU and 1 GPU"
    assert sorted(retried) == [(1, half), (2, half), (2, whole)]
    # Each try went on from the checkpoint.
    assert [(line["epoch"], line["chunk"]) for line in nodes.log(chunked)] == [
        *((1, 2048), (2, 2048), (3, 2048), (3, 256), (4, 256))
    ]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 4 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = subprocess.run(
        ("mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", folder), capture_output=True, text=True, check=False
    )
    if mount.returncode:
        pytest.skip(f"no disk can be mounted here: {mount.stderr.strip()}")
    yield folder
    subprocess.run(("umount", "--lazy", folder), check=True)


def fill(folder: Path) -> None:
    with suppress(OSError), (folder / "filler").open("wb", buffering=0) as file:
        while file.write(bytes(2**12)):
            pass
    assert os.statvfs(folder).f_bavail == 0


def test_a_full_disk_is_told_in_one_line_and_damages_nothing(
    nodes: Any, planned: Plan, carry: Carry, meanwhile: Any, small_disk: Path
) -> None:
    store, done, run = Store(small_disk / "runs"), planned(), planned(seed=1, fault="hold@3")
    assert carry(done, store=store) == {}

    def fill_it() -> None:
        nodes.held(run)
        fill(small_disk)

    with meanwhile(fill_it):
        failures = carry(run, store=store)
    advice = "free some; the same command goes on from here"
    ((failed, reason),) = failures.items()
    assert failed == run.id
    assert reason.startswith(f"no space left for {store.folder}")
    assert reason.endswith(f": {advice}")
    assert [record.id for record in store] == [done.id]
    (small_disk / "filler").unlink()
    assert carry(done, run, store=store) == {}
    assert {record.id for record in store} == {done.id, run.id}
    assert nodes.epochs(done) == {1: 1, 2: 1, 3: 1, 4: 1}
    assert nodes.epochs(run)[1] == nodes.epochs(run)[2] == 1


def test_an_interrupted_run_of_several_workers_leaves_nothing_on_the_nodes(
    nodes: Any, planned: Plan, carry: Carry, store: Store
) -> None:
    run = planned(fault="hold@3")

    def interrupt(event: Event) -> None:
        if event.kind == "epoch":
            nodes.held(count=2)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        carry(run, workers=2, listener=interrupt)
    assert not store.has(run.id)


SUITE = """\
schema: 1
suite: many
title: Many runs
method: faulty
grid: {dataset: [toy], seed_ratio: [0.2, 0.5], seed: {count: 4, start: 0}}
variants:
  - {id: whole, label: The method, full: true}
  - {id: sum, label: w/o Low-rank, group: fusion, override: {fusion: sum}}
  - {id: blind, label: w/o Visual, group: modalities, override: {modalities: [attribute, relation]}}
metrics: [hits_at_1, mrr]
"""


def test_a_suite_that_loses_a_node_ends_complete_with_the_table_of_one_node(
    nodes: Any, meanwhile: Any, tiny: dict[str, Any], tmp_path: Path
) -> None:
    (tmp_path / "many.yaml").write_text(SUITE)
    suite = read(str(tmp_path / "many.yaml"))
    planned = expand(suite, {"toy": toy.aligned()}, overrides=tiny)
    # The first ones finish; then six stand on the three nodes, as many as they hold.
    cells = [*planned[:9], *(replace(cell, run=_holding(cell.run)) for cell in planned[9:])]
    assert [cell.run.id for cell in cells] == [cell.run.id for cell in planned]
    assert len({cell.run.id for cell in cells}) == 24
    several, alone, events, lost = Store(tmp_path / "several"), Store(tmp_path / "alone"), list[Event](), list[str]()

    def lose() -> None:
        held = nodes.held(count=6)
        lost.append(held[0]["node"])
        nodes.lose(lost[0])

    with meanwhile(lose):
        assert carry_out(cells, {"toy": toy.aligned()}, several, listener=events.append) == {}
    assert Counter(e.cells[0].run.id for e in events if e.kind == "finished") == {c.run.id: 1 for c in cells}
    again = {line["run"] for line in nodes.log() if line["held"] and line["node"] == lost[0]}
    assert len(again) == 2
    assert nodes.epochs() == {1: 24, 2: 24, 3: 26, 4: 24}
    assert sorted(nodes.epochs(cell.run)[3] for cell in cells) == [1] * 22 + [2] * 2

    nodes.lose(nodes.added[0].node_id)
    assert carry_out(planned, {"toy": toy.aligned()}, alone) == {}
    assert len({line["node"] for line in nodes.log()[98:]}) == 1
    tables = [render(tabulate(suite, planned, store, select="valid"), "json") for store in (several, alone)]
    assert tables[0] == tables[1]
    assert json.loads(tables[0])


def _holding(run: Run) -> Run:
    return replace(run, configuration={**run.configuration, "fault": "hold@3"})
