import torch
from torch.nn.functional import layer_norm, normalize

from kgprism.platform.nn.fusion.global_fusion import NoShares
from kgprism.platform.nn.fusion.joint_view import AttentionSum, WeightedConcat

MODAL = [torch.randn(6, 3), torch.randn(6, 5)]
WIDTHS = {"image": 3, "graph": 5}


def test_concatenations_are_as_wide_as_all_modalities_and_weigh_them_alike_at_first():
    shared, even = (settings.build(WIDTHS) for settings in (WeightedConcat.Config(), NoShares.Config()))
    weighted, plain = shared(MODAL), even(MODAL)
    assert shared.out == even.out == plain.shape[1] == 8
    torch.testing.assert_close(plain, torch.cat([normalize(h) for h in MODAL], 1))
    torch.testing.assert_close(weighted, plain / 2)


def test_shares_of_absent_modalities_would_change_nothing_after_normalising():
    # The release learns six shares of which four are used: the direction of the joint view and its gradient with
    # respect to the used ones are the same.
    used = torch.randn(2)
    found = []
    for absent in ([], [0.3, -1.0]):
        weights = torch.cat([used, torch.tensor(absent)]).requires_grad_()
        shares = weights.softmax(0)
        view = normalize(torch.cat([shares[m] * normalize(h) for m, h in enumerate(MODAL)], 1))
        found.append((view, torch.autograd.grad((view @ torch.arange(8.0)).sum(), weights)[0]))
    torch.testing.assert_close(found[0][0], found[1][0])
    torch.testing.assert_close(found[0][1], found[1][1][:2])
    torch.testing.assert_close(found[1][1][2:], torch.zeros(2), atol=1e-5, rtol=0)


def test_attention_weighs_the_modalities_of_each_entity_and_ones_only_sum_them():
    fusion = AttentionSum.Config(width=4).build(WIDTHS)
    tokens = [
        layer_norm(h @ to_width[0].weight.T + to_width[0].bias, (4,))
        for h, to_width in zip(MODAL, fusion.maps, strict=True)
    ]
    weight, bias, query = fusion.score[0].weight, fusion.score[0].bias, fusion.score[2].weight[0]
    shares = torch.stack([(t @ weight.T + bias).tanh() @ query for t in tokens], 1).softmax(1)
    torch.testing.assert_close(fusion(MODAL), shares[:, :1] * tokens[0] + shares[:, 1:] * tokens[1])
    assert fusion.out == fusion(MODAL).shape[1] == 4
    released = AttentionSum.Config(width=4, shares="ones").build(WIDTHS)
    released.load_state_dict(fusion.state_dict(), strict=False)
    torch.testing.assert_close(released(MODAL), tokens[0] + tokens[1])
    assert not any(name.startswith("score") for name, _ in released.named_parameters())
