from dataclasses import replace

import pytest
import torch
from torch.nn.functional import leaky_relu, logsigmoid

from kgprism.platform.batch import Triples
from kgprism.platform.configuration import resolve
from kgprism.platform.data.catalogue import toy
from kgprism.platform.data.inputs.training_graph import prepare
from kgprism.platform.errors import ConfigurationError
from kgprism.platform.method import load
from kgprism.platform.training.run import execute, plan

AdaMF = load("adamf")
SMALL = {"scoring.dim": 4, "negatives.count": 3, "adversary.noise": 5, "adversary.hidden": 6}


@pytest.fixture(scope="module")
def graph():
    config = AdaMF.Config()
    return prepare(toy.completion(), config.data, 0, config.modalities)


def built(graph, **overrides):
    layer = SMALL | {"adversary.weight": 0.25} | {key.replace("__", "."): value for key, value in overrides.items()}
    if layer.get("adversary") == "none":
        layer = {key: value for key, value in layer.items() if not key.startswith("adversary.")}
    return AdaMF(resolve(AdaMF.Config, AdaMF.presets["paper"], layer), graph, 0)


def batch(graph, **shared) -> Triples:
    return Triples(graph.triples[:40], step=3, seed=11, **shared)


def total(losses) -> torch.Tensor:
    return torch.stack(list(losses.values())).sum()


def distance(h: torch.Tensor, r: torch.Tensor, t: torch.Tensor, bound: float) -> torch.Tensor:
    """RotatE's distance, with Python's complex numbers."""
    h, t = (torch.complex(*x.chunk(2, -1)) for x in (h, t))
    turn = torch.polar(torch.ones_like(r), r * torch.pi / bound)
    return (h * turn - t).abs().sum(-1)


