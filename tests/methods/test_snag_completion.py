from dataclasses import replace

import pytest
import torch

from kgprism.platform.batch import Triples
from kgprism.platform.configuration import resolve
from kgprism.platform.data.catalogue import toy
from kgprism.platform.data.inputs.training_graph import TrainingGraph, prepare
from kgprism.platform.errors import ConfigurationError
from kgprism.platform.method import load
from kgprism.platform.studies.suites import suite
from kgprism.platform.training.run import execute, plan

SNAG = load("snag_completion")
SMALL = {"scoring.dim": 4, "negatives.count": 3}
TRANSFORMERS = ("mean", "graph", "confidence")
FUSIONS = (*TRANSFORMERS, "attention", "weights", "concat", "none")


@pytest.fixture(scope="module")
def graph():
    config = SNAG.Config()
    return prepare(toy.completion(), config.data, 0, config.modalities)


def built(graph, preset: str = "code", **overrides):
    layer = SMALL | {key.replace("__", "."): value for key, value in overrides.items()}
    return SNAG(resolve(SNAG.Config, SNAG.presets[preset], layer), graph, 0)


def batch(graph, step: int = 3, **shared) -> Triples:
    return Triples(graph.triples[:40], step=step, seed=100 + step, **shared)


def empty(entities: int, relations: int, **widths: int) -> TrainingGraph:
    """A graph of published sizes with next to no triples."""
    features = {name: torch.ones(entities, width) for name, width in widths.items()}
    present = {name: torch.ones(entities, dtype=torch.bool) for name in widths}
    return TrainingGraph(entities, relations, torch.tensor([[0, 0, 1]]), features, present)


def test_the_number_of_trained_parameters_is_that_of_tables_maps_and_one_attention_layer():
    d, few = 256, 20
    attention = 4 * (d * d + d) + 2 * d
    code = resolve(SNAG.Config, SNAG.presets["code"])
    method = SNAG(code, empty(few, 169, image=383, text=384), 0)
    besides = 169 * 128 + (383 + 1) * d + (384 + 1) * d + attention
    assert sum(p.numel() for p in method.parameters() if p.requires_grad) == few * d + besides
    assert 15000 * d + besides == 4_322_176, "MKG-W; the specification says 4.2 to 4.7 million"
    # DB15K: 4096 coordinates pooled to 256, two maps a modality.
    (preset,) = (c.preset for c in suite.read("snag_table3").grid.set if c.when.dataset == "db15k")
    method = SNAG(resolve(SNAG.Config, SNAG.presets[preset]), empty(few, 279, image=4096, text=768), 0)
    besides = 279 * 128 + (d + 1) * d + (768 + 1) * d + 2 * (d + 1) * d + attention
    assert sum(p.numel() for p in method.parameters() if p.requires_grad) == few * d + besides


@pytest.mark.parametrize("fusion", FUSIONS)
def test_every_fusion_gives_rows_that_the_scorer_takes_and_learns_with_all_it_has(graph, fusion):
    method = built(graph, fusion=fusion)
    assert method.view().joint.shape == (graph.entities, 8)
    losses = method(batch(graph))
    assert losses.keys() == {"triples"}
    losses["triples"].backward()
    for name, parameter in method.named_parameters():
        assert not parameter.requires_grad or parameter.grad.any(), name
        assert parameter.requires_grad, name


def test_fusion_none_is_rotate_on_the_structure_alone(graph):
    method = built(graph, fusion="none", noise="none")
    assert [name for name, _ in method.named_parameters()] == ["entities.weight", "relations.weight"]
    assert torch.equal(method.view().joint, method.entities.weight)


def test_noise_comes_before_the_projection_and_reaches_structure_and_features(graph):
    method = built(graph, noise__probability=1.0, noise__strength=1.0)
    seen = {}
    for name, module in method.projections.maps.items():
        module.register_forward_pre_hook(lambda _, inputs, name=name: seen.update({name: inputs[0]}))
    structure = method.modal()["structure"]
    assert not torch.isclose(structure, method.entities.weight).any(1).all()
    for name in ("image", "text"):
        assert seen[name].shape == graph.features[name].shape
        assert (seen[name] != graph.features[name]).any(1).all()
    method.eval().modal()
    assert all(torch.equal(seen[name], graph.features[name]) for name in ("image", "text"))


