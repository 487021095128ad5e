from functools import cache

import pytest
import torch
from torch.nn.functional import normalize

from kgprism.platform import configuration
from kgprism.platform.batch import Pairs
from kgprism.platform.configuration import resolve
from kgprism.platform.data.catalogue import toy
from kgprism.platform.data.inputs.features import join
from kgprism.platform.method import load
from kgprism.platform.nn.losses.contrastive import ICL
from kgprism.platform.studies.suites import suite
from kgprism.platform.training.run import execute, plan

SNAG = load("snag_alignment")
NAMES = ["image", "attribute", "relation", "graph"]


@pytest.fixture(scope="module")
def graphs():
    return toy.aligned()


def built(graphs, seed: int = 0, preset: str = "code", **overrides):
    layer = {"width": 8} | {key.replace("__", "."): value for key, value in overrides.items()}
    config = resolve(SNAG.Config, SNAG.presets[preset], layer)
    return SNAG(config, join(graphs, config.data, seed, config.modalities), seed)


def halves(embedding: torch.Tensor, temperature: float) -> list[torch.Tensor]:
    """Return log p_12 and log p_21 of every pair of an embedding whose second half are the first one's partners."""
    x, y = normalize(embedding).chunk(2)
    rows = []
    for one, other in ((x, y), (y, x)):
        between, inside = (one @ other.T / temperature).exp(), (one @ one.T / temperature).exp().fill_diagonal_(0)
        rows.append((between.diagonal() / (between.sum(1) + inside.sum(1))).log())
    return rows


PAIRS = Pairs(torch.arange(5), torch.arange(5) + 5)


def test_confidence_multiplies_the_loss_of_each_pair_and_learns_from_it(graphs):
    embedding, phi = torch.randn(10, 4), torch.rand(5, requires_grad=True)
    there, back = halves(embedding, 0.1)
    loss = built(graphs).confident(embedding, PAIRS, phi)
    torch.testing.assert_close(loss, -(4 * phi * (there + back) / 2).mean(), rtol=1e-4, atol=1e-4)
    (gradient,) = torch.autograd.grad(loss, phi)
    torch.testing.assert_close(gradient, -4 * (there + back) / 2 / 5, rtol=1e-4, atol=1e-4)
    plain = built(graphs, confidence__scale="one", confidence__gradient="cut").confident(embedding, PAIRS, phi)
    torch.testing.assert_close(plain, loss / 4)
    assert not plain.requires_grad


def test_the_papers_confidence_stands_inside_the_logarithm_and_cannot_weigh_a_pair(graphs):
    embedding, phi = torch.randn(10, 4, requires_grad=True), torch.rand(5, requires_grad=True)
    there, back = halves(embedding, 0.1)
    loss = built(graphs, confidence="confidence_inside").confident
    expected = -(phi * (there.exp() + back.exp())).log().mean() / 2
    torch.testing.assert_close(loss(embedding, PAIRS, phi), expected, rtol=1e-4, atol=1e-4)
    first, second = (torch.autograd.grad(loss(embedding, PAIRS, p), embedding)[0] for p in (phi, phi**3))
    torch.testing.assert_close(first, second)


def test_without_confidence_the_loss_is_the_plain_one(graphs):
    embedding = torch.randn(10, 4)
    expected = ICL.Config().build()(embedding, PAIRS)
    torch.testing.assert_close(built(graphs, confidence="none").confident(embedding, PAIRS, torch.rand(5)), expected)
    even = built(graphs).confident(embedding, PAIRS, torch.full((5,), 0.25))
    torch.testing.assert_close(even, expected)


def test_a_pair_is_trusted_as_far_as_its_less_confident_entity(graphs):
    method = built(graphs, noise="none", interaction__dropout=0.0)
    left, right = torch.arange(6), torch.arange(6) + len(graphs.left.entities)
    views = method.encode()
    weights = torch.minimum(views["weights"][left], views["weights"][right])
    found = method.losses(views, Pairs(left, right))
    for place, name in enumerate(NAMES):
        there, back = halves(torch.cat([views[name][left], views[name][right]]), 0.1)
        expected = -(4 * weights[:, place] * (there + back) / 2).mean()
        torch.testing.assert_close(found[f"modal/{name}"], expected, rtol=1e-3, atol=1e-3)


def test_entities_are_compared_under_global_weights_and_both_joints_are_trained(graphs):
    method = built(graphs).eval()
    with torch.no_grad():
        method.fusion.weights.copy_(torch.tensor([1.0, 2.0, 3.0, 4.0]))
    views, shares = method.encode(), torch.tensor([1.0, 2.0, 3.0, 4.0]).softmax(0)
    for place, name in enumerate(NAMES):
        block = slice(8 * place, 8 * place + 8)
        torch.testing.assert_close(method.embed()[:, block], shares[place] * normalize(views[name]))
        torch.testing.assert_close(
            views["entity_joint"][:, block], views["weights"][:, place, None] * normalize(views[name])
        )
    pairs = Pairs(torch.arange(6), torch.arange(6) + len(graphs.left.entities))
    found, icl = method.losses(views, pairs), ICL.Config().build()
    torch.testing.assert_close(found["joint"], icl(views["joint"], pairs))
    torch.testing.assert_close(found["entity_joint"], icl(views["entity_joint"], pairs))
    assert built(graphs, preset="paper").losses(views, pairs)["entity_joint"] == 0


