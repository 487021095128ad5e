import pytest
import torch
from torch.nn import functional as F

from kgprism.platform.nn.encoders.denoiser import LNet, NoDenoiser
from kgprism.platform.nn.encoders.denoising import Draws, Frozen, Generator, Learned, errors

HERE = torch.device("cpu")
DRAWS = Draws(5, HERE)
WIDTHS = {"image": 6, "attribute": 6, "graph": 4}


def vectors(entities: int = 7) -> dict[str, torch.Tensor]:
    return {name: torch.randn(entities, width) for name, width in WIDTHS.items()}


def test_a_moment_and_a_name_tell_a_table_whatever_was_drawn_before():
    first = DRAWS.normal((3, 2), "noise", 0)
    DRAWS.uniform((5,), 1.0, "other")
    torch.testing.assert_close(DRAWS.normal((3, 2), "noise", 0), first)
    for other in (Draws(6, HERE).normal((3, 2), "noise", 0), DRAWS.normal((3, 2), "noise", 1)):
        assert not other.allclose(first)


def test_drawing_leaves_the_global_generator_alone():
    state = torch.get_rng_state()
    DRAWS.normal((3,), "noise")
    DRAWS.uniform((3,), 1.0, "noise")
    assert torch.equal(torch.get_rng_state(), state)


def test_without_noise_and_denoiser_each_step_goes_into_the_workspace_and_out_again():
    generator = Generator.Config(steps=2, noise=0, latent=3, denoiser=NoDenoiser.Config()).build(WIDTHS)
    modal = vectors()
    (found,) = generator(modal, DRAWS)
    for name, z in modal.items():
        for step in range(2):  # the release makes new maps in every step
            into = generator.workspace.map(name, "in", (3, WIDTHS[name]), DRAWS.of_step(step))
            out = generator.workspace.map(name, "out", (WIDTHS[name], 3), DRAWS.of_step(step))
            z = (z @ into[0].T + into[1]) @ out[0].T + out[1]
        torch.testing.assert_close(found[name], z)


def test_noise_is_drawn_anew_at_every_step_and_becomes_weaker():
    generator = Generator.Config(steps=2, latent=4, workspace=Learned.Config(), denoiser=NoDenoiser.Config()).build(
        {"graph": 4}
    )
    for maps in (generator.workspace.into, generator.workspace.out):
        torch.nn.init.eye_(maps["4_wide"].weight)
        torch.nn.init.zeros_(maps["4_wide"].bias)
    (found,) = generator({"graph": torch.zeros(20000, 4)}, DRAWS)
    # Independent noise of 0.1 and then 0.9 x 0.1.
    assert found["graph"].std().item() == pytest.approx(0.1 * (1 + 0.81) ** 0.5, rel=0.02)
    assert found["graph"].mean().item() == pytest.approx(0, abs=2e-3)


def test_frozen_maps_start_like_a_linear_layer_and_are_no_parameters():
    workspace = Frozen.Config().build(WIDTHS, 100)
    weight, bias = workspace.map("image", "in", (100, 400), DRAWS)
    assert (weight.shape, bias.shape) == ((100, 400), (100,))
    # U(-1/20, 1/20): a Linear of 400 inputs.
    assert weight.abs().max().item() == pytest.approx(0.05, rel=0.01)
    assert weight.std().item() == pytest.approx(0.05 / 3**0.5, rel=0.02)
    assert bias.abs().max() <= 0.05
    assert not list(workspace.parameters())


def test_frozen_maps_differ_between_modalities_ways_steps_and_moments():
    workspace = Frozen.Config().build(WIDTHS, 4)
    maps = [workspace.map(*where, (4, 4), DRAWS)[0] for where in (("image", "in"), ("image", "out"), ("graph", "in"))]
    others = (Draws(6, HERE), DRAWS.of_step(1), DRAWS.of_step(2))
    maps += [workspace.map("image", "in", (4, 4), draws)[0] for draws in others]
    for number, one in enumerate(maps):
        assert all(not one.allclose(other) for other in maps[:number])


