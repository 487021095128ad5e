from itertools import product

import pytest
import torch
from torch.nn.functional import normalize

from kgprism.platform.nn.fusion.local_fusion import Adaptive, Concat, LowRank, NoWeighting, Sum


@pytest.mark.parametrize("modalities", [["a", "b"], ["a", "b", "c"]])
def test_low_rank_fusion_is_the_full_tensor_contracted_with_the_outer_product(modalities: list[str]):
    torch.manual_seed(0)
    fusion = LowRank.Config(rank=2).build(modalities, 3, 4)
    torch.nn.init.normal_(fusion.bias)
    modal = [torch.randn(5, 3) for _ in modalities]
    # W = sum_k omega_k W_1^k x ... x W_M^k (Eq. 5-8), entry by entry.
    expected = fusion.bias.expand(5, -1).clone()
    ones = [torch.cat([torch.ones(5, 1), h], 1) for h in modal]
    for place in product(range(4), repeat=len(modalities)):
        entry = sum(
            fusion.weights[0, k]
            * torch.stack([f[k, at] for f, at in zip(fusion.factors.values(), place, strict=True)]).prod(0)
            for k in range(2)
        )
        outer = torch.stack([h[:, at] for h, at in zip(ones, place, strict=True)]).prod(0)
        expected = expected + outer[:, None] * entry
    torch.testing.assert_close(fusion(modal), expected)


def test_adaptive_weights_are_a_softmax_over_the_modalities_of_each_entity():
    weights = Adaptive.Config().build(["a", "b", "c"], 4)
    modal = [torch.randn(6, 4) for _ in range(3)]
    scores = torch.stack([h.tanh() @ weights.vectors["all"][0] for h in modal], 1).softmax(1)
    for m, found in enumerate(weights(modal)):
        torch.testing.assert_close(found, scores[:, m : m + 1] * normalize(modal[m]))


def test_a_vector_a_modality_and_a_shared_one_differ_in_number():
    assert list(Adaptive.Config(vector="per_modality").build(["a", "b"], 4).vectors) == ["a", "b"]
    assert list(Adaptive.Config(vector="shared").build(["a", "b"], 4).vectors) == ["all"]


def test_without_weights_every_modality_has_length_one():
    for found in NoWeighting.Config().build(["a", "b"], 4)([torch.randn(6, 4)] * 2):
        torch.testing.assert_close(found.norm(dim=1), torch.ones(6))


def test_sum_has_nothing_to_learn_where_widths_agree_and_concat_is_linear():
    modal = [torch.randn(6, 4) for _ in range(2)]
    plain = Sum.Config().build(["a", "b"], 4, 4)
    assert not list(plain.parameters())
    torch.testing.assert_close(plain(modal), modal[0] + modal[1])
    joined = Concat.Config().build(["a", "b"], 4, 5)
    torch.testing.assert_close(joined(modal), joined.project(torch.cat(modal, 1)))
