"""Gradients that are clipped again after each slice of a step, as IBMEA's release does."""

from collections.abc import Iterator
from typing import Any

import pytest
import torch

from kgprism.platform.data.catalogue import toy
from kgprism.platform.errors import ConfigurationError
from kgprism.platform.method import Method, load, names
from kgprism.platform.part import Settings
from kgprism.platform.settings import AlignmentEvaluation, AlignmentTraining
from kgprism.platform.tasks.task import Judgement
from kgprism.platform.training.loop import Loop
from kgprism.platform.training.run import execute, plan

ALIGNMENT = [name for name in names() if load(name).task == "alignment"]


class Plane(Method):
    """A point whose loss is linear in every slice: the slice is its gradient."""

    def __init__(self) -> None:
        super().__init__(Settings(), seed=0)
        self.x = torch.nn.Parameter(torch.zeros(2))
        self.idle = torch.nn.Parameter(torch.zeros(2))

    def slices(self, batch: list[list[float]]) -> Iterator[dict[str, torch.Tensor]]:
        for gradient in batch:
            yield {"linear": self.x @ torch.tensor(gradient) + len(batch)}

    def forward(self, batch: list[list[float]], phase: str = "train") -> dict[str, torch.Tensor]:
        return {"linear": torch.stack([losses["linear"] for losses in self.slices(batch)]).sum()}


class Task:
    splits = ("test",)
    stage = None

    def __init__(self, steps: list[list[list[float]]]) -> None:
        self.given = steps

    def learner(self, method: Method) -> Method:
        return method

    def steps(self, epoch: int, worker: int = 0, workers: int = 1) -> list[list[list[float]]]:
        return self.given

    def count(self, method: Method, split: str, worker: int = 0, workers: int = 1) -> torch.Tensor:
        return torch.zeros(1, dtype=torch.int32)

    def judgement(self, split: str, counts: torch.Tensor) -> Judgement:
        return Judgement({"l2r/mrr": 0.0}, {})

    def restart(self, epoch: int) -> None:
        return None

    def propose(self, epoch: int, when: str, method: Method) -> None:
        return None


def stepped(*steps: list[list[float]], **training: Any) -> tuple[list[list[float]], Loop]:
    """Return the gradient at every step of one epoch, and the loop."""
    settings = AlignmentTraining(**({"epochs": 1, "clip": 1.0, "clip_after": "slice"} | training))
    loop = Loop(Plane(), Task(list(steps)), settings, AlignmentEvaluation())
    seen: list[list[float]] = []
    x = loop.method.x
    loop.optimiser.adams["train"].register_step_pre_hook(lambda *_: seen.append(x.grad.tolist()))
    loop.run()
    return seen, loop


def test_what_has_gathered_is_clipped_after_each_slice() -> None:
    # (3, 4) -> (.6, .8); with (0, -10) it is (.6, -9.2), of length sqrt(85).
    seen, loop = stepped([[3.0, 4.0], [0.0, -10.0]])
    assert seen[0] == pytest.approx([0.6 / 85**0.5, -9.2 / 85**0.5], abs=1e-5)
    assert loop.history[0]["loss"] == pytest.approx(2 * 2)
    assert loop.method.idle.grad is None


def test_the_order_of_the_slices_counts() -> None:
    # (0, -10) -> (0, -1); with (3, 4) it is (3, 3).
    assert stepped([[0.0, -10.0], [3.0, 4.0]])[0][0] == pytest.approx([0.5**0.5, 0.5**0.5], abs=1e-5)


def test_short_gradients_are_only_added() -> None:
    assert stepped([[0.1, 0.0], [0.0, 0.2], [0.3, 0.0]])[0][0] == pytest.approx([0.4, 0.2])


def test_once_a_step_only_the_sum_is_clipped() -> None:
    assert stepped([[3.0, 4.0], [0.0, -10.0]], clip_after="step")[0][0] == pytest.approx(
        [3 / 45**0.5, -6 / 45**0.5], abs=1e-5
    )


def test_nothing_is_left_over_for_the_next_step() -> None:
    first, second = stepped([[3.0, 4.0]], [[0.1, 0.2]])[0]
    assert first == pytest.approx([0.6, 0.8], abs=1e-5)
    assert second == pytest.approx([0.1, 0.2])


@pytest.mark.parametrize("name", ALIGNMENT)
def test_without_need_to_clip_slices_gather_what_a_step_has(name: str) -> None:
    graphs, kind = toy.aligned(), load(name)
    narrow = {key: 8 for key in ("width", "modal_width", "graph_width") if key in kind.Config.model_fields}
    short = {"train.epochs": 2, "train.step": "epoch", "train.batch_size": 31, "train.clip": 1e6, "eval.every": 9}
    runs = [plan(name, graphs, 1, narrow | short | {"train.clip_after": after}) for after in ("step", "slice")]
    whole, sliced = (execute(run, graphs).history for run in runs)
    assert sliced[0] | {"seconds": 0} == pytest.approx(whole[0] | {"seconds": 0}, rel=1e-4, abs=1e-5)
    assert sliced[1]["loss"] == pytest.approx(whole[1]["loss"], rel=1e-3)
    assert sliced[1]["loss"] != sliced[0]["loss"]


def test_ibmea_clips_as_released_and_its_paper_does_not_say_so() -> None:
    settings = {
        preset: plan("ibmea", toy.aligned(), 0, preset=preset).settings.train for preset in load("ibmea").presets
    }
    assert {preset: (train.clip, train.clip_after) for preset, train in settings.items()} == {
        "code": (0.1, "slice"),
        "code_dbp15k": (0.1, "slice"),
        "paper": (0.1, "step"),
    }


def test_completion_has_no_slices() -> None:
    with pytest.raises(ConfigurationError, match=r"train\.clip_after"):
        plan("kge", toy.completion(), 0, {"train.clip_after": "slice"})