def test_answers_are_those_of_clean_inputs_whatever_the_noise(graph):
    query = torch.tensor([0, 1]), torch.tensor([0, 1]), "tail"
    scores = [built(graph, noise=noise).eval().answer()(*query) for noise in ("none", "masking", "dropout")]
    assert torch.equal(scores[0], scores[1])
    assert torch.equal(scores[0], scores[2])
    noisy = built(graph, noise="masking").train().answer()(*query)
    assert not torch.equal(noisy, scores[0])


def test_a_resumed_run_draws_the_noise_of_its_epoch_again(graph):
    first = built(graph, fusion__dropout=0.0)
    first.start_epoch(0)
    first(batch(graph))["triples"].backward()
    with torch.no_grad():
        first.entities.weight.add_(0.1 * first.entities.weight.grad.sign())
    first.start_epoch(1)
    state = {name: value.clone() for name, value in first.state_dict().items()}
    noisy = first.view().joint
    resumed = built(graph, fusion__dropout=0.0)
    resumed.load_state_dict(state)
    resumed.start_epoch(1)
    assert torch.equal(resumed.view().joint, noisy)
    resumed.start_epoch(2)
    assert not torch.equal(resumed.view().joint, noisy)


def test_noise_of_every_step_follows_the_steps_own_seed(graph):
    method = built(graph, fusion__dropout=0.0, noise__refresh="step")
    first = method(batch(graph, step=3))["triples"]
    assert torch.equal(method(batch(graph, step=3))["triples"], first)
    assert not torch.equal(method(batch(graph, step=4))["triples"], first)


def test_two_workers_see_the_same_noise_and_their_losses_average_to_one_workers(graph):
    for refresh in ("epoch", "step"):
        method = built(graph, fusion__dropout=0.0, noise__refresh=refresh)
        parts = [method(batch(graph, worker=worker, workers=2))["triples"] for worker in (0, 1)]
        torch.testing.assert_close(sum(parts) / 2, method(batch(graph))["triples"])


def test_the_structure_goes_through_maps_where_the_paper_says_so(graph):
    method = built(graph, preset="paper").eval()
    (mapped,) = method.structure
    expected = method.entities.weight @ mapped.weight.T + mapped.bias
    torch.testing.assert_close(method.modal()["structure"], expected)
    assert torch.equal(built(graph).eval().modal()["structure"], built(graph).entities.weight)


def test_stacked_projections_are_one_affine_map(graph):
    first, second = built(graph, projection__depth=2).eval().projections.maps["image"]
    method = built(graph, projection__depth=2).eval()
    weight = second.weight @ first.weight
    expected = graph.features["image"] @ weight.T + second.weight @ first.bias + second.bias
    torch.testing.assert_close(method.modal()["image"], expected, rtol=1e-4, atol=1e-5)


def test_images_are_pooled_over_squares_of_their_map(graph):
    # A 4 x 4 map in squares of 2 x 2; row-major, as flattened.
    image = torch.arange(16.0).expand(graph.entities, 16)
    square = replace(graph, features={**graph.features, "image": image})
    method = built(square, pool=2)
    torch.testing.assert_close(method.projections.features["image"][0], torch.tensor([2.5, 4.5, 10.5, 12.5]))
    assert method.projections.features["text"].shape == graph.features["text"].shape
    for wrong, side in ((square, 3), (graph, 2)):
        with pytest.raises(ConfigurationError, match=f"pool={side}"):
            built(wrong, pool=side)
    assert not list(built(graph, pool=3, fusion="none").projections.parameters()), "images that nobody reads"


def test_rows_without_a_vector_are_filled_as_snag_does(graph):
    assert SNAG.Config().data.missing == "normal"
    absent = ~graph.present["image"]
    assert absent.any()
    assert graph.features["image"][absent].any(1).all()


@pytest.mark.parametrize("overrides", [{}, {"fusion": "graph", "noise.refresh": "step"}])
def test_snag_lowers_its_loss_on_toy(overrides):
    overrides = overrides | {"scoring.dim": 8, "negatives.count": 8, "train.batch_size": 200}
    overrides |= {"train.learning_rate": 1e-2, "train.epochs": 6, "eval.every": 6, "train.device": "cpu"}
    run = plan("snag_completion", toy.completion(), 0, overrides, preset="code")
    history = execute(run, toy.completion()).history
    assert history[-1]["loss"] < 0.7 * history[0]["loss"]
