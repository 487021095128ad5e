"""What every method, search space and suite must keep; found by themselves, so a new file is held to it at once."""

import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
import torch

from kgprism.platform import configuration
from kgprism.platform.batch import Batch, Pairs, Triples
from kgprism.platform.data import toy
from kgprism.platform.data.features import join
from kgprism.platform.data.joint import JointGraph
from kgprism.platform.data.training_graph import TrainingGraph, prepare
from kgprism.platform.method import Alignment, Completion, Method, load, names
from kgprism.platform.part import Settings, alternatives, kind, slots
from kgprism.platform.studies import space, suite

METHODS = names()
SEED = 3
#: Keys that the task and the loop read: they do not change what is built.
OUTSIDE = ("data.", "train.", "eval.", "pseudo_pairs.")
DATA = {"alignment": toy.aligned, "completion": toy.completion}
#: Parts that need what the defaults of their method do not have.
NEEDS = {"mmrns": {"modalities": ["image", "text"]}}
#: What keeps a method from drawing samples, by row, while it is judged.
STILL = {"ibmea": {"evaluation": "mean"}}


def choices(config: type[Settings], prefix: str = "", above: dict[str, Any] | None = None) -> Iterator[dict[str, Any]]:
    """Yield the overrides that put each part into each slot, with the parts around it that it needs."""
    for name, field in config.model_fields.items():
        for member in alternatives(field.annotation):
            chosen = dict(above or {})
            if "kind" in member.model_fields:
                chosen[prefix + name] = kind(member)
                yield chosen
            yield from choices(member, f"{prefix}{name}.", chosen)