@pytest.mark.parametrize(("into", "out", "count"), [("shared", "shared", 4), ("shared", "per_modality", 5)])
def test_learned_maps_are_shared_by_modalities_of_one_width(into: str, out: str, count: int):
    workspace = Learned.Config(into=into, out=out).build(WIDTHS, 3)
    assert len(workspace.into) + len(workspace.out) == count
    h = torch.randn(2, 6)
    torch.testing.assert_close(workspace.enter("image", h, DRAWS), workspace.enter("attribute", h, DRAWS))
    same = workspace.leave("image", h[:, :3], 6, DRAWS).allclose(workspace.leave("attribute", h[:, :3], 6, DRAWS))
    assert same == (out == "shared")


def test_l_net_is_four_affine_maps_with_relu_between():
    net = LNet.Config().build(5)
    x = torch.randn(2, 3, 5)
    maps = [layer for layer in net if isinstance(layer, torch.nn.Linear)]
    expected = x
    for number, layer in enumerate(maps):
        expected = layer(expected if number == 0 else expected.relu())
    assert len(maps) == 4
    torch.testing.assert_close(net(x), expected)


def test_a_step_is_told_by_a_vector_of_its_own():
    plain = Generator.Config(steps=2, latent=3, denoiser=NoDenoiser.Config()).build(WIDTHS)
    told = Generator.Config(
        steps=2, latent=3, denoiser=NoDenoiser.Config(), time="learned", compared="every_step"
    ).build(WIDTHS)
    modal = vectors()
    torch.testing.assert_close(told(modal, DRAWS)[-1], plain(modal, DRAWS)[-1])
    before = told(modal, DRAWS)
    with torch.no_grad():
        told.clock[1] += torch.tensor([1.0, 2.0, 3.0])
    after = told(modal, DRAWS)
    torch.testing.assert_close(after[0], before[0])
    weight, _ = told.workspace.map("graph", "out", (4, 3), DRAWS.of_step(1))
    shift = (after[1]["graph"] - before[1]["graph"])[0]
    torch.testing.assert_close(shift, weight @ torch.tensor([1.0, 2.0, 3.0]))


def test_errors_average_coordinates_and_steps_and_sum_modalities():
    modal = {"image": torch.zeros(2, 2, requires_grad=True), "graph": torch.zeros(2, 4)}
    steps = [
        {"image": torch.tensor([[1.0, 1.0], [0.0, 2.0]]), "graph": torch.full((2, 4), 3.0)},
        {"image": torch.zeros(2, 2), "graph": torch.full((2, 4), 1.0, requires_grad=True)},
    ]
    found = errors(modal, steps)
    # ((1 + 9) + (0 + 1)) / 2 and ((2 + 9) + (0 + 1)) / 2
    torch.testing.assert_close(found, torch.tensor([[5.5], [6.0]]))
    found.mean().backward()
    assert modal["image"].grad.any()
    assert steps[1]["graph"].grad.any()


def test_the_mean_error_is_the_sum_of_the_modalities_mean_squares():
    modal, other = vectors(), vectors()
    expected = sum(F.mse_loss(other[name], modal[name]) for name in modal)
    torch.testing.assert_close(errors(modal, [other]).mean(), expected)


@pytest.mark.parametrize(("compared", "count"), [("last", 1), ("every_step", 3)])
def test_what_is_compared_is_the_last_step_or_all_of_them(compared: str, count: int):
    modal = vectors()
    steps = {
        c: Generator.Config(steps=3, compared=c, denoiser=NoDenoiser.Config()).build(WIDTHS)(modal, DRAWS)
        for c in ("last", compared)
    }
    assert len(steps[compared]) == count
    torch.testing.assert_close(steps[compared][-1], steps["last"][-1])
