"""Every user of random numbers has its own, whatever the others do."""

import numpy as np
import torch
from torch import nn

from kgprism.platform.method import Method
from kgprism.platform.part import Settings
from kgprism.platform.seeding import derive, generator, seeded


class Composed(Method):
    """Parts in the order they are named."""

    def __init__(self, seed: int, parts: dict[str, int]) -> None:
        super().__init__(Settings(), seed)
        for name, width in parts.items():
            self.add_module(name, self.part(name, nn.Linear, width, 2))


def weights(seed: int, **parts: int) -> dict[str, torch.Tensor]:
    return dict(Composed(seed, parts).named_parameters())


def test_removing_a_part_leaves_the_others_initial_weights() -> None:
    full = weights(7, encoder=5, fusion=4, head=3)
    for kept in (weights(7, encoder=5, head=3), weights(7, head=3, encoder=5), weights(7, fusion=9, head=3, encoder=5)):
        for name in ("encoder.weight", "encoder.bias", "head.weight", "head.bias"):
            assert torch.equal(kept[name], full[name])


def test_seeds_and_names_tell_parts_apart() -> None:
    same = weights(7, encoder=5, fusion=5)
    assert not torch.equal(same["encoder.weight"], same["fusion.weight"])
    assert not torch.equal(same["encoder.weight"], weights(8, encoder=5)["encoder.weight"])


def test_a_seeded_block_puts_the_old_state_back() -> None:
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    with seeded(1, "noise"):
        torch.rand(100)
    assert torch.equal(torch.rand(4), expected)


def test_generators_depend_on_seed_and_name_only() -> None:
    first = generator(1, "images", 2).random(3)
    np.random.seed(0)
    np.random.rand(5)
    assert np.array_equal(generator(1, "images", 2).random(3), first)
    assert not np.array_equal(generator(1, "images", 3).random(3), first)


def test_derived_seeds_fit_into_torch_and_differ() -> None:
    seeds = {derive(seed, name) for seed in range(50) for name in ("a", "b", "ab")}
    assert len(seeds) == 150
    assert all(0 <= seed < 2**63 for seed in seeds)