def cases() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each method that can be built once: presets, every part in its slot, every modality alone."""
    for name in METHODS:
        method, built = load(name), set()
        known = sorted(DATA[method.task]().modalities & method.Config().modalities)
        modalities = [{"modalities": [modality]} for modality in known]
        for chosen in (*method.presets.values(), *choices(method.Config), *modalities):
            overrides = {**chosen, **next((NEEDS[str(word)] for word in chosen.values() if str(word) in NEEDS), {})}
            flat = configuration.flatten(configuration.resolve(method.Config, overrides))
            shape = configuration.digest({key: flat[key] for key in flat if not key.startswith(OUTSIDE)})
            if shape not in built:
                built.add(shape)
                yield name, dict(overrides)


CASES = [
    pytest.param(name, case, id=f"{name}-{' '.join(f'{k}={v}' for k, v in case.items()) or 'defaults'}")
    for name, case in cases()
]


@cache
def graph_of(method: str, modalities: frozenset[str]) -> JointGraph | TrainingGraph:
    data = load(method).Config().data
    if load(method).task == "alignment":
        return join(toy.aligned(), data, SEED, modalities)
    return prepare(toy.completion(), data, SEED, modalities & toy.completion().modalities)


def build(method: str, overrides: dict[str, Any], graph: JointGraph | TrainingGraph | None = None) -> Method:
    config = configuration.resolve(load(method).Config, overrides)
    # What holds at a small width holds at the published one, and takes a tenth of the time.
    flat = configuration.flatten(config).items()
    narrow = {key: max(4, value // 50 * 2) for key, value in flat if key.endswith((".dim", "width"))}
    narrow |= {key: min(value, 10) for key, value in flat if key.endswith((".count", ".steps"))}
    config = configuration.resolve(load(method).Config, overrides, narrow)
    return load(method)(config, graph or graph_of(method, config.modalities), SEED)


def batch(method: Method, count: int = 64) -> Batch | Triples:
    if isinstance(method, Completion):
        return Triples(method.graph.triples[:count], seed=SEED)
    pairs = torch.from_numpy(toy.aligned().pairs[:count].copy())
    return Batch((Pairs(pairs[:, 0], pairs[:, 1] + len(toy.aligned().left.entities)),))


@pytest.mark.parametrize("name", METHODS)
def test_a_method_says_where_it_comes_from_and_where_paper_and_code_part(name: str) -> None:
    method = load(name)
    assert len((sys.modules[method.__module__].__doc__ or "").splitlines()) > 1
    assert method.departures
    assert all(line.strip() == line and "\n" not in line for line in method.departures)
    assert {"code", "paper"} <= set(method.presets)
    for preset, overrides in method.presets.items():
        configuration.resolve(method.Config, overrides, source=f"preset {preset}")


@pytest.mark.parametrize(("name", "slot"), [(name, slot) for name in METHODS for slot in slots(load(name).Config)])
def test_every_slot_has_a_null_part_and_distinct_words(name: str, slot: str) -> None:
    parts = slots(load(name).Config)[slot]
    assert len({kind(part) for part in parts}) == len(parts) > 1
    assert any(part.null for part in parts)


@pytest.mark.parametrize("name", METHODS)
def test_a_toggle_is_never_a_boolean(name: str) -> None:
    flat = configuration.flatten(load(name).Config(), stateless=False)
    assert not [key for key, value in flat.items() if isinstance(value, bool)]


def test_every_method_comes_with_a_search_space_and_a_suite() -> None:
    assert {space.read(word).method for word in space.space_names()} == set(METHODS)
    assert {method for word in suite.suite_names() for method in suite.read(word).methods} == set(METHODS)


@pytest.mark.parametrize(("name", "overrides"), CASES)
def test_every_variant_learns(name: str, overrides: dict[str, Any]) -> None:
    method = build(name, overrides)
    method.start_epoch(0)
    total = torch.zeros(())
    for phase in method.phases:
        losses = method(batch(method), phase)
        assert losses
        assert all(loss.isfinite() and loss.ndim == 0 for loss in losses.values())
        step = torch.stack(list(losses.values())).sum()
        step.backward()
        total = total + step.detach()
    lone = len(method.config.modalities) == 1  # its weight among the modalities is always one
    for key, parameter in method.named_parameters():
        if not parameter.requires_grad:
            continue
        assert parameter.grad is not None, f"{key} has no gradient"
        assert parameter.grad.isfinite().all(), f"{key} has a gradient that is not finite"
        # Only a loss that is switched off may leave a parameter where it is.
        assert parameter.grad.any() or total == 0 or lone, f"{key} cannot learn"


def relabelled(graph: JointGraph | TrainingGraph) -> tuple[JointGraph | TrainingGraph, torch.Tensor]:
    """Return the graph under other entity numbers, and the old number of every new one."""
    draw = torch.Generator().manual_seed(SEED)
    sides = (graph.left, graph.right) if isinstance(graph, JointGraph) else (graph.entities,)
    starts = (0, sides[0])
    new = torch.cat([start + torch.randperm(size, generator=draw) for start, size in zip(starts, sides, strict=False)])
    old, triples = new.argsort(), graph.triples.clone()
    triples[:, [0, 2]] = new[triples[:, [0, 2]]]
    features = {key: rows[old] for key, rows in graph.features.items()}
    present = {key: rows[old] for key, rows in graph.present.items()}
    return replace(graph, triples=triples, features=features, present=present), old


def seen(method: Method, old: torch.Tensor | None = None) -> torch.Tensor:
    """Return embeddings, or the scores of some tails; of a relabelled method those of the same entities."""
    if isinstance(method, Alignment):
        return method.embed()
    assert isinstance(method, Completion)
    known = torch.arange(5) if old is None else old.argsort()[:5]
    return method.answer()(known, torch.arange(5), "tail").T


@pytest.mark.parametrize(("name", "overrides"), CASES)
def test_relabelling_entities_permutes_what_is_judged(name: str, overrides: dict[str, Any]) -> None:
    overrides = {**overrides, **STILL.get(name, {})}
    method = build(name, overrides).eval()
    moved, old = relabelled(graph_of(name, method.config.modalities))
    other = build(name, overrides, moved).eval()
    parameters = dict(method.named_parameters())
    rows = {key: value[old] if value.shape[:1] == old.shape else value for key, value in parameters.items()}
    other.load_state_dict(rows, strict=False)
    with torch.no_grad():
        torch.testing.assert_close(seen(other, old), seen(method)[old], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", space.space_names())
def test_every_search_space_names_existing_keys(name: str) -> None:
    found = space.read(name)
    assert found.space == name
    assert found.points(), "the published settings come first"


@pytest.mark.parametrize("name", suite.suite_names())
def test_every_suite_names_existing_keys(name: str) -> None:
    found = suite.read(name)
    assert found.suite == name
    assert len(found.variants) > 1
