"""A second training from where pseudo-pairs begin: two schedules, the best weights back, exact to resume."""

import math
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch

from kgprism.platform.data.catalogue import toy
from kgprism.platform.method import Method, load
from kgprism.platform.part import Settings
from kgprism.platform.settings import AlignmentEvaluation, AlignmentTraining, Cosine, Probation, SecondStage
from kgprism.platform.tasks import probation
from kgprism.platform.tasks.task import Judgement, Restart, Stage
from kgprism.platform.training.loop import Loop
from kgprism.platform.training.optimiser import Moment, Optimiser
from kgprism.platform.training.outcome import Outcome
from kgprism.platform.training.run import Run, execute, plan
from kgprism.platform.training.selecting import Selecting

SMALL = {"train.batch_size": 40, "train.checkpoint_seconds": 0, "train.epochs": 7, "train.learning_rate": 0.01}
PAIRS = {f"pseudo_pairs.{key}": value for key, value in {"start": 4, "every": 1, "window": 2, "commit": 2}.items()}


class Slope(Method):
    """One weight that every step moves; what it is when an epoch begins is kept."""

    def __init__(self) -> None:
        super().__init__(Settings(), seed=0)
        self.x = torch.nn.Parameter(torch.tensor(1.0))
        self.began: list[float] = []

    def start_epoch(self, epoch: int) -> None:
        self.began.append(self.x.item())

    def forward(self, batch: float, phase: str = "train") -> dict[str, torch.Tensor]:
        return {"square": self.x**2 * batch}