def test_noise_reaches_the_table_half_as_often_and_half_as_strong(graphs):
    method = built(graphs)
    method.start_epoch(0)
    (gradient,) = torch.autograd.grad(method.inputs(graph=method.table.weight)["graph"].sum(), method.table.weight)
    factors, counts = gradient[:, 0].unique(return_counts=True)
    torch.testing.assert_close(factors, torch.tensor([1 - 0.7 / 2, 1.0]))
    assert counts[0] / counts.sum() == pytest.approx(0.1, abs=0.03)
    changed = (method.inputs()["image"] != method.image_features).any(1)
    assert changed.float().mean() == pytest.approx(0.2, abs=0.04)


def test_noise_stays_for_an_epoch_and_is_off_for_the_judge(graphs):
    method = built(graphs)
    method.start_epoch(0)
    first = method.inputs(graph=method.table.weight)
    again = method.inputs(graph=method.table.weight)
    assert all(torch.equal(first[name], again[name]) for name in NAMES)
    method.start_epoch(1)
    assert not any(torch.equal(first[name], view) for name, view in method.inputs(graph=method.table.weight).items())
    method.eval()
    clean = method.inputs(graph=method.table.weight)
    assert torch.equal(clean["graph"], method.table.weight)
    assert torch.equal(clean["relation"], method.relation_features)
    assert torch.equal(built(graphs, preset="paper").inputs(graph=method.table.weight)["graph"], method.table.weight)


def test_biases_global_shares_and_log_variances_do_not_decay(graphs):
    method = built(graphs)
    others, spared, variances = method.groups()
    assert any(p is method.fusion.weights for p in spared["params"])
    assert any(p is method.table.weight for p in others["params"])
    assert variances["params"][0] is method.balance.log_variances
    assert (variances["rate_factor"], variances["weight_decay"], spared["weight_decay"]) == (5, 0, 0)


@cache
def suite_of(name: str) -> suite.Suite:
    return suite.read(name)


def cell(name: str, row: str, dataset: str, ratio: float) -> dict[str, object]:
    """Return the configuration of one cell of a suite."""
    found = suite_of(name)
    variant = next(v for v in found.variants if v.id == row)
    method, preset = found.composed(variant)
    layers = found.layers(variant, dataset, ratio, {})
    kind = load(method)
    return configuration.flatten(resolve(kind.Config, kind.presets[preset] if preset else {}, *layers))


def test_the_suites_set_what_the_release_sets_by_dataset():
    here = cell("snag_table2", "snag-40", "dbp15k-ja-en", 0.3)
    assert here["pseudo_pairs.kind"] == "none"
    assert (here["train.epochs"], here["data.image_ratio"], here["train.weight_decay"]) == (500, 0.4, 1e-3)
    here = cell("snag_table6", "snag-standard", "openea-en-de-15k-v1", 0.2)
    assert (here["noise.probability"], here["noise.strength"], here["train.weight_decay"]) == (0.8, 0.2, 5e-4)
    assert (here["train.epochs"], here["pseudo_pairs.start"], here["pseudo_pairs.window"]) == (1500, 250, 25)
    here = cell("snag_table6", "snag-60", "dbp15k-fr-en", 0.3)
    assert (here["train.epochs"], here["pseudo_pairs.start"], here["data.image_ratio"]) == (1000, 500, 0.6)
    here = cell("snag_table2", "mclea-noise-standard", "dbp15k-zh-en", 0.3)
    assert (here["noise.structure_scale"], here["noise.feature_scale"], here["train.epochs"]) == (0.5, 0, 250)


def test_the_suites_hold_the_papers_numbers():
    second, sixth = (
        {(r.variant, r.dataset): tuple(r.values.values()) for r in suite_of(name).reference}
        for name in ("snag_table2", "snag_table6")
    )
    assert len(second) == 7 * 7 * 3
    assert second["snag-standard", "dbp15k-zh-en"] == (0.798, 0.963, 0.858)
    assert second["mclea-noise-60", "dbp15k-fr-en"] == (0.726, 0.934, 0.802)
    assert second["eva-40", "openea-d-w-15k-v2"] == (0.774, 0.949, 0.838)
    assert sixth["snag-standard", "openea-d-w-15k-v2"] == (0.980, 0.999, 0.988)
    assert sixth["meaformer-noise-40", "dbp15k-ja-en"] == (0.769, 0.953, 0.838)
    # What the copy at hand lost stays out: the row MEAformer with noise of ZH-EN, and single digits.
    assert ("meaformer-noise-40", "dbp15k-zh-en") not in sixth
    assert sixth["meaformer-40", "dbp15k-zh-en"] == (0.829,)


@pytest.mark.slow
def test_it_learns_toy_far_above_chance_and_every_part_taken_out_changes_the_result(graphs):
    base = {"train.epochs": 20, "train.learning_rate": 5e-3, "eval.every": 20, "width": 60}
    rows = {
        "full": {},
        "w/o noise": {"noise": "none"},
        "clean table": {"noise.structure_scale": 0.0},
        "w/o interaction": {"interaction": "none"},
        "w/o confidence": {"confidence": "none"},
        "confidence inside": {"confidence": "confidence_inside"},
        "w/o entity joint": {"entity_joint_weight": 0.0},
        "w/o GMI": {"joint_weight": 0.0},
        "w/o ECIA": {"modal_weight": 0.0},
        "w/o IIR": {"hidden_weight": 0.0},
        "w/o balance": {"balance": "none"},
    }
    found = {}
    for name, overrides in rows.items():
        run = plan("snag_alignment", graphs, 0, base | {"pseudo_pairs": "none"} | overrides)
        found[name] = execute(run, graphs).selections["last"].metrics["test/l2r/mrr"]
    assert found["full"] > 0.4
    assert len(set(found.values())) == len(rows), found
