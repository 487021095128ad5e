"""Which vectors a run reads: the choice and the set's content are part of its identity, and of no other run's."""

import os
from dataclasses import replace

import numpy as np
import pytest

from kgprism.platform.cluster import session
from kgprism.platform.data.catalogue import choice, datasets, feature_sets, prepared, toy
from kgprism.platform.data.graph import AlignedGraphs, CompletionGraph, MultiModalGraph
from kgprism.platform.data.inputs.features import join
from kgprism.platform.data.once import kept_by
from kgprism.platform.errors import ConfigurationError, DataError, RunError
from kgprism.platform.training.run import chosen_data, composed, execute, plan

CLIP = {"data.image": "clip"}
SHORT = {"train.epochs": 1, "eval.every": 1}


@pytest.fixture
def graphs() -> AlignedGraphs:
    return toy.aligned()


@pytest.fixture
def bare() -> AlignedGraphs:
    """The toy without vectors of its own."""

    def without(graph: MultiModalGraph) -> MultiModalGraph:
        return replace(graph, features={})

    graphs = toy.aligned()
    return replace(graphs, left=without(graphs.left), right=without(graphs.right))


def test_a_stored_set_changes_no_run_that_does_not_read_it(graphs: AlignedGraphs, put_set) -> None:
    asked = [{}, {"modalities": ["relation", "attribute"]}, {"data.image": "published"}]
    before = [plan("eva", graphs, 0, layer) for layer in asked]
    put_set(graphs, "image", "clip")
    put_set(graphs, "text", "bert")
    for layer, run in zip(asked, before, strict=True):
        again = plan("eva", toy.aligned(), 0, layer)
        assert (again.id, again.fingerprint, again.configuration) == (run.id, run.fingerprint, run.configuration)
    assert before[0].id == before[2].id


def test_the_choice_and_the_content_are_in_the_identity(graphs: AlignedGraphs, put_set) -> None:
    own = plan("eva", graphs, 0)
    put_set(graphs, "image", "clip", seed=1)
    put_set(graphs, "image", "vit", seed=2)
    clip, vit = plan("eva", graphs, 0, CLIP), plan("eva", graphs, 0, {"data.image": "vit"})
    assert len({own.id, clip.id, vit.id}) == len({own.fingerprint, clip.fingerprint, vit.fingerprint}) == 3
    assert clip.configuration["data.image"] == "clip"
    assert any("'clip'" in note for note in clip.notes)
    put_set(graphs, "image", "clip", seed=1)
    assert plan("eva", graphs, 0, CLIP).id == clip.id
    put_set(graphs, "image", "clip", seed=3)
    again = plan("eva", graphs, 0, CLIP)
    assert again.id != clip.id
    assert again.fingerprint != clip.fingerprint


def test_a_method_that_reads_no_pictures_has_one_run_whatever_is_chosen(graphs: AlignedGraphs, put_set) -> None:
    put_set(graphs, "image", "clip")
    blind = {"modalities": ["relation", "attribute"]}
    chosen = plan("eva", graphs, 0, blind, CLIP)
    assert chosen.id == plan("eva", graphs, 0, blind).id
    assert chosen.configuration["data.image"] == "published"
    # Seed pairs may be found by pictures that no encoder sees.
    alike = blind | {"data.seeds": "unsupervised"}
    assert plan("eva", graphs, 0, alike, CLIP).id != plan("eva", graphs, 0, alike).id


@pytest.mark.parametrize("modality", ["image", "text", "name"])
def test_a_method_of_alignment_is_built_of_the_chosen_vectors(graphs: AlignedGraphs, put_set, modality: str) -> None:
    put_set(graphs, modality, "new")
    layers = {"modalities": [modality, "relation"], f"data.{modality}": "new"}
    method, _ = composed(plan("eva", graphs, 0, layers), graphs)
    vectors = feature_sets.read(graphs, feature_sets.find("toy", modality, "new"))
    sides = {"kg1": graphs.left, "kg2": graphs.right}
    put_in = {s: replace(g, features={**g.features, modality: vectors[s]}) for s, g in sides.items()}
    by_hand = replace(graphs, left=put_in["kg1"], right=put_in["kg2"])
    wanted = join(by_hand, method.config.data, 0, [modality]).features[modality]
    np.testing.assert_array_equal(method.graph.features[modality].numpy(), wanted.numpy())
    own = join(graphs, method.config.data, 0, [modality]).features[modality]
    assert own.shape != wanted.shape


def test_a_method_of_completion_is_built_of_the_chosen_vectors(put_set) -> None:
    graph = toy.completion()
    put_set(graph, "text", "bert", seed=4)
    put_set(graph, "image", "clip", seed=5)
    run = plan("adamf", graph, 0, {"data.text": "bert", "data.image": "clip"})
    method, _ = composed(run, graph)
    for modality, name in (("text", "bert"), ("image", "clip")):
        wanted = feature_sets.read(graph, feature_sets.find("toy-completion", modality, name))["kg"]
        table = method.graph.features[modality].numpy()
        np.testing.assert_array_equal(table[wanted.entities], wanted.values.astype(np.float32))
        assert not table[1::2].any()
        assert method.graph.present[modality].sum() == len(wanted.entities)
    assert run.fingerprint != plan("adamf", graph, 0, {"data.text": "bert"}).fingerprint != graph.fingerprint
    made = plan("adamf", graph, 0, {"data.text": "labels"})
    assert (made.configuration["data.text"], made.fingerprint) == ("labels", graph.fingerprint)


