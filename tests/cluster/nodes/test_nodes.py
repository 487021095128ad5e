"""Where runs are placed: on all nodes, several on a GPU, as many as memory allows, one run on several nodes."""

import os
import signal
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import ray
from ray.experimental import get_object_locations

from kgprism.platform.cluster.resources import Resources
from kgprism.platform.cluster.session import share
from kgprism.platform.data.catalogue import toy
from kgprism.platform.errors import ConfigurationError
from kgprism.platform.studies.execution import ablation
from kgprism.platform.studies.store.runs import Store
from kgprism.platform.training.run import Run, execute

pytestmark = pytest.mark.ray

Plan, Carry = Callable[..., Run], Callable[..., dict[str, str]]


@pytest.mark.parametrize(
    ("asked", "runs"),
    [
        (Resources(cpus=1), 6),
        (Resources(cpus=2), 3),
        (Resources(cpus=3), 0),
        (Resources(cpus=0.1), 60),
        (Resources(cpus=0.5, gpus=0.3), 9),
        (Resources(cpus=0.5, gpus=0.6), 3),
        (Resources(gpus=2), 0),
        (Resources(memory=2**29), 6),
        (Resources(memory=2**29 + 2**20), 3),
        (Resources(workers=3, cpus=2), 1),
        (Resources(workers=2, cpus=2), 1),
        (Resources(workers=4, cpus=2), 0),
    ],
    ids=str,
)
def test_a_run_fits_into_nodes_and_not_into_their_sum(nodes: Any, asked: Resources, runs: int) -> None:
    assert asked.fitting() == runs


def test_two_runs_share_each_gpu_of_each_node_and_its_copy_of_the_data(
    nodes: Any, planned: Plan, carry: Carry, meanwhile: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs, references = [planned(seed, "hold@2") for seed in range(6)], []

    def once(dataset: Any) -> Any:
        references.append(share(dataset))
        return references[-1]

    monkeypatch.setattr(ablation, "share", once)
    held: list[Any] = []

    def look() -> None:
        held.extend(nodes.held(count=6))
        held.append(get_object_locations(references)[references[0]]["node_ids"])

    with meanwhile(look):
        assert carry(*runs, gpus_per_run=0.5) == {}
    copies = held.pop()
    workers = {node.node_id for node in nodes.added}
    assert len(references) == 1
    assert set(copies) == workers | {ray.get_runtime_context().get_node_id()}
    assert len(copies) == len(set(copies))
    assert Counter((line["node"], *line["gpus"]) for line in held) == {(node, 0): 2 for node in workers}


def test_workers_of_one_run_sit_on_several_nodes(nodes: Any, planned: Plan, carry: Carry, store: Store) -> None:
    run = planned()
    assert carry(run, workers=3, cpus_per_run=2) == {}
    first = [line["node"] for line in nodes.log(run) if line["epoch"] == 1]
    assert sorted(first) == sorted(node.node_id for node in nodes.added)
    record, here = store.read(run.id), execute(run, toy.aligned())
    assert record is not None
    assert record.history()["loss"].tolist() == pytest.approx([row["loss"] for row in here.history], rel=1e-4)


def test_runs_are_packed_by_the_memory_of_their_first_epochs(
    nodes: Any, planned: Plan, carry: Carry, meanwhile: Any, store: Store
) -> None:
    runs, held, busy = [planned(seed, "hold@3") for seed in range(4)], [], []

    def look() -> None:
        held.extend(nodes.held(count=3))
        busy.append(ray.available_resources())

    with meanwhile(look):
        # By CPUs alone all four would run at once.
        assert carry(*runs, pack=True) == {}
    assert len({line["node"] for line in held}) == 3
    assert busy[0]["CPU"] == 3
    # The first run was also measured: two epochs, which nobody kept.
    assert Counter(line["epoch"] for line in nodes.log(runs[0])) == {1: 2, 2: 2, 3: 1, 4: 1}
    assert Counter(line["epoch"] for line in nodes.log(*runs[1:])) == {1: 3, 2: 3, 3: 3, 4: 3}
    assert sum(1 for _ in store) == 4


def test_ctrl_c_ends_what_is_being_measured(nodes: Any, planned: Plan, carry: Carry, meanwhile: Any) -> None:
    held: list[Any] = []

    def interrupt() -> None:
        held.extend(nodes.held())
        os.kill(os.getpid(), signal.SIGINT)
        nodes.ended(held[0]["process"])

    with pytest.raises(KeyboardInterrupt), meanwhile(interrupt):
        carry(planned(fault="hold@1"), pack=True)
    assert not Path(f"/proc/{held[0]['process']}").exists()


def test_only_runs_of_one_process_are_packed(nodes: Any, planned: Plan, carry: Carry) -> None:
    with pytest.raises(ConfigurationError, match="--pack measures runs of one process"):
        carry(planned(), pack=True, workers=2)
