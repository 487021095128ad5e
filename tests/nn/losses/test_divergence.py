import math

import pytest
import torch
from torch.distributions import Normal, kl_divergence

from kgprism.platform.nn.losses.divergence import NoDivergence, Standard, Warped


def softplus(x: float) -> float:
    return math.log1p(math.exp(x))


def test_the_warped_divergence_only_sees_the_mean_from_a_deviation_of_point_four_on():
    mean, deviation = torch.randn(7, 3), (0.4001 + torch.rand(7, 3)).requires_grad_()
    kl = Warped.Config().build()(mean, deviation)
    prior = math.exp(0.1 + 0.9 * softplus(0.4))
    assert prior == pytest.approx(2.5136, abs=1e-4)
    assert 1 / (2 * prior**2) == pytest.approx(0.0791, abs=1e-4)
    torch.testing.assert_close(kl, mean.square().mean(0).sum() / (2 * prior**2))
    assert not torch.autograd.grad(kl, deviation)[0].any()


@pytest.mark.parametrize("deviation", [-0.9, 0.0, 0.3])
def test_the_warped_divergence_takes_a_small_deviation_for_a_log_deviation(deviation: float):
    mean = 1.5
    own, prior = (math.exp(0.1 + 0.9 * softplus(s)) for s in (deviation, 0.4))
    expected = math.log(prior / own) + (own**2 + mean**2) / (2 * prior**2) - 0.5
    found = Warped.Config().build()(torch.full((4, 1), mean), torch.full((4, 1), deviation))
    assert found.item() == pytest.approx(expected, rel=1e-5)


def test_the_standard_divergence_is_that_of_two_normals_and_zero_at_the_prior():
    mean, deviation = torch.randn(6, 3), 0.1 + torch.rand(6, 3)
    expected = kl_divergence(Normal(mean, deviation), Normal(0, 1)).mean(0).sum()
    divergence = Standard.Config().build()
    torch.testing.assert_close(divergence(mean, deviation), expected)
    torch.testing.assert_close(divergence(mean, -deviation), expected)
    assert divergence(torch.zeros(6, 3), torch.ones(6, 3)).item() == pytest.approx(0, abs=1e-6)
    assert NoDivergence.Config().build()(mean, deviation).item() == 0
