"""Schedules, noising, denoising and chains against closed forms (completion specification, 1.3, 6.2, 7.5)."""

import math

import pytest
import torch

from kgprism.platform.nn.negatives.diffusion.chained import Chained
from kgprism.platform.nn.negatives.diffusion.levels import Margins, shares, times, weights
from kgprism.platform.nn.negatives.diffusion.process import Diffusion, halves, interleaved, variances
from kgprism.platform.nn.negatives.diffusion.reverse import drawn, drawn_apart, rescaled, started


@pytest.mark.parametrize(("steps", "kept"), [(20, 0.81678), (50, 0.60295), (70, 0.49249), (100, 0.36356)])
def test_a_linear_schedule_keeps_the_published_share_of_a_vector(steps, kept):
    assert (1 - variances("linear", steps)).prod().item() == pytest.approx(kept, abs=5e-6)
    process = Diffusion.Config(steps=steps).build(2)
    assert process.signal[-1].item() ** 2 == pytest.approx(kept, abs=5e-6)
    assert process.noise[-1].item() ** 2 == pytest.approx(1 - kept, abs=5e-6)


def test_a_scaled_schedule_is_the_linear_one_of_a_thousand_steps_and_a_cosine_one_falls_as_its_cosine():
    torch.testing.assert_close(variances("scaled", 1000), variances("linear", 1000))
    torch.testing.assert_close(variances("scaled", 100), 10 * variances("linear", 100))
    assert variances("scaled", 10).max() < 1
    kept = (1 - variances("cosine", 40)).cumprod(0)
    for time in (1, 20, 39):
        angle = [math.cos((t / 40 + 0.008) / 1.008 * math.pi / 2) ** 2 for t in (0, time)]
        assert kept[time - 1].item() == pytest.approx(angle[1] / angle[0])
    assert kept[-1] < 1e-3


