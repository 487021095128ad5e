import pytest
import torch

from kgprism.platform.batch import Batch, Pairs
from kgprism.platform.configuration import resolve
from kgprism.platform.data.catalogue import toy
from kgprism.platform.data.inputs.features import join
from kgprism.platform.errors import ConfigurationError
from kgprism.platform.method import load
from kgprism.platform.nn.losses.alignment_losses import NCA
from kgprism.platform.training.run import execute, plan

EVA = load("eva")
NARROW = {"table_width": 8, "image_width": 6, "modal_width": 4}


@pytest.fixture(scope="module")
def graphs():
    return toy.aligned()


def built(graphs, preset: str = "code", **overrides):
    layer = NARROW | {key.replace("__", "."): value for key, value in overrides.items()}
    config = resolve(EVA.Config, EVA.presets[preset], layer)
    return EVA(config, join(graphs, config.data, 0, config.modalities), 0)


def pairs(graphs, count: int = 6) -> Pairs:
    found = torch.from_numpy(graphs.pairs[:count].copy())
    return Pairs(found[:, 0], found[:, 1] + len(graphs.left.entities))


def taught(method, found: Pairs, name: str) -> set[str]:
    """Return the parameters that one loss has a gradient for."""
    method.zero_grad()
    method.losses(method.encode(), found)[name].backward()
    return {key for key, p in method.named_parameters() if p.grad is not None and p.grad.any()}


def test_joint_embeddings_are_as_wide_as_in_the_release_and_in_snags_repository(graphs):
    for preset, widths in {"code": [200, 100, 100, 200], "paper": [200, 100, 100, 200], "snag": [300] * 4}.items():
        config = resolve(EVA.Config, EVA.presets[preset])
        views = EVA(config, join(graphs, config.data, 0, config.modalities), 0).encode()
        assert [(name, view.shape[1]) for name, view in views.items()] == [
            *zip(["image", "attribute", "relation", "graph"], widths, strict=True),
            ("joint", sum(widths)),
        ]


def test_the_joint_loss_teaches_the_shares_only(graphs):
    assert taught(built(graphs), pairs(graphs), "joint") == {"fusion.weights"}
    attached = taught(built(graphs, joint_inputs="attached"), pairs(graphs), "joint")
    assert {"fusion.weights", "table.weight", "maps.image.weight"} <= attached


def test_a_view_without_a_loss_of_its_own_is_taught_by_the_joint_one(graphs):
    found = taught(built(graphs, modal_loss="none"), pairs(graphs), "joint")
    assert {"maps.image.weight", "maps.relation.bias"} <= found
    assert "table.weight" not in found
    assert "table.weight" in taught(built(graphs, graph_loss="none"), pairs(graphs), "joint")


def test_every_view_has_its_own_loss_and_the_graphs_is_less_sharp(graphs):
    method, found = built(graphs).eval(), pairs(graphs)
    views = method.encode()
    losses = method.losses(views, found)
    assert list(losses) == ["joint", "image", "attribute", "relation", "graph"]
    for name, loss in losses.items():
        sharpness = 5.0 if name == "graph" else 15.0
        torch.testing.assert_close(loss, NCA.Config(sharpness=sharpness, pull=10.0).build()(views[name], found))


def test_snags_eva_starts_by_xavier(graphs):
    method = built(graphs, "snag", image_width=300, table_width=300)
    entities, features = method.table.num_embeddings, method.maps["image"].in_features
    assert method.table.weight.std().item() == pytest.approx((2 / (entities + 300)) ** 0.5, rel=0.05)
    assert method.maps["image"].weight.std().item() == pytest.approx((2 / (features + 300)) ** 0.5, rel=0.05)
    released = built(graphs, table_width=300)
    assert released.table.weight.std().item() == pytest.approx(entities**-0.5, rel=0.05)


def test_taking_a_part_of_eva_out_leaves_the_first_weights_of_the_others_as_they_were(graphs):
    full = dict(built(graphs).named_parameters())
    for toggle in ({"structure": "none"}, {"fusion": "none"}, {"modal_loss": "none"}, {"modalities": ["relation"]}):
        kept = {n: p for n, p in built(graphs, **toggle).named_parameters() if n in full and p.shape == full[n].shape}
        assert kept
        for name, parameter in kept.items():
            torch.testing.assert_close(parameter, full[name], msg=f"{toggle}: {name}")


def test_the_graph_alone_is_enough_and_nothing_is_refused(graphs):
    assert list(built(graphs, modalities=[]).encode()) == ["graph", "joint"]
    with pytest.raises(ConfigurationError, match="nothing is left to align by"):
        built(graphs, modalities=[], structure="none")


def test_noise_wraps_every_input_of_eva_from_the_configuration_alone(graphs):
    clean = built(graphs).encode()
    method = built(graphs, noise="masking", noise__probability=1.0)
    batch = Batch((pairs(graphs),))
    method.start_epoch(0)
    assert all(loss.isfinite() for loss in method(batch).values())
    noisy = method.encode()
    assert all(not torch.allclose(noisy[name], clean[name]) for name in ("image", "attribute", "relation", "graph"))
    for name, view in method.eval().encode().items():
        torch.testing.assert_close(view, clean[name])


@pytest.mark.slow
def test_eva_learns_toy_far_above_chance(graphs):
    base = {"train.epochs": 10, "train.learning_rate": 5e-3, "eval.every": 10, "pseudo_pairs": "none"}
    base |= {"table_width": 64, "image_width": 32, "modal_width": 32}
    rows = {"full": {}, "w/o image": {"modalities": ["relation", "attribute"]}, "w/o graph": {"structure": "none"}}
    found = {}
    for name, overrides in rows.items():
        run = plan("eva", graphs, 0, base | overrides)
        found[name] = execute(run, graphs).selections["last"].metrics["test/l2r/mrr"]
    nothing = {"joint_loss": "none", "modal_loss": "none", "graph_loss": "none", "train.epochs": 1}
    untrained = execute(plan("eva", graphs, 0, base | nothing), graphs).selections["last"].metrics["test/l2r/mrr"]
    assert found["full"] > 3 * untrained
    assert len(set(found.values())) == len(rows), found
