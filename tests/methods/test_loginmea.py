import pytest
import torch

from kgprism.platform.batch import Batch, Pairs
from kgprism.platform.configuration import resolve
from kgprism.platform.data.catalogue import toy
from kgprism.platform.data.inputs.features import join
from kgprism.platform.errors import ConfigurationError
from kgprism.platform.method import load
from kgprism.platform.training.run import execute, plan

LoginMEA = load("loginmea")
NARROW = {"modal_width": 8, "graph_width": 8}


@pytest.fixture(scope="module")
def graphs():
    return toy.aligned()


def built(graphs, seed: int = 0, preset: str = "code", **overrides):
    layer = NARROW | {key.replace("__", "."): value for key, value in overrides.items()}
    config = resolve(LoginMEA.Config, LoginMEA.presets[preset], layer)
    return LoginMEA(config, join(graphs, config.data, seed, config.modalities), seed)


def test_widths_of_the_output_are_those_of_the_release_and_of_the_paper(graphs):
    # Structure: 3 layers of 300; fused: 3 x 300 concatenated and 2 layers (spec 4.2); paper: 4 x 300.
    config = resolve(LoginMEA.Config)
    shape = LoginMEA(config, join(graphs, config.data, 0, config.modalities), 0).embed().shape[1]
    assert shape == 2400
    config = resolve(LoginMEA.Config, LoginMEA.presets["paper"])
    assert LoginMEA(config, join(graphs, config.data, 0, config.modalities), 0).embed().shape[1] == 1200


def test_taking_a_part_out_leaves_the_first_weights_of_the_others_as_they_were(graphs):
    full = dict(built(graphs).named_parameters())
    for toggle in ({"structure": "none"}, {"propagation": "none"}, {"fusion": "sum"}, {"modalities": ["relation"]}):
        kept = {n: p for n, p in built(graphs, **toggle).named_parameters() if n in full and p.shape == full[n].shape}
        assert kept
        for name, parameter in kept.items():
            torch.testing.assert_close(parameter, full[name], msg=f"{toggle}: {name}")


def test_modalities_are_fused_in_any_number(graphs):
    for modalities in (["image"], ["image", "text"], ["image", "relation", "attribute", "text"]):
        method = built(graphs, modalities=modalities)
        loss = method(Batch((Pairs(torch.arange(5), torch.arange(5) + len(graphs.left.entities)),)))["alignment"]
        assert loss.isfinite()


def test_nothing_to_align_by_is_refused(graphs):
    with pytest.raises(ConfigurationError, match="leave LoginMEA nothing to align by"):
        built(graphs, paradigm="none", structure="none")
    with pytest.raises(ConfigurationError, match="modalities is empty"):
        built(graphs, modalities=[])


def test_the_pair_of_an_entity_is_compared_by_the_joint_view_only(graphs):
    method = built(graphs)
    pairs = Pairs(torch.arange(6), torch.arange(6) + len(graphs.left.entities))
    views = method.encode()
    assert set(method.losses(views, pairs)) == {"alignment"}
    torch.testing.assert_close(method.embed(), views["joint"])


@pytest.mark.slow
def test_it_learns_toy_far_above_chance_and_every_part_taken_out_changes_the_result(graphs):
    base = {"train.epochs": 20, "train.learning_rate": 5e-3, "eval.every": 20, "modal_width": 64, "graph_width": 64}
    rows = {
        "full": {},
        "w/o low-rank": {"fusion": "sum"},
        "w/o adaptive weights": {"weighting": "none"},
        "concat": {"fusion": "concat", "weighting": "none"},
        "attention": {"propagation": "attention"},
        "icl": {"loss": "icl"},
        "w/o image": {"modalities": ["relation", "attribute"]},
        "w/o structure": {"structure": "none"},
        "graph as modality": {"paradigm": "graph_as_modality"},
        "graph upon modality": {"paradigm": "graph_upon_modality"},
    }
    found = {}
    for name, overrides in rows.items():
        run = plan("loginmea", graphs, 0, base | {"pseudo_pairs": "none"} | overrides)
        found[name] = execute(run, graphs).selections["last"].metrics["test/l2r/mrr"]
    assert found["full"] > 0.4
    assert len(set(found.values())) == len(rows), found
    untrained = execute(plan("loginmea", graphs, 0, base | {"loss": "none", "train.epochs": 1}), graphs)
    assert found["full"] > 3 * untrained.selections["last"].metrics["test/l2r/mrr"]
