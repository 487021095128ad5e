import pytest
import torch

from kgprism.platform.nn.encoders.noise import Dropping, Gaussian, Masking, NoNoise

ROWS, WIDTH = 4000, 3


def table(seed: int) -> torch.Tensor:
    draw = torch.Generator().manual_seed(seed)
    return torch.randn(ROWS, WIDTH, generator=draw) * torch.tensor([1.0, 2.0, 3.0]) + torch.tensor([0.0, 5.0, -5.0])


def tables() -> dict[str, torch.Tensor]:
    return {"structure": table(1), "image": table(2), "text": table(3)}


def built(part, seed: int = 0):
    features = {name: rows for name, rows in tables().items() if name != "structure"}
    return part.build(seed, features, {name: torch.ones(ROWS, dtype=torch.bool) for name in features})


def changed(noise, inputs: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: (rows != inputs[name]).any(1) for name, rows in noise(inputs).items()}


def test_the_share_of_changed_rows_is_the_probability_for_every_table_by_itself():
    found = changed(built(Masking.Config(probability=0.2, strength=0.7)), tables())
    for rows in found.values():
        assert rows.float().mean() == pytest.approx(0.2, abs=4 * (0.2 * 0.8 / ROWS) ** 0.5)
    both = found["image"] & found["text"]
    assert both.float().mean() == pytest.approx(0.04, abs=4 * (0.04 * 0.96 / ROWS) ** 0.5)


@pytest.mark.parametrize("name", ["structure", "image"])
def test_a_changed_row_is_part_itself_and_part_noise_of_its_tables_moments(name):
    inputs = tables()
    x, found = inputs[name], built(Masking.Config(probability=0.5, strength=0.7))(inputs)[name]
    rows = (found != x).any(1)
    z = ((found - 0.3 * x) / 0.7 - x.mean(0)) / x.std(0)
    z = z[rows]
    bound = 4 / len(z) ** 0.5
    torch.testing.assert_close(z.mean(0), torch.zeros(WIDTH), rtol=0, atol=bound)
    torch.testing.assert_close(z.var(0), torch.ones(WIDTH), rtol=0, atol=1.5 * bound)
    independent = torch.corrcoef(z.T) - torch.eye(WIDTH)
    torch.testing.assert_close(independent, torch.zeros(WIDTH, WIDTH), rtol=0, atol=bound)
    with_self = torch.corrcoef(torch.stack([z[:, 0], x[rows, 0]]))[0, 1]
    assert abs(with_self) < bound


def test_moments_of_features_are_unbiased_and_of_present_rows_only():
    rows = torch.tensor([[1.0], [3.0], [100.0]])
    noise = Masking.Config().build(0, {"image": rows}, {"image": torch.tensor([True, True, False])})
    torch.testing.assert_close(noise.image_mean, torch.tensor([2.0]))
    torch.testing.assert_close(noise.image_deviation, torch.tensor([2.0**0.5]))


def test_few_present_rows_have_no_deviation():
    for there in ([True, False], [False, False]):
        noise = Masking.Config().build(0, {"image": torch.ones(2, 1)}, {"image": torch.tensor(there)})
        torch.testing.assert_close(noise.image_deviation, torch.zeros(1))
        assert noise({"image": torch.ones(2, 1)})["image"].isfinite().all()


def test_evaluation_sees_the_inputs_themselves():
    inputs = tables()
    for part in (
        Masking.Config(probability=1.0),
        Gaussian.Config(),
        Dropping.Config(probability=0.5),
        NoNoise.Config(),
    ):
        noise = built(part).eval()
        assert all(rows is inputs[name] for name, rows in noise(inputs).items())


def test_noise_stays_for_an_epoch_and_comes_back_when_it_is_resumed():
    inputs, noise = tables(), built(Masking.Config())
    noise.start_epoch(4)
    first = noise(inputs)
    noise.start_step(99)
    assert all(torch.equal(rows, first[name]) for name, rows in noise(inputs).items())
    noise.start_epoch(5)
    assert not any(torch.equal(rows, first[name]) for name, rows in noise(inputs).items())
    again = built(Masking.Config())
    again.start_epoch(4)
    assert all(torch.equal(rows, first[name]) for name, rows in again(inputs).items())
    assert not noise.state_dict(), "what is drawn anew is in no checkpoint"
    other = built(Masking.Config(), seed=1)
    other.start_epoch(4)
    assert not any(torch.equal(rows, first[name]) for name, rows in other(inputs).items())


