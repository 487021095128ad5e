import math

import pytest
import torch

from kgprism.platform.method import Method, load
from kgprism.platform.part import Settings
from kgprism.platform.settings import Cosine, SecondStage, Training
from kgprism.platform.tasks.task import Restart, Stage
from kgprism.platform.training.optimiser import Moment, Optimiser, cosine


class Point(Method):
    def __init__(self, *values: float) -> None:
        super().__init__(Settings(), seed=0)
        self.x = torch.nn.Parameter(torch.tensor(values))


def released(total: int, warmup: int, taken: int) -> float:
    """The factor of MEAformer's, SNAG's and IBMEA's LambdaLR (transformers' cosine schedule with warm-up)."""
    if taken < warmup:
        return taken / max(1, warmup)
    return max(0.0, 0.5 * (1.0 + math.cos(math.pi * (taken - warmup) / max(1, total - warmup))))


@pytest.mark.parametrize(
    ("epochs", "steps", "warmup"), [(4, 5, 0.15), (7, 3, 0.15), (20, 1, 0.2), (3, 1, 0.0), (1, 1, 0.9)]
)
def test_every_step_has_the_rate_of_the_releases_scheduler(epochs: int, steps: int, warmup: float):
    point, total = Point(1.0), epochs * steps
    optimiser = Optimiser(point, Training(learning_rate=0.1, schedule=Cosine(warmup=warmup), epochs=epochs))
    theirs = torch.optim.AdamW([torch.nn.Parameter(torch.ones(1))], lr=0.1)
    schedule = torch.optim.lr_scheduler.LambdaLR(theirs, lambda taken: released(total, int(total * warmup), taken))
    for epoch in range(epochs):
        for step in range(steps):
            point.x.grad = torch.ones(1)
            optimiser.step(Moment(epoch, step, steps))
            assert optimiser.adams["train"].param_groups[0]["lr"] == pytest.approx(schedule.get_last_lr()[0], abs=1e-12)
            theirs.step()
            schedule.step()


def test_the_first_step_has_rate_zero_and_a_warm_up_has_whole_steps():
    assert cosine(0, 20, 0.15) == 0
    assert cosine(3, 20, 0.15) == cosine(2, 19, 0.15) == 1  # 2.85 of 19 steps are 2
    assert cosine(19, 20, 0.15) > 0
    assert cosine(200, 1500, 2 / 15) == 1  # no step is lost to rounding
    assert cosine(199, 1500, 2 / 15) == pytest.approx(199 / 200)


def test_the_rate_is_schedule_times_restart():
    optimiser = Optimiser(Point(0.0), Training(learning_rate=0.1, schedule=Cosine(warmup=0.5), epochs=8))
    optimiser.restart(Restart(0.2, fresh=False))
    assert optimiser.rate(Moment(2)) == pytest.approx(0.1 * 0.5 * 0.2)


def test_a_horizon_beyond_the_training_leaves_the_rate_above_zero():
    # IBMEA on FB15K: warm-up over 400 of 1000 epochs, of which 500 are run (alignment specification, 3.4).
    schedule = Cosine(warmup=0.4, horizon=2.0)
    optimiser = Optimiser(Point(0.0), Training(learning_rate=1.0, schedule=schedule, epochs=500))
    assert optimiser.rate(Moment(200)) == pytest.approx(0.5)
    assert optimiser.rate(Moment(400)) == pytest.approx(1.0)
    assert optimiser.rate(Moment(499)) == pytest.approx(0.5 * (1 + math.cos(math.pi * 99 / 600)))


def test_a_second_stage_begins_its_schedule_anew_over_three_times_its_length():
    training = Training(learning_rate=1.0, schedule=Cosine(warmup=0.15), epochs=12)
    optimiser = Optimiser(Point(0.0), training, Stage(4, SecondStage()))
    for epoch in range(12):
        for step in range(5):
            first = epoch < 4
            total, taken = (20, epoch * 5 + step) if first else (120, (epoch - 4) * 5 + step)
            wanted = released(total, int(total * 0.15), taken)
            assert optimiser.rate(Moment(epoch, step, 5)) == pytest.approx(wanted, abs=1e-12)


def test_the_release_of_a_fifth_of_the_rate_has_no_effect():
    # Spec 0.9: groups that an AdamW was given before hold its rate.
    groups = [{"params": [torch.nn.Parameter(torch.ones(1))]}]
    torch.optim.AdamW(groups, lr=5e-4)
    assert torch.optim.AdamW(groups, lr=5e-4 / 5).param_groups[0]["lr"] == 5e-4
    for name in ("eva", "mclea", "simdiff", "loginmea"):
        settings = load(name).Config()
        optimiser = Optimiser(Point(1.0), settings.train)
        optimiser.restart(Restart(settings.pseudo_pairs.learning_rate_factor, fresh=True))
        assert optimiser.rate(Moment(settings.pseudo_pairs.start)) == 5e-4
        assert settings.pseudo_pairs.restart == "every_epoch"


def test_a_fresh_optimiser_moves_every_coordinate_by_the_rate_whatever_its_gradient():
    # Spec 0.9, check 13: with new moments a step is the sign of the gradient.
    point = Point(1.0, 1.0, 1.0)
    optimiser = Optimiser(point, Training(learning_rate=0.01, weight_decay=0.0))
    for gradient in ([5.0, 1e-3, -0.2], [1e-3, -7.0, 3.0]):
        optimiser.restart(Restart(0.2, fresh=True))
        before = point.x.detach().clone()
        point.x.grad = torch.tensor(gradient)
        optimiser.step(Moment(0))
        torch.testing.assert_close(point.x.detach(), before - 0.002 * torch.tensor(gradient).sign(), rtol=0, atol=1e-6)


def test_kept_moments_do_not_step_by_the_sign():
    point = Point(0.0)
    optimiser = Optimiser(point, Training(learning_rate=0.01, weight_decay=0.0))
    for gradient in (1.0, -1.0):
        optimiser.restart(Restart(1.0, fresh=False))
        before = point.x.item()
        point.x.grad = torch.tensor([gradient])
        optimiser.step(Moment(0))
    assert abs(point.x.item() - before) < 0.005


def test_clipping_scales_the_whole_gradient():
    point = Point(0.0, 0.0)
    optimiser = Optimiser(point, Training(clip=1.0))
    point.x.grad = torch.tensor([3.0, 4.0])
    seen = []
    optimiser.adams["train"].register_step_pre_hook(lambda *_: seen.append(point.x.grad.clone()))
    optimiser.step(Moment(0))
    torch.testing.assert_close(seen[0], torch.tensor([0.6, 0.8]), atol=1e-5, rtol=0)


def test_groups_may_have_their_own_rate_and_decay():
    class Two(Point):
        def groups(self):
            return [{"params": [self.x], "rate_factor": 5.0, "weight_decay": 0.0}]

    point = Two(1.0)
    optimiser = Optimiser(point, Training(learning_rate=0.01, weight_decay=0.5))
    point.x.grad = torch.tensor([1.0])
    optimiser.step(Moment(0))
    assert point.x.item() == pytest.approx(1.0 - 0.05, abs=1e-6)
