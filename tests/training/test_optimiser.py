import math

import pytest
import torch

from kgprism.platform.method import Method
from kgprism.platform.settings import Cosine, Training
from kgprism.platform.tasks.task import Restart
from kgprism.platform.training.optimiser import Optimiser, cosine


class Point(Method):
    def __init__(self, *values: float) -> None:
        super().__init__(seed=0)
        self.x = torch.nn.Parameter(torch.tensor(values))


def test_cosine_rises_in_a_line_then_falls_along_half_a_cosine():
    assert cosine(0.05, 0.1) == pytest.approx(0.5)
    assert cosine(0.1, 0.1) == pytest.approx(1.0)
    assert cosine(0.55, 0.1) == pytest.approx(0.5)
    assert cosine(1.0, 0.1) == pytest.approx(0.0)
    assert cosine(0.5, 0.0) == pytest.approx(0.5 * (1 + math.cos(math.pi / 2)))


def test_the_rate_is_schedule_times_restart():
    optimiser = Optimiser(Point(0.0), Training(learning_rate=0.1, schedule=Cosine(warmup=0.5), epochs=8))
    optimiser.restart(Restart(0.2, fresh=False))
    assert optimiser.rate(2) == pytest.approx(0.1 * 0.5 * 0.2)


def test_a_horizon_beyond_the_training_leaves_the_rate_above_zero():
    # IBMEA on FB15K: warm-up over 400 of 1000 epochs, of which 500 are run (alignment specification, 3.4).
    schedule = Cosine(warmup=0.4, horizon=2.0)
    optimiser = Optimiser(Point(0.0), Training(learning_rate=1.0, schedule=schedule, epochs=500))
    assert optimiser.rate(200) == pytest.approx(0.5)
    assert optimiser.rate(400) == pytest.approx(1.0)
    assert optimiser.rate(500) == pytest.approx(0.5 * (1 + math.cos(math.pi / 6)))


def test_a_fresh_optimiser_moves_every_coordinate_by_the_rate_whatever_its_gradient():
    # Spec 0.9, check 13: with new moments a step is the sign of the gradient.
    point = Point(1.0, 1.0, 1.0)
    optimiser = Optimiser(point, Training(learning_rate=0.01, weight_decay=0.0))
    for gradient in ([5.0, 1e-3, -0.2], [1e-3, -7.0, 3.0]):
        optimiser.restart(Restart(0.2, fresh=True))
        before = point.x.detach().clone()
        point.x.grad = torch.tensor(gradient)
        optimiser.step(passed=0.5)
        torch.testing.assert_close(point.x.detach(), before - 0.002 * torch.tensor(gradient).sign(), rtol=0, atol=1e-6)


def test_kept_moments_do_not_step_by_the_sign():
    point = Point(0.0)
    optimiser = Optimiser(point, Training(learning_rate=0.01, weight_decay=0.0))
    for gradient in (1.0, -1.0):
        optimiser.restart(Restart(1.0, fresh=False))
        before = point.x.item()
        point.x.grad = torch.tensor([gradient])
        optimiser.step(passed=0.5)
    assert abs(point.x.item() - before) < 0.005


def test_clipping_scales_the_whole_gradient():
    point = Point(0.0, 0.0)
    optimiser = Optimiser(point, Training(clip=1.0))
    point.x.grad = torch.tensor([3.0, 4.0])
    seen = []
    optimiser.adams["train"].register_step_pre_hook(lambda *_: seen.append(point.x.grad.clone()))
    optimiser.step(passed=0.5)
    torch.testing.assert_close(seen[0], torch.tensor([0.6, 0.8]), atol=1e-5, rtol=0)


def test_groups_may_have_their_own_rate_and_decay():
    class Two(Point):
        def groups(self):
            return [{"params": [self.x], "rate_factor": 5.0, "weight_decay": 0.0}]

    point = Two(1.0)
    optimiser = Optimiser(point, Training(learning_rate=0.01, weight_decay=0.5))
    point.x.grad = torch.tensor([1.0])
    optimiser.step(passed=0.5)
    assert point.x.item() == pytest.approx(1.0 - 0.05, abs=1e-6)