def test_noise_may_be_drawn_at_every_step():
    inputs, noise = tables(), built(Masking.Config(refresh="step"))
    noise.start_step(7)
    first = noise(inputs)
    assert all(torch.equal(rows, first[name]) for name, rows in noise(inputs).items())
    noise.start_step(8)
    assert not any(torch.equal(rows, first[name]) for name, rows in noise(inputs).items())
    noise.start_epoch(3)
    noise.start_step(7)
    assert all(torch.equal(rows, first[name]) for name, rows in noise(inputs).items())


def test_a_learned_table_keeps_its_noise_while_it_moves_and_gets_less_gradient_where_masked():
    noise = Masking.Config(probability=0.5, strength=0.7).build(0, {}, {})
    x = table(1).requires_grad_()
    rows = changed(noise, {"structure": x})["structure"]
    first = noise({"structure": x})["structure"]
    first.sum().backward()
    torch.testing.assert_close(x.grad, torch.where(rows, 0.3, 1.0)[:, None].expand(-1, WIDTH))
    moved = noise({"structure": x.detach() + 1})["structure"] - first
    torch.testing.assert_close(moved, torch.where(rows, 0.3, 1.0)[:, None].expand(-1, WIDTH), rtol=1e-4, atol=1e-4)
    noise.start_epoch(1)
    constant = torch.full((ROWS, WIDTH), 2.5)
    torch.testing.assert_close(noise({"structure": constant})["structure"], constant)  # its own moments: 2.5 and 0


def test_the_scale_of_the_structure_halves_both_numbers_and_leaves_features_alone():
    inputs = tables()
    full, half = (built(Masking.Config(probability=0.4, strength=0.8, structure_scale=s)) for s in (1.0, 0.5))
    found, fewer = changed(full, inputs), changed(half, inputs)
    assert fewer["structure"].float().mean() == pytest.approx(0.2, abs=4 * (0.2 * 0.8 / ROWS) ** 0.5)
    assert torch.equal(found["image"], fewer["image"])
    x = inputs["structure"].clone().requires_grad_()
    half({"structure": x})["structure"].sum().backward()
    assert sorted(x.grad.unique().tolist()) == pytest.approx([0.6, 1.0])


def test_a_probability_or_a_strength_of_zero_changes_nothing():
    inputs = tables()
    for part in (
        Masking.Config(probability=0.0),
        Masking.Config(strength=0.0),
        Gaussian.Config(strength=0.0),
        Dropping.Config(probability=0.0),
    ):
        assert all(torch.equal(rows, inputs[name]) for name, rows in built(part)(inputs).items())
    assert torch.equal(built(Masking.Config(structure_scale=0.0))(inputs)["structure"], inputs["structure"])


def test_dropout_takes_coordinates_out_and_scales_up_the_rest():
    inputs = tables()
    found = built(Dropping.Config(probability=0.25))(inputs)
    for name, rows in found.items():
        kept = rows != 0
        assert (~kept).float().mean() == pytest.approx(0.25, abs=4 * (0.25 * 0.75 / rows.numel()) ** 0.5)
        torch.testing.assert_close(rows[kept], inputs[name][kept] / 0.75)


def test_gaussian_noise_moves_every_row_by_deviations_of_its_columns_and_has_no_mean():
    inputs = tables()
    noise = built(Gaussian.Config(strength=0.5, structure_scale=0.5))
    found = noise(inputs)
    for name, strength in (("image", 0.5), ("structure", 0.25)):
        z = (found[name] - inputs[name]) / strength / inputs[name].std(0)
        bound = 4 / ROWS**0.5
        torch.testing.assert_close(z.mean(0), torch.zeros(WIDTH), rtol=0, atol=bound)
        torch.testing.assert_close(z.var(0), torch.ones(WIDTH), rtol=0, atol=1.5 * bound)
    noise.start_step(1)
    other = noise(inputs)["image"]
    assert (other != found["image"]).all()
