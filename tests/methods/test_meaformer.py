import pytest
import torch
from torch.nn.functional import normalize

from kgprism.platform.batch import Batch, Pairs
from kgprism.platform.configuration import resolve
from kgprism.platform.data.catalogue import toy
from kgprism.platform.data.inputs.features import join
from kgprism.platform.method import load
from kgprism.platform.nn.losses.contrastive import ICL
from kgprism.platform.training.run import execute, plan

MEAformer = load("meaformer")
NAMES = ["image", "attribute", "relation", "graph"]


@pytest.fixture(scope="module")
def graphs():
    return toy.aligned()


def built(graphs, seed: int = 0, preset: str = "code", **overrides):
    layer = {"width": 8} | {key.replace("__", "."): value for key, value in overrides.items()}
    config = resolve(MEAformer.Config, MEAformer.presets[preset], layer)
    return MEAformer(config, join(graphs, config.data, seed, config.modalities), seed)


def test_the_release_has_so_many_parameters(graphs):
    config = resolve(MEAformer.Config)
    graph = join(graphs, config.data, 0, config.modalities)
    method = MEAformer(config, graph, 0)
    d, f = 300, 400
    table, heads = (
        graph.entities * d,
        sum(graph.features[m].shape[1] * d + d for m in ("image", "attribute", "relation")),
    )
    attention = 2 * 2 * 3 * d  # layers, heads; kernel, own and other half of the attention vector
    transformer = 4 * (d * d + d) + 2 * d + (d * f + f) + (f * d + d) + 2 * d
    assert sum(p.numel() for p in method.parameters()) == table + heads + attention + transformer + 6
    assert method.embed().shape == (graph.entities, 4 * d)


def test_the_joint_vector_holds_the_modalities_under_the_entitys_weights(graphs):
    method = built(graphs).eval()
    views = method.encode()
    assert method.names == NAMES
    torch.testing.assert_close(views["weights"].sum(1), torch.ones(len(views["weights"])))
    for place, name in enumerate(NAMES):
        block = views["joint"][:, 8 * place : 8 * place + 8]
        torch.testing.assert_close(block, views["weights"][:, place, None] * normalize(views[name]))


def test_the_losses_are_those_of_the_joint_each_modality_and_each_hidden_one(graphs):
    method = built(graphs, hidden_balance="own").eval()
    pairs = Pairs(torch.arange(6), torch.arange(6) + len(graphs.left.entities))
    views, icl = method.encode(), ICL.Config().build()
    found = method.losses(views, pairs)
    # Log-variances are zero at the start: the balanced losses are the losses.
    expected = {"joint": icl(views["joint"], pairs)}
    expected |= {f"modal/{name}": icl(views[name], pairs) for name in NAMES}
    expected |= {f"hidden/{name}": icl(views[f"hidden/{name}"], pairs) for name in NAMES}
    for name, value in found.items():
        torch.testing.assert_close(value, expected.get(name, torch.zeros(())))
    assert set(expected) <= set(found)
    assert method.losses(views, pairs)["joint"] != 0
    assert built(graphs, joint_weight=0).losses(views, pairs)["joint"] == 0


def test_workers_shares_average_to_the_whole_loss(graphs):
    method = built(graphs).eval()
    left, right = torch.arange(7), torch.arange(7) + len(graphs.left.entities)
    whole = method(Batch((Pairs(left, right),)))
    shares = [method(Batch((Pairs(left, right, worker, 3),))) for worker in range(3)]
    for name, value in whole.items():
        torch.testing.assert_close(sum(share[name] for share in shares) / 3, value)


def test_taking_a_part_out_leaves_the_first_weights_of_the_others_as_they_were(graphs):
    full = dict(built(graphs).named_parameters())
    for toggle in ({"structure": "none"}, {"interaction": "none"}, {"balance": "none"}, {"modalities": ["relation"]}):
        kept = {n: p for n, p in built(graphs, **toggle).named_parameters() if n in full and p.shape == full[n].shape}
        assert kept
        assert all(torch.equal(parameter, full[name]) for name, parameter in kept.items()), toggle


def test_snags_version_has_its_epochs_and_decay_and_no_groups_of_its_own(graphs):
    config = resolve(MEAformer.Config, MEAformer.presets["snag"])
    assert (config.train.epochs, config.pseudo_pairs.start, config.train.weight_decay) == (1500, 250, 1e-3)
    # SNAG's parameter groups are SNAG's alone (spec 2.5, 2.7).
    assert all(group.get("rate_factor", 1) == 1 for group in built(graphs, preset="snag").groups())
    assert not any("weight_decay" in group for group in built(graphs, preset="snag").groups())


@pytest.mark.slow
def test_it_learns_toy_far_above_chance_and_every_part_taken_out_changes_the_result(graphs):
    base = {"train.epochs": 20, "train.learning_rate": 5e-3, "eval.every": 20, "width": 60}
    rows = {
        "full": {},
        "w/o interaction": {"interaction": "none"},
        "w/o weights": {"interaction.weights": "alike"},
        "w/o hidden": {"hidden_weight": 0.0},
        "w/o modal": {"modal_weight": 0.0},
        "w/o joint": {"joint_weight": 0.0},
        "w/o balance": {"balance": "none"},
        "own balance": {"hidden_balance": "own"},
        "w/o structure": {"structure": "none"},
        "w/o image": {"modalities": ["relation", "attribute"]},
    }
    found = {}
    for name, overrides in rows.items():
        run = plan("meaformer", graphs, 0, base | {"pseudo_pairs": "none"} | overrides)
        found[name] = execute(run, graphs).selections["last"].metrics["test/l2r/mrr"]
    assert found["full"] > 0.4
    assert len(set(found.values())) == len(rows), found
