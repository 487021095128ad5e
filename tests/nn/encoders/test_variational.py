import pytest
import torch
from torch import nn
from torch.nn.functional import layer_norm, normalize

from kgprism.platform.nn.encoders.variational import (
    Deterministic,
    DeterministicGraph,
    Posterior,
    Variational,
    VariationalGraph,
    dropped,
)
from kgprism.platform.nn.graph.union import Layers
from kgprism.platform.nn.losses.divergence import Standard, Warped


def random(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


class Doubled(Layers):
    """A stack of one layer."""

    def forward(self, x):
        return [2 * x]


class Bare(Layers):
    """A stack of none."""

    def forward(self, x):
        return []


def test_uniform_samples_lie_within_one_deviation_above_the_mean_and_normal_ones_around_it():
    posterior = Posterior(torch.full((20000, 1), 3.0), torch.full((20000, 1), 2.0))
    uniform, normal = (posterior.sample(draw, random()) for draw in ("uniform", "normal"))
    assert 3 <= uniform.min() < uniform.max() < 5
    # Standard errors are 2 / sqrt(12 * 20000) and 2 / sqrt(20000).
    assert uniform.mean().item() == pytest.approx(4, abs=0.02)
    assert normal.mean().item() == pytest.approx(3, abs=0.06)
    assert normal.std().item() == pytest.approx(2, abs=0.06)
    torch.testing.assert_close(posterior.expected("uniform"), torch.full((20000, 1), 4.0))
    torch.testing.assert_close(posterior.expected("normal"), posterior.mean)


def test_without_a_deviation_there_is_no_chance():
    point = Posterior(torch.randn(3, 2))
    assert point.sample("normal", random()) is point.expected("uniform") is point.mean


def test_heads_are_two_maps_of_one_rectified_hidden_layer():
    encoder, x = Variational.Config().build(5, 4), torch.randn(3, 5)
    mean, deviation = encoder(x, random())
    hidden = (x @ encoder.hidden.weight.T + encoder.hidden.bias).clamp(min=0)
    torch.testing.assert_close(mean, hidden @ encoder.mean.weight.T + encoder.mean.bias)
    log_variance = hidden @ encoder.log_variance.weight.T + encoder.log_variance.bias
    torch.testing.assert_close(deviation.square().log(), log_variance)


@pytest.mark.parametrize("divergence", [Warped.Config(), Standard.Config()])
def test_counts_that_overflow_leave_samples_losses_and_gradients_finite(divergence):
    encoder = Variational.Config().build(4, 3)
    with torch.no_grad():
        encoder.log_variance.weight.fill_(1.0)
        encoder.hidden.weight.fill_(1.0)
    posterior = encoder(torch.tensor([[1e5, 0, 0, 0], [1, 0, 0, 0]]), random())
    z = posterior.sample("uniform", random())
    (normalize(z).sum() + divergence.build()(*posterior)).backward()
    norm = nn.utils.clip_grad_norm_(encoder.parameters(), 0.1)
    assert norm.isfinite()
    assert norm > 0
    assert z.square().sum(1).isfinite().all()


def test_the_deterministic_head_is_one_linear_map():
    encoder, x = Deterministic.Config().build(5, 4), torch.randn(3, 5)
    mean, deviation = encoder(x, random())
    assert deviation is None
    torch.testing.assert_close(mean, x @ encoder.map.weight.T + encoder.map.bias)


def test_the_graphs_mean_is_normalised_and_its_deviation_an_elu_or_an_exponential():
    x = torch.randn(6, 4)
    mean, deviation = VariationalGraph.Config(dropout=0).build(4, lambda stack: Doubled())(x, random())
    torch.testing.assert_close(mean, layer_norm(2 * x, (4,)))
    torch.testing.assert_close(deviation, torch.where(x > 0, 2 * x, (2 * x).exp() - 1))
    assert deviation.min() > -1
    _, deviation = VariationalGraph.Config(dropout=0, spread="exponential").build(4, lambda stack: Bare())(x, random())
    torch.testing.assert_close(deviation, (x / 2).exp())


def test_the_deterministic_graph_is_one_stack_without_a_norm():
    x = torch.randn(6, 4)
    mean, deviation = DeterministicGraph.Config(dropout=0).build(4, lambda stack: Doubled())(x, random())
    assert deviation is None
    torch.testing.assert_close(mean, 2 * x)


def test_dropout_is_of_training_only_and_each_stack_has_its_own():
    x = torch.ones(200, 50)
    encoder = VariationalGraph.Config(dropout=0.45, spread="exponential").build(50, lambda stack: Bare())
    encoder.norm = nn.Identity()
    mean, deviation = encoder(x, random())
    other = 2 * deviation.log()
    for found in (mean, other):
        torch.testing.assert_close(found[found != 0], torch.tensor(1 / 0.55).expand(int((found != 0).sum())))
        assert (found == 0).float().mean().item() == pytest.approx(0.45, abs=0.02)
    assert not torch.equal(mean == 0, other == 0)
    torch.testing.assert_close(encoder.eval()(x, random()).mean, x)
    assert dropped(x, 0.0, random()) is x
