"""What MEAformer and SNAG share, shown on MEAformer."""

import pytest
import torch

from kgprism.platform.configuration import resolve
from kgprism.platform.data.catalogue import toy
from kgprism.platform.data.inputs.features import join
from kgprism.platform.errors import ConfigurationError
from kgprism.platform.method import load

CORE = ("image", "attribute", "relation", "graph")


def built(**overrides):
    method = load("meaformer")
    layer = {"width": 8, "interaction.feed_forward": 8} | {k.replace("__", "."): v for k, v in overrides.items()}
    if overrides.get("interaction") == "none":
        del layer["interaction.feed_forward"]
    config = resolve(method.Config, layer)
    return method(config, join(toy.aligned(), config.data, 0, config.modalities), 0)


def losses(*values: float) -> dict[str, torch.Tensor]:
    return {name: torch.tensor(value) for name, value in zip(CORE, values, strict=True)}


def test_hidden_modalities_take_each_others_log_variances():
    method = built()
    s = torch.tensor([0.1, 0.2, 0.3, 0.4, 0.5, 0.6])
    with torch.no_grad():
        method.balance.log_variances.copy_(s)
    found = method.balanced(losses(1, 2, 3, 4), losses(5, 6, 7, 8))
    for place, name in enumerate(CORE):
        own, other = s[place], s[3 - place]
        torch.testing.assert_close(found[f"modal/{name}"], (-own).exp() * (place + 1) + own)
        torch.testing.assert_close(found[f"hidden/{name}"], (-other).exp() * (place + 5) + other)
    torch.stack(list(found.values())).sum().backward()
    own = (-s[:4]).exp() * torch.tensor([1.0, 2, 3, 4])
    crossed = (-s[:4]).exp() * torch.tensor([8.0, 7, 6, 5])
    # Names and character bigrams are absent: both sums push their log-variances down by one each.
    expected = torch.cat([2 - own - crossed, torch.tensor([2.0, 2.0])])
    torch.testing.assert_close(method.balance.log_variances.grad, expected)


def test_own_log_variances_and_the_plain_sum_leave_the_order_alone():
    method = built(hidden_balance="own")
    with torch.no_grad():
        method.balance.log_variances.copy_(torch.tensor([0.1, 0.2, 0.3, 0.4, 0.5, 0.6]))
    found = method.balanced(losses(1, 1, 1, 1), losses(1, 1, 1, 1))
    assert all(found[f"modal/{name}"] == found[f"hidden/{name}"] for name in CORE)
    found = built(balance="none").balanced(losses(1, 2, 3, 4), losses(5, 6, 7, 8))
    assert [found[f"hidden/{name}"].item() for name in CORE] == [5, 6, 7, 8]


def test_every_weight_takes_its_losses_out():
    found = built(modal_weight=0).balanced(losses(1, 2, 3, 4), losses(5, 6, 7, 8))
    assert {name.split("/")[0] for name, value in found.items() if value != 0} == {"hidden"}
    found = built(hidden_weight=0).balanced(losses(1, 2, 3, 4), losses(5, 6, 7, 8))
    assert {name.split("/")[0] for name, value in found.items() if value != 0} == {"modal"}


def test_without_interaction_nothing_is_hidden_and_log_variances_count_once():
    method = built(interaction="none")
    views = method.encode()
    assert method.hidden(views) == {}
    found = method.balanced(losses(0, 0, 0, 0), method.hidden(views))
    torch.stack(list(found.values())).sum().backward()
    assert torch.equal(method.balance.log_variances.grad, torch.ones(6))


def test_modalities_stand_in_the_fields_order_and_the_graph_is_one_of_them():
    assert built().names == list(CORE)
    assert built(modalities=["text", "relation"]).names == ["relation", "graph", "text"]
    assert built(structure="none").names == ["image", "attribute", "relation"]
    with pytest.raises(ConfigurationError, match="nothing is left to align by"):
        built(structure="none", modalities=[])


def test_the_graph_without_propagation_is_its_table():
    method = built(propagation="none")
    assert torch.equal(method.encode()["graph"], method.table.weight)


def parameters(method, group) -> set[str]:
    known = {id(p): name for name, p in method.named_parameters()}
    return {known[id(p)] for p in group["params"]}


def test_log_variances_have_a_rate_of_their_own_and_biases_may_be_spared_decay():
    method = built(balance_rate=5, decay="weights")
    others, spared, variances = method.groups()
    assert parameters(method, variances) == {"balance.log_variances"}
    assert (variances["rate_factor"], variances["weight_decay"], spared["weight_decay"]) == (5, 0, 0)
    assert all(name.endswith("bias") for name in parameters(method, spared))
    assert "weight_decay" not in others
    assert "interact.last.norm.weight" in parameters(method, others)
    every = set().union(*(parameters(method, group) for group in method.groups()))
    assert every == {name for name, _ in method.named_parameters()}
    assert not any("weight_decay" in group for group in built(decay="all").groups())
    assert len(built(balance="none").groups()) == 2
