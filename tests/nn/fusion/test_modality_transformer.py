import math

import numpy as np
import pytest
import torch

from kgprism.platform.errors import ConfigurationError
from kgprism.platform.nn.fusion.modality_transformer import MeanToken, ReceivedAttention, StructureToken

NAMES = ("structure", "image", "text")
WIDTH = 8


def modalities(rows: int = 6) -> dict[str, torch.Tensor]:
    draw = torch.Generator().manual_seed(2)
    return {name: torch.randn(rows, WIDTH, generator=draw) for name in NAMES}


def affine(module: torch.nn.Linear, x: np.ndarray) -> np.ndarray:
    return x @ module.weight.detach().double().numpy().T + module.bias.detach().double().numpy()


def softmax(x: np.ndarray) -> np.ndarray:
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def normed(x: np.ndarray) -> np.ndarray:
    # Weight and bias of a layer norm are one and zero at the start.
    return (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-12)


def shares(attention, u: np.ndarray, heads: int) -> list[np.ndarray]:
    """One entity's attention, head by head."""
    size = WIDTH // heads
    q, k = affine(attention.query, u), affine(attention.key, u)
    cuts = [slice(h * size, (h + 1) * size) for h in range(heads)]
    return [softmax(q[:, cut] @ k[:, cut].T / math.sqrt(size)) for cut in cuts]


def through(layer, u: np.ndarray, heads: int, activation) -> np.ndarray:
    """One entity's tokens behind one post-norm layer."""
    v, size = affine(layer.value, u), WIDTH // heads
    context = [p @ v[:, h * size : (h + 1) * size] for h, p in enumerate(shares(layer.shares, u, heads))]
    o = normed(affine(layer.output, np.concatenate(context, 1)) + u)
    if activation is None:
        return o
    return normed(affine(layer.feed_forward.narrow, activation(affine(layer.feed_forward.widen, o))) + o)


def gelu(x: np.ndarray) -> np.ndarray:
    return x * 0.5 * (1 + np.vectorize(math.erf)(x / math.sqrt(2)))


def relu(x: np.ndarray) -> np.ndarray:
    return np.maximum(x, 0)


@pytest.mark.parametrize(
    ("settings", "activation"),
    [
        ({"heads": 1}, None),
        ({"heads": 2, "layers": 2}, None),
        ({"heads": 4, "before": "linear"}, None),
        ({"heads": 2, "feed_forward": 5}, gelu),
        ({"heads": 2, "feed_forward": 5, "activation": "relu", "layers": 2}, relu),
    ],
)
def test_the_layers_are_those_of_a_naive_loop_over_entities_and_heads(settings, activation):
    modal = modalities()
    graph, mean = (part(**settings).build(WIDTH, NAMES).eval() for part in (StructureToken.Config, MeanToken.Config))
    mean.load_state_dict(graph.state_dict())
    for entity in range(6):
        u = np.stack([modal[name][entity].double().numpy() for name in NAMES])
        u = u if settings.get("before") == "linear" else np.tanh(u)
        for layer in (*graph.below, graph.last):
            u = through(layer, u, settings["heads"], activation)
        np.testing.assert_allclose(graph(modal)[entity].detach(), u[0], rtol=1e-3, atol=1e-5)
        np.testing.assert_allclose(mean(modal)[entity].detach(), u.mean(0), rtol=1e-3, atol=1e-5)


def test_confidence_weighs_raw_modalities_by_the_attention_that_each_receives():
    modal, heads = modalities(), 2
    fusion = ReceivedAttention.Config(heads=heads).build(WIDTH, NAMES).eval()
    for entity in range(6):
        e = np.stack([modal[name][entity].double().numpy() for name in NAMES])
        found = shares(fusion.last, np.tanh(e), heads)
        received = sum(p.sum(0) for p in found) / math.sqrt(3 * heads)
        w = softmax(received)
        np.testing.assert_allclose(fusion.weights(modal)[entity].detach(), w, rtol=1e-4)
        np.testing.assert_allclose(fusion(modal)[entity].detach(), w @ e, rtol=1e-3, atol=1e-5)
        assert np.ptp(w) > 1e-3
        # Eq. 7 as printed sums what a modality gives: one a head, so that all weigh a third.
        given = sum(p.sum(1) for p in found) / math.sqrt(3 * heads)
        np.testing.assert_allclose(softmax(given), 1 / 3, rtol=1e-12)


def test_the_numbers_of_parameters_are_those_of_four_maps_a_norm_and_a_second_half():
    d, f = WIDTH, 5
    attention = 4 * (d * d + d) + 2 * d
    half = (d * f + f) + (f * d + d) + 2 * d
    for part, expected in (
        (StructureToken.Config(), attention),
        (MeanToken.Config(layers=2), 2 * attention),
        (MeanToken.Config(feed_forward=f), attention + half),
        (ReceivedAttention.Config(), 2 * (d * d + d)),
        (ReceivedAttention.Config(layers=2), attention + 2 * (d * d + d)),
    ):
        assert sum(p.numel() for p in part.build(d, NAMES).parameters()) == expected


def test_the_order_of_the_modalities_does_not_matter():
    modal = modalities()
    for part in (StructureToken.Config(), MeanToken.Config(), ReceivedAttention.Config()):
        fusion, turned = (part.build(WIDTH, names).eval() for names in (NAMES, ("text", "structure", "image")))
        turned.load_state_dict(fusion.state_dict())
        torch.testing.assert_close(fusion(modal), turned(modal))


def test_dropout_is_for_training_only():
    modal = modalities()
    for part in (
        StructureToken.Config(dropout=0.5),
        MeanToken.Config(dropout=0.5),
        ReceivedAttention.Config(dropout=0.5),
    ):
        fusion = part.build(WIDTH, NAMES)
        assert not torch.equal(fusion(modal), fusion(modal))
        fusion.eval()
        assert torch.equal(fusion(modal), fusion(modal))


def test_heads_that_do_not_share_the_width_evenly_are_refused():
    for part in (StructureToken.Config(heads=3), ReceivedAttention.Config(heads=3)):
        with pytest.raises(ConfigurationError, match=r"fusion.heads=3 .* 8"):
            part.build(WIDTH, NAMES)