class Script:
    """A task whose metrics follow a list, and whose second stage begins at epoch 3."""

    def __init__(self, metrics: list[float], splits: tuple[str, ...], weights: str) -> None:
        self.metrics, self.splits, self.judged = metrics, splits, 0
        self.stage = Stage(3, SecondStage.model_validate({"weights": weights}))

    def learner(self, method: Method) -> Method:
        return method

    def steps(self, epoch: int, worker: int = 0, workers: int = 1) -> list[float]:
        return [1.0]

    def count(self, method: Method, split: str, worker: int = 0, workers: int = 1) -> torch.Tensor:
        return torch.zeros(1, dtype=torch.int32)

    def judgement(self, split: str, counts: torch.Tensor) -> Judgement:
        value = self.metrics[self.judged // len(self.splits)]
        self.judged += 1
        return Judgement({"l2r/mrr": value if split == self.splits[0] else -value}, {})

    def restart(self, epoch: int) -> Restart | None:
        return Restart(0.2, fresh=True) if epoch == 3 else None

    def propose(self, epoch: int, when: str, method: Method) -> None:
        return None


def scripted(metrics: list[float], splits: tuple[str, ...] = ("valid", "test"), **options: Any) -> Loop:
    weights, every = options.pop("weights", "best"), options.pop("every", 1)
    training = AlignmentTraining(**({"epochs": len(metrics), "learning_rate": 0.1} | options))
    return Loop(Slope(), Script(metrics, splits, weights), training, AlignmentEvaluation(every=every))


def ended(loop: Loop) -> list[float]:
    """Run a loop; return its weight at the end of every epoch."""
    found: list[float] = []
    loop.listener = lambda row: found.append(loop.method.x.item()) is not None  # type: ignore[func-returns-value]
    loop.run()
    return found


def at(epochs: float) -> Moment:
    """Return the moment that so many epochs of 20 steps lie behind."""
    return Moment(*divmod(round(epochs * 20), 20), 20)


def test_each_stage_has_a_warm_up_and_a_cosine_of_its_own() -> None:
    training = AlignmentTraining(epochs=10, learning_rate=1.0, schedule=Cosine(warmup=0.5))
    optimiser = Optimiser(Slope(), training, Stage(4, SecondStage(warmup=0.15, horizon=3.0)))
    first = {0: 0.0, 1: 0.5, 2: 1.0, 3: 0.5}  # warm-up over 2 of 4 epochs; the step after the last one would have zero
    assert {epoch: optimiser.rate(at(epoch)) for epoch in first} == pytest.approx(first)
    optimiser.restart(Restart(0.2, fresh=True))
    # 6 epochs are left: zero lies 18 epochs ahead, warm-up over 2.7 of them; a third of the way is run.
    last = 0.5 * (1 + math.cos(math.pi * (1 / 3 - 0.15) / 0.85))
    second = {4: 0.0, 4 + 1.35: 0.2 * 0.5, 4 + 2.7: 0.2, 10: 0.2 * last}
    assert {epoch: optimiser.rate(at(epoch)) for epoch in second} == pytest.approx(second)


@pytest.mark.parametrize(
    ("name", "preset", "start", "epochs", "peak"),
    [
        ("snag_alignment", "code", 250, 1500, 250 + 562.5),  # spec 2.5: 562 of the 1250
        ("meaformer", "code", 500, 1000, 500 + 225),
        ("meaformer", "snag", 250, 1500, 250 + 562.5),
        ("mclea", "snag", 250, 1500, 250 + 562.5),
        ("eva", "snag", 500, 2000, 500 + 675),
    ],
)
def test_presets_have_the_stages_of_the_releases(name: str, preset: str, start: int, epochs: int, peak: float) -> None:
    settings = plan(name, toy.aligned(), 0, preset=preset).settings
    stage = probation.stage(settings.pseudo_pairs, settings.train.epochs)
    assert stage
    assert (stage.start, settings.train.epochs, stage.settings.weights) == (start, epochs, "best")
    optimiser = Optimiser(Slope(), settings.train, stage)
    assert optimiser.rate(at(0.15 * start)) == pytest.approx(5e-4)
    assert optimiser.rate(at(start)) == pytest.approx(0, abs=1e-12)
    restart = probation.restart(settings.pseudo_pairs, start)
    assert restart == Restart(0.2, fresh=True)
    optimiser.restart(restart)
    assert optimiser.rate(at(peak)) == pytest.approx(1e-4)
    assert optimiser.rate(at(peak + 0.85 * 1.5 * (epochs - start))) == pytest.approx(5e-5)


def test_a_stage_that_would_begin_after_the_last_epoch_leaves_a_single_training() -> None:
    settings = Probation(start=10, stage=SecondStage())
    assert probation.stage(settings, 11) == Stage(10, SecondStage())
    assert probation.stage(settings, 10) is None
    assert probation.stage(Probation(start=0), 10) is None


def test_the_stage_begins_with_the_weights_of_the_best_epoch_on_valid() -> None:
    loop = scripted([0.2, 0.9, 0.5, 0.1])
    after = ended(loop)
    assert loop.method.began == [1.0, after[0], after[1], after[1]]
    assert loop.history[3]["restored"] == 2
    assert not any("restored" in row for row in loop.history[:3])


def test_without_a_held_out_share_the_best_test_epoch_decides() -> None:
    loop = scripted([0.9, 0.2, 0.5, 0.1], splits=("test",))
    after = ended(loop)
    assert loop.method.began[3] == after[0]


def test_weights_may_go_on_as_they_are() -> None:
    loop = scripted([0.2, 0.9, 0.5, 0.1], weights="last")
    after = ended(loop)
    assert loop.method.began[3] == after[2] != after[1]


def test_the_last_epoch_of_the_first_stage_is_judged_and_may_be_the_best() -> None:
    loop = scripted([0.5, 0.1, 0.0, 0.0], every=100)
    after = ended(loop)
    assert [row["epoch"] for row in loop.history if "valid/l2r/mrr" in row] == [3, 4]
    assert loop.method.began[3] == after[2]


def test_patience_counts_from_the_second_stage_on() -> None:
    loop = scripted([0.9, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1], patience=2)
    assert (loop.run().stopped, len(loop.history)) == ("patience", 5)


def test_weights_that_nobody_wants_any_more_are_not_kept() -> None:
    selecting = Selecting(("valid", "test"), AlignmentEvaluation(), keep_weights=False, leads=True)
    worse, better = ({s: Judgement({"l2r/mrr": value}, {}) for s in ("valid", "test")} for value in (0.1, 0.2))
    selecting.offer(1, worse, Slope())
    assert selecting.take_leader().epoch == 1
    selecting.offer(2, better, Slope())
    assert (selecting.leader.epoch, selecting.take_leader().epoch, selecting.weights) == (0, 0, {})


def staged(name: str, *layers: dict[str, Any]) -> Run:
    narrow = {key: 8 for key in ("width", "modal_width", "graph_width") if key in load(name).Config.model_fields}
    stage = {"pseudo_pairs.stage": "second_stage", "eval.every": 1}
    return plan(name, toy.aligned(), 3, narrow | SMALL | PAIRS | stage, *layers)


@cache
def uncut(name: str) -> Outcome:
    return execute(staged(name), toy.aligned())


@pytest.mark.parametrize(("name", "cut"), [("meaformer", 2), ("meaformer", 4), ("meaformer", 5), ("loginmea", 4)])
def test_a_run_cut_before_at_and_after_the_switch_goes_on_exactly(name: str, cut: int, tmp_path: Path) -> None:
    run, graphs, whole = staged(name), toy.aligned(), uncut(name)
    assert whole.history[4]["restored"] >= 1
    assert any("pseudo_pairs" in row for row in whole.history)
    assert execute(run, graphs, folder=tmp_path, listener=lambda row: row["epoch"] == cut).stopped == "pruned"
    resumed = execute(run, graphs, folder=tmp_path)
    for one, two in zip(whole.history, resumed.history, strict=True):
        assert {k: v for k, v in one.items() if k != "seconds"} == {k: v for k, v in two.items() if k != "seconds"}
    for key, weight in whole.weights.items():
        torch.testing.assert_close(resumed.weights[key], weight, rtol=0, atol=0)


def test_whether_weights_are_kept_changes_nothing() -> None:
    kept, dropped = uncut("meaformer"), execute(staged("meaformer", {"train.keep_weights": False}), toy.aligned())
    assert [row["loss"] for row in kept.history] == [row["loss"] for row in dropped.history]
    assert not dropped.weights


@pytest.mark.parametrize("name", ["meaformer", "snag_alignment"])
def test_a_run_without_pseudo_pairs_is_the_first_stage_of_one_with_them(name: str) -> None:
    # Tables 2 and 6 of SNAG are of the same runs (spec 0.9).
    iterative = execute(staged(name, {"train.patience": 1}), toy.aligned()).history
    alone = execute(staged(name, {"pseudo_pairs": "none", "train.epochs": 4}), toy.aligned()).history
    assert len(iterative) > 4
    for one, two in zip(iterative[:4], alone, strict=True):
        assert {k: v for k, v in one.items() if k != "seconds"} == {k: v for k, v in two.items() if k != "seconds"}