def test_a_set_is_read_in_the_holdout_of_its_dataset(put_set) -> None:
    put_set(toy.completion(), "text", "bert")
    held = datasets.load("toy-completion_holdout")
    assert isinstance(held, CompletionGraph)
    run = plan("adamf", held, 0, {"data.text": "bert", **SHORT})
    assert run.fingerprint != held.fingerprint
    assert chosen_data(run, held).graph.features["text"].values.shape[1] == 16


def test_without_vectors_of_its_own_a_dataset_has_its_only_set(bare: AlignedGraphs, put_set) -> None:
    assert "image" not in plan("eva", bare, 0).configuration["modalities"]
    put_set(bare, "image", "clip")
    run = plan("eva", bare, 0)
    assert run.configuration["data.image"] == "clip"
    assert "image" in run.configuration["modalities"]
    assert run.id == plan("eva", bare, 0, CLIP).id
    composed(run, bare)


def test_of_several_sets_one_must_be_chosen(bare: AlignedGraphs, put_set) -> None:
    put_set(bare, "image", "clip")
    put_set(bare, "image", "vit")
    with pytest.raises(ConfigurationError, match=r"choose data\.image of clip, vit"):
        plan("eva", bare, 0)
    assert plan("eva", bare, 0, {"data.image": "vit"}).configuration["data.image"] == "vit"
    plan("eva", bare, 0, {"modalities": ["relation", "attribute"]})


@pytest.mark.parametrize(
    ("method", "key", "word", "near"),
    [
        ("eva", "data.image", "clpi", "did you mean 'clip'"),
        ("eva", "data.image", "publshed", "did you mean 'published'"),
        ("adamf", "data.text", "lables", "did you mean 'labels'"),
        ("adamf", "data.image", "clip", "known: published"),
    ],
)
def test_an_unknown_set_is_told_with_the_nearest(
    graphs: AlignedGraphs, put_set, method: str, key: str, word: str, near: str
) -> None:
    put_set(graphs, "image", "clip")
    data = graphs if method == "eva" else toy.completion()
    with pytest.raises(DataError, match=f"'{word}' .{near}.*kgprism data features {data.name}"):
        plan(method, data, 0, {key: word})


@pytest.mark.parametrize("word", ["a b", "../x", "", 7, True])
def test_what_can_name_no_set_is_refused_as_a_value(graphs: AlignedGraphs, word: object) -> None:
    with pytest.raises(ConfigurationError, match=r"data\.image"):
        plan("eva", graphs, 0, {"data.image": word})


def test_a_set_that_is_replaced_meanwhile_is_not_trained_on(graphs: AlignedGraphs, put_set) -> None:
    put_set(graphs, "image", "clip", seed=1)
    run = plan("eva", graphs, 0, CLIP, SHORT)
    put_set(graphs, "image", "clip", seed=2)
    with pytest.raises(RunError, match="plans another run"):
        execute(run, toy.aligned())


def test_a_run_keeps_what_it_has_read_and_workers_find_the_same(graphs: AlignedGraphs, put_set) -> None:
    put_set(graphs, "image", "clip")
    run = plan("eva", graphs, 0, CLIP, SHORT)
    assert chosen_data(run, graphs) is chosen_data(run, graphs)
    # What a worker gets from Ray's object store: arrays, and the dataset's own fingerprint.
    elsewhere = AlignedGraphs.of(graphs.name, graphs.arrays())
    assert chosen_data(run, elsewhere).fingerprint == run.fingerprint
    here, there = execute(run, graphs), execute(replace(run), elsewhere)
    assert here.history[-1]["test/l2r/mrr"] == there.history[-1]["test/l2r/mrr"]
    own = execute(plan("eva", graphs, 0, SHORT), graphs)
    assert here.history[-1]["loss"] != own.history[-1]["loss"]


def test_a_nodes_tables_are_those_of_the_chosen_set(
    graphs: AlignedGraphs, put_set, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prepared, "LEAST", 0)
    put_set(graphs, "image", "clip", width=64)  # as wide as the toy's own
    runs = [plan("eva", graphs, 0, layer) for layer in ({}, CLIP)]
    for _ in range(2):  # made, then mapped
        with kept_by(prepared.once_a_node):
            own, clip = (composed(run, toy.aligned())[0].graph.features["image"].numpy() for run in runs)
        assert own.shape == clip.shape
        assert (own != clip).any()
        np.testing.assert_array_equal(own, composed(runs[0], graphs)[0].graph.features["image"].numpy())
        np.testing.assert_array_equal(clip, composed(runs[1], graphs)[0].graph.features["image"].numpy())


def test_equal_settings_stay_the_same_object(graphs: AlignedGraphs, put_set) -> None:
    put_set(graphs, "image", "clip")
    run = plan("eva", graphs, 0)
    assert choice.chosen(run.settings, graphs) is graphs
    assert choice.settled(run.settings, graphs) == (run.settings, ())


@pytest.mark.ray
@pytest.mark.usefixtures("cluster")
def test_a_worker_of_ray_trains_on_the_chosen_set(graphs: AlignedGraphs, put_set) -> None:
    import ray

    put_set(graphs, "image", "clip")
    run = plan("eva", graphs, 0, CLIP, SHORT)

    # The cluster may have been started by another test, in that test's home.
    @ray.remote(runtime_env={"env_vars": {"KGPRISM_HOME": os.environ["KGPRISM_HOME"]}})
    def loss(data: list[ray.ObjectRef]) -> float:
        return float(execute(run, session.shared(data[0])).history[-1]["loss"])

    assert ray.get(loss.remote([session.share(graphs)])) == pytest.approx(
        execute(replace(run), graphs).history[-1]["loss"], rel=1e-5
    )
