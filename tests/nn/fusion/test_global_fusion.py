import math

import torch
from torch.nn.functional import normalize

from kgprism.platform.nn.fusion.global_fusion import NoShares, SharedConcat, SharedMean

WIDTHS = {"image": 4, "graph": 4}


def fused(part, modal, weights=None):
    module = part.build({name: h.shape[1] for name, h in zip(WIDTHS, modal, strict=True)})
    if weights is not None:
        module.weights.data = torch.tensor(weights)
    return module(modal)


def test_shares_are_a_softmax_and_rows_have_length_one():
    modal = [5 * torch.randn(6, 4), torch.randn(6, 4)]
    one, two = (normalize(h) for h in modal)
    weights = [math.log(3), 0.0]  # shares 3/4 and 1/4
    torch.testing.assert_close(fused(SharedConcat.Config(), modal, weights), torch.cat([0.75 * one, 0.25 * two], 1))
    torch.testing.assert_close(fused(SharedMean.Config(), modal, weights), (0.75 * one + 0.25 * two) / 2)
    torch.testing.assert_close(fused(NoShares.Config(), modal), torch.cat([one, two], 1))


def test_shares_start_even():
    modal = [torch.randn(6, 4), torch.randn(6, 4)]
    torch.testing.assert_close(2 * fused(SharedConcat.Config(), modal), fused(NoShares.Config(), modal))


def test_a_mean_of_different_widths_is_as_wide_as_the_widest():
    modal = [torch.randn(6, 3), torch.randn(6, 5)]
    module = SharedMean.Config().build({"image": 3, "graph": 5})
    narrow, wide = module.fits
    assert isinstance(wide, torch.nn.Identity)
    expected = (normalize(narrow(modal[0])) + normalize(modal[1])) / 4
    torch.testing.assert_close(module(modal), expected)
    assert module.out == 5