@pytest.mark.parametrize(
    ("steps", "code", "paper"),
    [
        (20, [2, 2, 5, 10], [1, 2, 4, 10]),
        (50, [5, 6, 12, 25], [2, 5, 10, 25]),
        (70, [7, 8, 17, 35], [3, 7, 14, 35]),
        (100, [10, 12, 25, 50], [5, 10, 20, 50]),
    ],
)
def test_levels_are_parts_of_the_chain(steps, code, paper):
    assert times("code", steps) == code
    assert times("paper", steps) == paper
    assert times("with_zero", steps) == [0, *code]
    assert (times("denoised", steps), times("half", steps)) == ([0], [steps // 2])


def test_margins_grow_with_the_noise_and_weights_belong_to_levels():
    assert shares("code", Margins()) == pytest.approx([0.3, 0.5, 0.7, 0.9])
    assert shares("with_zero", Margins()) == pytest.approx([0.1, 0.3, 0.5, 0.7, 0.9])  # the released five
    assert shares("paper", Margins(low=1, high=1)) == [1, 1, 1, 1]
    assert weights("code", "middle") == [0.5, 1, 1, 0.5]
    assert weights("paper", "even") == [1, 1, 1, 1]
    assert weights("code", "hard") == [1, 1, 0.5, 0.5]
    for levels in ("with_zero", "denoised", "half"):
        assert len(weights(levels, "middle")) == len(times(levels, 50)) == len(shares(levels, Margins()))
    assert weights("denoised", "middle") == [1]


def test_sines_of_a_time_stand_in_halves_or_in_turns():
    found = halves(50, 8)
    assert found.shape == (50, 8)
    expected = [math.sin(3 * 10 ** (-4 * i / 3)) for i in range(4)] + [
        math.cos(3 * 10 ** (-4 * i / 3)) for i in range(4)
    ]
    torch.testing.assert_close(found[2], torch.tensor(expected), atol=1e-6, rtol=1e-5)
    turns = [f(7 / 1000 ** (2 * i / 6)) for i in range(3) for f in (math.sin, math.cos)]
    torch.testing.assert_close(interleaved(9, 6)[6], torch.tensor(turns), atol=1e-6, rtol=1e-5)
    assert halves(5, 7).shape == interleaved(5, 7).shape == (5, 7)


def test_a_denoiser_has_nineteen_squares_of_its_width_in_weights():
    weights = [p.numel() for p in Diffusion.Config().build(12).parameters() if p.ndim == 2]
    assert sum(weights) == 19 * 12**2  # 12 + 4 + 1 of the MLP, 2 of the clock
    assert not list(Diffusion.Config(time="fixed").build(12).clock or [])
    assert sum(
        p.numel() for p in Diffusion.Config(time="fixed", norm="after", hidden=2).build(12).parameters() if p.ndim == 2
    ) == ((6 + 2) * 12**2)


def test_noised_vectors_have_the_moments_of_their_time():
    process, draw = Diffusion.Config(steps=50).build(2), torch.Generator().manual_seed(0)
    vector = torch.tensor([3.0, -1.0])
    for time in (1, 25, 50):
        kept = (1 - variances("linear", 50))[:time].prod().item()
        noise = torch.randn(200_000, 2, generator=draw)
        found = process.noised(vector, torch.full((200_000,), time), noise)
        torch.testing.assert_close(found.mean(0), math.sqrt(kept) * vector, atol=0.01, rtol=0)
        torch.testing.assert_close(found.var(0), torch.full((2,), 1 - kept), atol=0.01, rtol=0.02)


@pytest.mark.parametrize("schedule", ["linear", "cosine", "scaled"])
def test_a_step_back_with_the_true_noise_is_the_posterior_mean_and_ends_at_the_vector(schedule):
    process, draw = Diffusion.Config(steps=10, schedule=schedule).build(4), torch.Generator().manual_seed(1)
    vector, noise = torch.randn(2, 6, 4, generator=draw)
    beta = variances(schedule, 10)
    kept = torch.cat([torch.ones(1, dtype=torch.float64), (1 - beta).cumprod(0)])
    for time in (1, 2, 7):
        noised = process.noised(vector, torch.full((6,), time), noise)
        found = process.back(noised, time, noise, None)
        # The mean of q(x_{t-1} | x_t, x_0), Ho et al., 2020, Eq. 7.
        of_vector = kept[time - 1].sqrt() * beta[time - 1] / (1 - kept[time])
        of_noised = (1 - beta[time - 1]).sqrt() * (1 - kept[time - 1]) / (1 - kept[time])
        expected = of_vector.float() * vector + of_noised.float() * noised
        torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)
        fresh = torch.randn(6, 4, generator=draw)
        torch.testing.assert_close(
            process.back(noised, time, noise, fresh) - found, beta[time - 1].sqrt().float() * fresh
        )
    back = process.back(process.noised(vector, torch.ones(6, dtype=torch.long), noise), 1, noise, None)
    torch.testing.assert_close(back, vector, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(("loss", "power"), [("l1", 1), ("mse", 2)])
def test_the_loss_of_a_denoiser_that_says_nothing_is_the_size_of_the_noise(loss, power):
    process = Diffusion.Config(steps=10, loss=loss).build(4)
    with torch.no_grad():
        process.denoiser[-1].weight.zero_(), process.denoiser[-1].bias.zero_()
    noise = torch.randn(3, 5, 4)
    time = torch.randint(1, 11, (3, 5))
    torch.testing.assert_close(process.loss(torch.randn(3, 5, 4), time, noise, noise), noise.abs().pow(power).mean(-1))


def plain(process, start, tail, head, fresh_tail, fresh_head):
    """One modality at a time, every time with both ends, the time embedded anew: the released loop."""
    levels, x = {}, start
    for t in range(process.settings.steps, 0, -1):
        embedded = process.clock(process.positions[t - 1 : t]).expand_as(x)
        x = step(process, x, t, process(x, embedded, tail), fresh_tail[t])
        levels[t - 1] = step(process, x, t, process(x, embedded, head), fresh_head[t]), x
    return levels


def step(process, x, t, estimate, fresh):
    beta = variances("linear", process.settings.steps)
    kept = (1 - beta).cumprod(0)[t - 1]
    mean = (x - beta[t - 1] / (1 - kept).sqrt() * estimate) / (1 - beta[t - 1]).sqrt()
    return (mean + (beta[t - 1].sqrt() * fresh if t > 1 else 0)).float()


@torch.no_grad()
def test_stacked_chains_are_the_plain_loop_with_the_same_noise(monkeypatch):
    estimate = Chained.__call__
    torch.manual_seed(3)
    process = Diffusion.Config(steps=10).build(4)
    tail, head, start = torch.randn(3, 3, 5, 4)
    noise = []
    for wanted in ([1, 2, 5], [0, 5], [0]):
        noise.clear()
        calls = []
        monkeypatch.setattr(Chained, "__call__", lambda *given, calls=calls: calls.append(1) or estimate(*given))
        found = drawn(process, tail, head, start, lambda: noise.append(torch.randn(3, 5, 4)) or noise[-1], wanted)
        assert len(calls) == 10 - min(wanted) + len(wanted)  # spec 6.2 (b), (c)
        order, at, fresh = iter(noise), {}, {}
        for t in range(10, min(wanted), -1):
            at[t] = next(order) if t > 1 else None
            fresh[t] = next(order) if t - 1 in wanted and t > 1 else torch.zeros(3, 5, 4)
        assert next(order, None) is None
        for m in range(3):
            tails = {t: rows[m] if rows is not None else None for t, rows in at.items()}
            heads = {t: rows[m] for t, rows in fresh.items()}
            rest = dict.fromkeys(range(1, min(at)), torch.zeros(5, 4))
            levels = plain(process, start[m], tail[m], head[m], tails | rest, heads | rest)
            for level in wanted:
                torch.testing.assert_close(found[level][0][m], levels[level][0], atol=1e-5, rtol=1e-4)
                torch.testing.assert_close(found[level][1][m], levels[level][1], atol=1e-5, rtol=1e-4)


@torch.no_grad()
@pytest.mark.parametrize("time", ["learned", "fixed"])
@pytest.mark.parametrize("norm", ["before", "after"])
def test_a_chained_denoiser_estimates_what_the_plain_one_does(norm, time):
    torch.manual_seed(6)
    process = Diffusion.Config(steps=7, norm=norm, time=time).build(6).double()
    for parameter in process.parameters():
        parameter.add_(0.3 * torch.randn_like(parameter))  # norms, too, have weights then
    vectors, condition = torch.randn(2, 3, 5, 6, dtype=torch.float64)
    vectors, condition = 2 * vectors + 1, condition - 3  # the three parts have means and lengths of their own
    denoiser = Chained(process)
    for t in (1, 4, 7):
        found = denoiser(vectors, t, denoiser.told(condition))
        torch.testing.assert_close(found, process(vectors, process.times()[t - 1], condition))


@torch.no_grad()
def test_heads_of_their_own_chain_are_what_tails_would_be_with_their_condition():
    torch.manual_seed(4)
    process = Diffusion.Config(steps=6).build(4)
    tail, head, from_head, from_tail = torch.randn(4, 2, 5, 4)
    still = lambda: torch.zeros(2, 5, 4)  # noqa: E731
    apart = drawn_apart(process, tail, head, (from_head, from_tail), still, [1, 3])
    for level in (1, 3):
        one = drawn(process, tail, head, from_tail, still, [1, 3])[level][1]
        other = drawn(process, head, tail, from_head, still, [1, 3])[level][1]
        torch.testing.assert_close(apart[level][0], other)
        torch.testing.assert_close(apart[level][1], one)


def test_a_chain_may_start_with_the_moments_of_noised_entities():
    process, draw = Diffusion.Config(steps=50).build(2), torch.Generator().manual_seed(5)
    table = torch.tensor([1.0, -2.0]) + torch.tensor([3.0, 0.5]) * torch.randn(1000, 2, generator=draw)
    normal = torch.randn(1, 100_000, 2, generator=draw)
    assert started(process, "noise", {"a": table}, normal) is normal
    found = started(process, "marginal", {"a": table}, normal)[0]
    noised = process.noised(table, torch.full((1000,), 50), torch.zeros(1000, 2))
    torch.testing.assert_close(found.mean(0), noised.mean(0), atol=0.03, rtol=0)
    expected = noised.var(0, unbiased=False) + process.noise[-1] ** 2
    torch.testing.assert_close(found.var(0), expected, atol=0, rtol=0.02)


def test_rescaled_vectors_have_their_modalitys_mean_length():
    tables = {"a": torch.tensor([[3.0, 4.0], [0.0, 1.0]]), "b": torch.tensor([[0.0, 2.0]])}
    vectors = torch.randn(2, 5, 2)
    assert rescaled(vectors, tables, 0) is vectors
    full = rescaled(vectors, tables, 1).norm(dim=-1)
    torch.testing.assert_close(full, torch.tensor([[3.0], [2.0]]).expand(2, 5))
    half = rescaled(vectors, tables, 0.5).norm(dim=-1)
    torch.testing.assert_close(half, (full * vectors.norm(dim=-1)).sqrt())