def test_the_joint_vector_is_the_attention_over_structure_and_projected_features(graph):
    method = built(graph)
    modal = [method.entities.weight] + [
        graph.features[name] @ method.projections.maps[name][0].weight.T + method.projections.maps[name][0].bias
        for name in ("image", "text")
    ]
    e = torch.stack(modal, 1)
    a = (e.tanh() @ method.fusion.score.weight[0]).softmax(1)
    torch.testing.assert_close(method.view().joint, (a[..., None] * e).sum(1), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(method.view().modal["structure"], method.entities.weight)


@pytest.mark.parametrize("against", ["batch", "own"])
def test_what_both_sides_lose_is_the_sigmoid_loss_of_three_forged_triples(graph, against):
    method, given = built(graph, adversary__weight=0.25, adversary__against=against), batch(graph)
    h, r, t = given.triples.unbind(1)
    s, joint, r = method.entities.weight, method.view().joint, method.relations.weight[r]
    margin, bound = 12.0, 14.0 / 4

    def forged(ids, noise):
        modal = {"structure": s[ids]}
        for name, module in method.adversary.maps.items():
            hidden = leaky_relu(torch.cat([noise[name], s[ids]], 1) @ module[0].weight.T + module[0].bias, 0.01)
            modal[name] = hidden @ module[2].weight.T + module[2].bias
        return method.fuse(modal)

    for user, phase in (("scorer", "train"), ("forgery", "forgery")):
        draw = given.draw(f"adversary/{user}")
        noise = {name: torch.randn(2, 40, 5, generator=draw) for name in ("image", "text")}
        heads, tails = (forged(ids, {n: z[side] for n, z in noise.items()}) for side, ids in enumerate((h, t)))
        true = margin - distance(joint[h], r, joint[t], bound)
        pairs = ((heads, joint[t]), (joint[h], tails), (heads, tails))
        false = [margin - distance(x, r, y, bound) for x, y in pairs]
        found = method(given, phase)["adversary" if phase == "train" else "forgery"]
        sides = [(true, f) for f in false] if phase == "train" else [(f, true) for f in false]

        def weighed(f):
            # Flat scores: one softmax over all of them (temperature 2).
            shares = (2.0 * f).softmax(0) if against == "batch" else torch.full((40,), 1 / 40)
            return (shares * logsigmoid(-f)).sum()

        expected = sum(-(logsigmoid(p).mean() + weighed(n)) / 2 for p, n in sides)
        expected = 0.25 * expected if phase == "train" else expected
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_no_gradient_crosses_from_one_phase_into_the_other(graph):
    method = built(graph)
    assert method.phases == ("train", "forgery")
    mine = {id(p) for p in method.adversary.parameters()}
    forger = [p for p in method.parameters() if id(p) in mine]
    scorer = {name: p for name, p in method.named_parameters() if id(p) not in mine}
    total(method(batch(graph), "forgery")).backward()
    assert all(p.grad is not None and p.grad.any() for p in forger)
    assert all(p.grad is None for p in scorer.values())
    method.zero_grad()
    total(method(batch(graph), "train")).backward()
    assert all(p.grad is None for p in forger)
    assert all(p.grad is not None and p.grad.any() for p in scorer.values())


def test_the_generators_have_a_group_with_a_rate_of_their_own(graph):
    method = built(graph, adversary__learning_rate=5e-3, train__learning_rate=1e-3)
    scorer, forger = method.groups()
    assert forger["phase"] == "forgery"
    assert forger["rate_factor"] == pytest.approx(5)
    assert {id(p) for p in forger["params"]} == {id(p) for p in method.adversary.parameters()}
    assert {id(p) for p in scorer["params"]} | {id(p) for p in forger["params"]} == {id(p) for p in method.parameters()}
    assert len(scorer["params"]) + len(forger["params"]) == len(list(method.parameters()))
    # [64 noise ; 2 x 4 structure] -> 512 -> 8, for image and text.
    wide = built(graph, adversary__noise=64, adversary__hidden=512)
    assert sum(p.numel() for p in wide.adversary.parameters()) == 2 * ((64 + 8) * 512 + 512 + 512 * 8 + 8)


def test_at_weight_zero_as_released_there_is_no_adversary_at_all(graph):
    without, zero = built(graph, adversary="none"), built(graph, adversary__weight=0.0)
    assert zero.phases == without.phases == ("train",)
    assert not list(zero.adversary.parameters())
    found, expected = zero(batch(graph)), without(batch(graph))
    assert found.keys() == expected.keys() == {"triples"}
    assert torch.equal(found["triples"], expected["triples"])
    assert torch.equal(found["triples"], built(graph)(batch(graph))["triples"]), "the adversary only adds a term"


def test_the_losses_of_two_workers_average_to_those_of_one(graph):
    method = built(graph)
    for phase in method.phases:
        whole = method(batch(graph), phase)
        parts = [method(batch(graph, worker=worker, workers=2), phase) for worker in (0, 1)]
        for name, value in whole.items():
            torch.testing.assert_close((parts[0][name] + parts[1][name]) / 2, value)


def test_features_are_fine_tuned_unless_told_otherwise(graph):
    assert all(p.requires_grad for p in built(graph).projections.features.values())
    assert not any(p.requires_grad for p in built(graph, features="frozen").projections.features.values())


def test_without_fusion_no_feature_is_read_and_nothing_can_be_forged(graph):
    method = built(graph, fusion="none", adversary="none")
    assert not list(method.projections.parameters())
    torch.testing.assert_close(method.view().joint, method.entities.weight)
    with pytest.raises(ConfigurationError, match="adversary=none"):
        built(graph, fusion="none")
    with pytest.raises(ConfigurationError, match="adversary=none"):
        built(replace(graph, features={}, present={}), modalities=[])


@pytest.mark.parametrize("preset", ["code", "paper"])
def test_adamf_lowers_its_loss_on_toy(preset):
    overrides = {"scoring.dim": 8, "negatives.count": 8, "train.batch_size": 200, "train.learning_rate": 1e-2}
    overrides |= {"train.epochs": 6, "eval.every": 6, "train.device": "cpu", "adversary.hidden": 16}
    run = plan("adamf", toy.completion(), 0, overrides, preset=preset)
    history = execute(run, toy.completion()).history
    assert history[-1]["loss/triples"] < 0.7 * history[0]["loss/triples"]
    assert ("loss/forgery" in history[0]) == (preset == "paper")
