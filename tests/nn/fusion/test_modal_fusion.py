import numpy as np
import pytest
import torch

from kgprism.platform.nn.fusion.modal_fusion import Attention, Concat, GlobalWeights, NoFusion

NAMES = ("structure", "image", "text")


def modalities(*shape: int) -> dict[str, torch.Tensor]:
    draw = torch.Generator().manual_seed(1)
    return {name: torch.randn(shape, generator=draw) for name in NAMES}


def arrays(modal: dict[str, torch.Tensor]) -> np.ndarray:
    return np.stack([modal[name].numpy().astype(float) for name in NAMES], 1)


def test_attention_weighs_the_modalities_themselves_by_their_tanh():
    modal = modalities(5, 4)
    fusion = Attention.Config().build(4, NAMES)
    e, w = arrays(modal), fusion.score.weight.detach().numpy()[0]
    a = np.exp(np.tanh(e) @ w)
    a /= a.sum(1, keepdims=True)
    np.testing.assert_allclose(fusion(modal).detach(), (a[:, :, None] * e).sum(1), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(fusion.shares(modal).detach(), a, rtol=1e-5)
    assert sum(p.numel() for p in fusion.parameters()) == 4, "one vector, no bias"


def test_global_weights_start_as_the_plain_mean_and_end_where_their_softmax_is():
    modal = modalities(5, 4)
    fusion = GlobalWeights.Config().build(4, NAMES)
    torch.testing.assert_close(fusion(modal), sum(modal.values()) / 3)
    with torch.no_grad():
        fusion.weights.copy_(torch.tensor([0.0, np.log(2.0), np.log(5.0)]))
    expected = (modal["structure"] + 2 * modal["image"] + 5 * modal["text"]) / 8
    torch.testing.assert_close(fusion(modal), expected)


def test_concat_is_one_affine_map_in_the_order_of_the_names():
    modal = modalities(5, 4)
    fusion = Concat.Config().build(4, NAMES)
    w, b = fusion.map.weight.detach().numpy(), fusion.map.bias.detach().numpy()
    expected = arrays(modal).reshape(5, 12) @ w.T + b
    np.testing.assert_allclose(fusion(modal).detach(), expected, rtol=1e-4, atol=1e-5)


def test_structure_only_reads_no_modality():
    modal = modalities(5, 4)
    fusion = NoFusion.Config().build(4, NAMES)
    assert fusion({"structure": modal["structure"]}) is modal["structure"]
    assert NoFusion.Config.null


@pytest.mark.parametrize("part", [Attention.Config(), GlobalWeights.Config(), Concat.Config(), NoFusion.Config()])
def test_rows_may_stand_in_any_number_of_axes(part):
    modal = modalities(6, 4)
    fusion = part.build(4, NAMES)
    folded = fusion({name: rows.view(2, 3, 4) for name, rows in modal.items()})
    torch.testing.assert_close(folded, fusion(modal).view(2, 3, 4))
