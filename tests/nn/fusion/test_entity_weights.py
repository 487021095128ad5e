import pytest
import torch
from torch.nn.functional import normalize

from kgprism.platform.errors import ConfigurationError
from kgprism.platform.nn.fusion.entity_weights import HIDDEN, EntityTransformer, NoInteraction, entity_concat
from kgprism.platform.nn.fusion.modality_transformer import MeanToken, ReceivedAttention, confidence

NAMES = ("image", "attribute", "relation", "graph")
WIDTH = 6


def modalities(rows: int = 5) -> dict[str, torch.Tensor]:
    draw = torch.Generator().manual_seed(2)
    return {name: torch.randn(rows, WIDTH, generator=draw) for name in NAMES}


def built(**settings) -> torch.nn.Module:
    return EntityTransformer.Config(**settings).build(WIDTH, NAMES).eval()


def test_the_weight_of_a_modality_is_what_the_queries_give_it_in_sum():
    # Blind queries: every row of the attention is softmax(b . x_k / sqrt(width)), and four rows are summed.
    module, modal = built(), modalities()
    query, key = module.last.shares.query, module.last.shares.key
    with torch.no_grad():
        query.weight.zero_()
        query.bias.copy_(torch.arange(6.0))
        key.weight.copy_(torch.eye(WIDTH))
        key.bias.zero_()
    tokens = torch.stack([modal[name] for name in NAMES], 1)
    row = (tokens @ torch.arange(6.0) / 6**0.5).softmax(1)
    torch.testing.assert_close(module(modal)["weights"], (4 * row / 4**0.5).softmax(1))


def test_attention_received_weighs_unevenly_and_attention_given_weighs_all_alike():
    shares = torch.randn(7, 2, 4, 4, generator=torch.Generator().manual_seed(3)).softmax(-1)
    expected = torch.stack([(a.sum(0).sum(0) / 8**0.5).softmax(0) for a in shares])
    torch.testing.assert_close(confidence(shares), expected)
    assert (confidence(shares).std(1) > 1e-3).all()
    torch.testing.assert_close(confidence(shares.transpose(-1, -2)), torch.full((7, 4), 0.25))


@pytest.mark.parametrize("settings", [{}, {"heads": 3}, {"layers": 2}, {"feed_forward": 0}, {"before": "tanh"}])
def test_both_readings_are_those_of_the_layers_that_give_only_one(settings):
    both, modal = built(**settings), modalities()
    shown = {"heads": 1, "feed_forward": 400, "before": "linear"} | settings
    mean = MeanToken.Config(**shown).build(WIDTH, NAMES).eval()
    mean.load_state_dict(both.state_dict())
    found = both(modal)
    hidden = torch.stack([found[HIDDEN + name] for name in NAMES])
    torch.testing.assert_close(hidden.mean(0), mean(modal))
    weights = ReceivedAttention.Config(**shown).build(WIDTH, NAMES).eval()
    state = {key.replace("last.shares.", "last."): value for key, value in both.state_dict().items()}
    weights.load_state_dict({key: state[key] for key in weights.state_dict()})
    torch.testing.assert_close(found["weights"], weights.weights(modal))


def test_dropout_reaches_rows_and_weights_in_training_only():
    module, modal = EntityTransformer.Config(dropout=0.5).build(WIDTH, NAMES), modalities()
    first, second = module(modal), module(modal)
    assert not torch.equal(first["weights"], second["weights"])
    assert not torch.equal(first["hidden/image"], second["hidden/image"])
    module.eval()
    assert all(torch.equal(view, module(modal)[name]) for name, view in module(modal).items())


def test_weights_that_are_alike_keep_the_rows_and_no_interaction_has_none():
    modal, even = modalities(), torch.full((5, 4), 0.25)
    module = built(weights="alike")
    assert torch.equal(module(modal)["weights"], even)
    assert len(module(modal)) == 5
    found = NoInteraction.Config().build(WIDTH, NAMES)(modal)
    assert list(found) == ["weights"]
    assert torch.equal(found["weights"], even)


def test_every_modality_is_as_long_in_the_concatenation_as_its_weight():
    modal = [torch.randn(5, 3), torch.randn(5, 2)]
    weights = torch.rand(5, 2)
    joint = entity_concat(weights, modal)
    torch.testing.assert_close(joint[:, :3].norm(dim=1), weights[:, 0])
    torch.testing.assert_close(joint[:, 3:], weights[:, 1:] * normalize(modal[1]))


def test_heads_that_do_not_share_the_width_evenly_are_refused():
    with pytest.raises(ConfigurationError, match=r"interaction.heads=4 does not divide .* 6"):
        built(heads=4)
