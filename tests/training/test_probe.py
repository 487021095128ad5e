"""The first steps of a run, against those that the loop takes."""

from collections.abc import Mapping
from typing import Any

import pytest
import torch

from kgprism.platform.data.catalogue import toy
from kgprism.platform.method import load, names
from kgprism.platform.training import probe
from kgprism.platform.training import run as runs
from kgprism.platform.training.probe import trace

#: Small enough that a step takes hundredths of a second.
NARROW = (".dim", "width")


def planned(name: str, **overrides: Any) -> tuple[Any, Any]:
    dataset = toy.aligned() if load(name).task == "alignment" else toy.completion()
    flat = runs.plan(name, dataset, 1, overrides).configuration
    narrow = {key: 20 for key in flat if key.endswith(NARROW)}
    return runs.plan(name, dataset, 1, overrides, narrow), dataset


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in ("kge", "mclea") else pytest.mark.slow) for name in names()]
)
def test_the_same_run_leaves_the_same_trace_and_no_random_number_is_spent(name: str) -> None:
    run, dataset = planned(name)
    before = torch.get_rng_state()
    one, other = trace(run, dataset, 32), trace(run, dataset, 32)
    assert torch.equal(torch.get_rng_state(), before)
    assert one.losses == other.losses
    assert one.read == other.read
    assert all(torch.equal(one.gradients[key], other.gradients[key]) for key in one.first)
    assert torch.equal(one.judged, other.judged)


def test_losses_are_those_of_the_first_epoch_where_it_is_one_step() -> None:
    run, dataset = planned("mclea", **{"train.epochs": 1, "train.batch_size": 4000, "noise": "none"})
    row = runs.execute(run, dataset).history[0]
    losses: Mapping[str, float] = trace(run, dataset, rows=4000).losses
    assert {f"loss/{key}": pytest.approx(value) for key, value in losses.items()} == {
        key: value for key, value in row.items() if key.startswith("loss/")
    }


def test_it_is_taken_with_one_thread_and_leaves_their_number(monkeypatch: pytest.MonkeyPatch) -> None:
    run, dataset = planned("kge")
    before, seen = torch.get_num_threads(), []
    real = probe._step
    monkeypatch.setattr(probe, "_step", lambda *given: seen.append(torch.get_num_threads()) or real(*given))
    trace(run, dataset, 32)
    assert (set(seen), torch.get_num_threads()) == ({1}, before)


def test_what_no_one_reads_is_not_in_it() -> None:
    run, dataset = planned("kge", **{"data.missing": "zero"})
    found = trace(run, dataset, 32)
    assert "scoring" in found.read
    assert "data.missing" not in found.read
