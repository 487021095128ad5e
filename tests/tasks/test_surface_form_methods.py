"""Names and characters in every alignment method: off unless asked for, in their place, and never noised."""

from dataclasses import replace
from functools import cache
from typing import Any

import pytest
import torch

from kgprism.platform import configuration
from kgprism.platform.batch import Batch, Pairs
from kgprism.platform.data.catalogue import toy
from kgprism.platform.data.inputs.features import join
from kgprism.platform.data.inputs.joint import JointGraph
from kgprism.platform.families.interacting_alignment import InteractingAlignment
from kgprism.platform.families.modal_alignment import ORDER, ModalAlignment
from kgprism.platform.method import Alignment, load, names
from kgprism.platform.settings import AlignmentData
from kgprism.platform.studies.suites import suite
from kgprism.platform.training.run import plan

METHODS = [name for name in names() if load(name).task == "alignment"]
ALL = ["image", "attribute", "relation", "name", "char"]
NOISE = [{"noise": "masking", "noise.probability": 1.0}, {"noise": "dropout", "noise.probability": 0.5}]


@cache
def graph() -> JointGraph:
    return join(toy.aligned(), AlignmentData(top_relations=40, top_attributes=60), 0, ALL)


def build(name: str, overrides: dict[str, Any], on: JointGraph | None = None) -> ModalAlignment:
    config = configuration.resolve(load(name).Config, {"modalities": ALL}, overrides)
    flat = configuration.flatten(config).items()
    narrow = {key: max(4, value // 50 * 2) for key, value in flat if key.endswith("width")}
    method = load(name)(
        configuration.resolve(load(name).Config, {"modalities": ALL}, overrides, narrow), on or graph(), 3
    )
    assert isinstance(method, ModalAlignment)
    return method


def batch(count: int = 48) -> Batch:
    pairs = torch.from_numpy(toy.aligned().pairs[:count].copy())
    return Batch((Pairs(pairs[:, 0], pairs[:, 1] + graph().left),))


def test_all_seven_methods_are_here() -> None:
    assert len(METHODS) == 7


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("preset", ["code", "paper"])
def test_surface_forms_learn(name: str, preset: str) -> None:
    method = build(name, dict(load(name).presets[preset]))
    method.start_epoch(0)
    losses = method(batch())
    torch.stack(list(losses.values())).sum().backward()
    widths = [graph().features[word].shape[1] for word in ("name", "char")]
    assert len({*widths, graph().features["image"].shape[1]}) == 3
    heads = [p for p in method.parameters() if p.ndim == 2 and p.shape[1] in widths]
    assert {p.shape[1] for p in heads} == set(widths), "no map of names or of characters"
    assert all(p.grad is not None and p.grad.any() and p.grad.isfinite().all() for p in heads)


@pytest.mark.parametrize("name", METHODS)
def test_surface_forms_are_off_unless_asked_for(name: str) -> None:
    method = load(name)
    assert issubclass(method, Alignment)
    for preset in ({}, *method.presets.values()):
        config = configuration.resolve(method.Config, preset)
        assert not config.modalities & {"name", "char"}


@pytest.mark.parametrize("name", METHODS)
def test_data_without_names_leave_them_out(name: str) -> None:
    data = toy.aligned()
    unspelt = [replace(side, names=[], features={"image": side.features["image"]}) for side in (data.left, data.right)]
    run = plan(name, replace(data, left=unspelt[0], right=unspelt[1]), 0, {"modalities": ALL})
    assert run.settings.modalities == {"image", "attribute", "relation"}
    assert [note for note in run.notes if "no name features" in note]
    assert [note for note in run.notes if "no char features" in note]


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("noise", NOISE, ids=["masking", "dropout"])
def test_noise_spares_surface_forms(name: str, noise: dict[str, Any]) -> None:
    method = build(name, noise).train()
    method.start_epoch(0)
    inputs = method.inputs()
    for word in ("name", "char"):
        assert inputs[word] is method.get_buffer(f"{word}_features")
    for word in ("image", "attribute", "relation"):
        assert not torch.equal(inputs[word], graph().features[word])
    assert not [key for key, _ in method.noise.named_buffers() if key.startswith(("name", "char"))]


@pytest.mark.parametrize("name", METHODS)
def test_relabelling_permutes_surface_forms_too(name: str) -> None:
    overrides = {"evaluation": "mean"} if name == "ibmea" else {}
    method = build(name, overrides).eval()
    one = graph()
    draw = torch.Generator().manual_seed(0)
    new = torch.cat([torch.randperm(one.left, generator=draw), one.left + torch.randperm(one.right, generator=draw)])
    old, triples = new.argsort(), one.triples.clone()
    triples[:, [0, 2]] = new[triples[:, [0, 2]]]
    tables = ({key: rows[old] for key, rows in found.items()} for found in (one.features, one.present))
    moved = JointGraph(one.left, one.right, one.relations, triples, *tables)
    other = build(name, overrides, moved).eval()
    own = method.named_parameters()
    other.load_state_dict({k: p[old] if p.shape[:1] == old.shape else p for k, p in own}, strict=False)
    with torch.no_grad():
        torch.testing.assert_close(other.embed(), method.embed()[old], rtol=1e-3, atol=1e-4)


def test_slots_stand_in_the_fields_order() -> None:
    # Specification 0.1; text, which no paper here has, keeps the place between them.
    assert [name for name in ORDER if name != "text"] == ["image", "attribute", "relation", "graph", "name", "char"]
    for name in ("mclea", "eva"):
        method = build(name, {})
        assert method.views == ["image", "attribute", "relation", "graph", "name", "char"]
        assert method.fusion.weights.shape == (6,)
    for name in ("simdiff", "meaformer", "snag_alignment", "ibmea"):
        assert build(name, {}).names == ["image", "attribute", "relation", "graph", "name", "char"]
    assert build("simdiff", {}).levels["joint"].weights.shape == (6,)
    assert build("simdiff", {}).levels["semantic"].weights.shape == (4,)
    assert build("simdiff", {}).levels["topology"].weights.shape == (2,)
    assert build("snag_alignment", {}).fusion.weights.shape == (6,)


@pytest.mark.parametrize("name", ["meaformer", "snag_alignment"])
@pytest.mark.parametrize("modalities", [ALL, ALL[:3]])
def test_six_log_variances_whatever_is_there(name: str, modalities: list[str]) -> None:
    method = build(name, {"modalities": modalities})
    assert isinstance(method, InteractingAlignment)
    assert method.balance.log_variances.shape == (6,)


def test_published_widths_of_maps() -> None:
    widths = {"mclea": 100, "eva": 100, "simdiff": 300, "ibmea": 100, "loginmea": 300}
    for name, width in widths.items():
        assert load(name).Config().modal_width == width
    assert {load(name).Config().width for name in ("meaformer", "snag_alignment")} == {300}


def test_the_perturbed_name_is_made_of_the_name() -> None:
    # S10: the release perturbs the attributes in its place.
    method = build("simdiff", {"perturbation": 1e-3}).train()
    method.start_epoch(0)
    views = method.encode()
    for word in ALL:
        distance = (views[f"perturbed/{word}"] - views[word]).abs().max()
        assert 0 < distance < 0.01


def test_rows_with_surface_forms_are_computed() -> None:
    table = suite.read("simdiff_table2")
    rows = {variant.id: variant for variant in table.variants}
    for word in ("mclea-names", "simdiff-names"):
        assert rows[word].override == {"modalities": ALL}
    seeds = {word: row.override["data.seeds.modality"] for word, row in rows.items() if "unsupervised" in word}
    assert seeds == {
        "mclea-v-unsupervised": "image",
        "mclea-n-unsupervised": "name",
        "simdiff-v-unsupervised": "image",
        "simdiff-n-unsupervised": "name",
    }
    published = {(row.variant, row.dataset) for row in table.reference}
    assert {
        (word, f"dbp15k-{pair}-en") for word in (*seeds, "mclea-names", "simdiff-names") for pair in ("zh", "ja", "fr")
    } < published
