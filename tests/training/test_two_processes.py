"""Two processes over gloo against one: histories, judgements, and errors that only one of them meets."""

import os
import subprocess
import sys
from dataclasses import asdict
from itertools import product, starmap
from pathlib import Path
from typing import Any

import pytest
import torch

from kgprism.platform.data.catalogue import toy
from kgprism.platform.method import load, names
from kgprism.platform.training import checkpoint
from kgprism.platform.training.run import Run, execute, plan

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
METHODS = names()
#: One whose gradients DistributedDataParallel averages, one whose slices are averaged one by one.
SAMPLED = list(product(["mclea", "ibmea"], ["dense", "lazy"]))
DATA = {"alignment": toy.aligned, "completion": toy.completion}
#: Batches of odd size, so that shares differ in length; small chunks, so that each worker has several.
SHORT = {"train.epochs": 2, "train.checkpoint_seconds": 1e9, "train.device": "cpu", "eval.every": 1, "eval.chunk": 13}
BATCH = {"alignment": 31, "completion": 201}
PAIRS = {"pseudo_pairs.start": 0, "pseudo_pairs.every": 1, "pseudo_pairs.window": 2, "pseudo_pairs.commit": 2}


def planned(name: str) -> Run:
    """Return a short, narrow run of preset `code`; its learning rate shows the gradients in the losses."""
    kind = load(name)
    plain = plan(name, DATA[kind.task](), 5, preset="code").configuration
    small = {key: max(4, value // 50 * 2) for key, value in plain.items() if key.endswith((".dim", "width"))}
    small |= {key: min(value, 10) for key, value in plain.items() if key.endswith((".count", ".steps"))}
    small |= SHORT | {"train.batch_size": BATCH[kind.task], "train.learning_rate": 0.003}
    small |= PAIRS if plain.get("pseudo_pairs.kind") == "probation" else {}
    return plan(name, DATA[kind.task](), 5, plain, small)


def staged() -> Run:
    """Return a run whose second stage goes back to its first epoch: eight held-out pairs are always among ten."""
    more = {"train.epochs": 5, "train.learning_rate": 0.03, "train.schedule": "none", "eval.metric": "hits_at_10"}
    more |= {"train.clip": 0.0, "pseudo_pairs.start": 4}
    return plan("meaformer", toy.aligned(), 5, planned("meaformer").configuration, more)


def sampled(name: str, steps: str) -> Run:
    """Return a run whose steps see parts of the graphs, and move tables so."""
    more = {"train.sampling": "neighbours", "train.sampling.table_steps": steps}
    return plan(name, toy.aligned(), 5, planned(name).configuration, more)


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What the two workers left: the outcomes of all methods, and what they heard of each other."""
    folder = tmp_path_factory.mktemp("two")
    runs = [*map(planned, METHODS), *starmap(sampled, SAMPLED), staged()]
    checkpoint.save(folder / "runs.pt", [asdict(run) for run in runs])
    script, environment = Path(__file__).with_name("one_of_two.py"), os.environ | {"OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(script)]
    both = [subprocess.Popen([*command, str(rank), str(folder)], env=environment) for rank in (0, 1)]
    try:
        assert [process.wait(timeout=500) for process in both] == [0, 0]
    finally:
        for process in both:
            process.kill()
    return [checkpoint.load(folder / f"left_{rank}.pt") for rank in (0, 1)]


@pytest.mark.parametrize("name", METHODS)
def test_two_processes_train_as_one(name: str, left: list[dict[str, Any]]) -> None:
    compare(planned(name), left[0]["outcomes"][METHODS.index(name)]["history"])


@pytest.mark.parametrize(("name", "steps"), SAMPLED)
def test_two_processes_train_as_one_on_parts_of_the_graphs(name: str, steps: str, left: list[dict[str, Any]]) -> None:
    compare(sampled(name, steps), left[0]["outcomes"][len(METHODS) + SAMPLED.index((name, steps))]["history"])


def compare(run: Run, together: list[dict[str, float]]) -> None:
    alone = execute(run, DATA[load(run.method).task]())
    for one, two in zip(alone.history, together, strict=True):
        assert two["loss"] == pytest.approx(one["loss"], rel=1e-3)
        assert {key: two[key] for key in two if "mrr" in key} == pytest.approx(
            {key: one[key] for key in one if "mrr" in key}, abs=0.02
        )
    assert alone.history[-1]["loss"] != alone.history[0]["loss"]


def test_all_workers_go_back_to_the_weights_that_the_first_one_kept(left: list[dict[str, Any]]) -> None:
    alone, two = execute(staged(), toy.aligned()).history, [found["outcomes"][-1] for found in left]
    assert alone[4]["restored"] == two[0]["history"][4]["restored"] == 1
    # Weights that did not go back would be far off.
    losses = [row["loss"] for row in alone]
    assert [row["loss"] for row in two[0]["history"]] == pytest.approx(losses, rel=1e-3)
    assert losses[4] > 1.2 * losses[3]
    assert [found["same"] for found in two] == [[True, True]] * 2


@pytest.mark.parametrize("name", METHODS)
def test_what_two_judge_together_is_what_one_judges(name: str, left: list[dict[str, Any]]) -> None:
    assert [worker["outcomes"][METHODS.index(name)]["same"] for worker in left] == [[True, True]] * 2


def test_counts_add_up_on_both_and_an_error_of_one_is_heard_by_both(left: list[dict[str, Any]]) -> None:
    assert [torch.equal(found["summed"], torch.tensor([3, 3])) for found in left] == [True, True]
    assert [found["refused"] for found in left] == ["a score is not finite"] * 2
