"""What every method, search space and suite must keep; found by themselves, so a new file is held to it at once."""

import sys
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
import torch

from kgprism.platform import configuration
from kgprism.platform.batch import Batch, Pairs
from kgprism.platform.data import toy
from kgprism.platform.data.features import join
from kgprism.platform.data.joint import JointGraph
from kgprism.platform.method import Alignment, load, names
from kgprism.platform.part import Settings, alternatives, kind, slots
from kgprism.platform.studies import space, suite

METHODS = names()
ALIGNMENT = [name for name in METHODS if load(name).task == "alignment"]
SEED = 3
#: Keys that the task and the loop read: they do not change what is built.
OUTSIDE = ("data.", "train.", "eval.", "pseudo_pairs.")


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
    for name in ALIGNMENT:
        method, built = load(name), set()
        modalities = [{"modalities": [modality]} for modality in sorted(toy.aligned().modalities)]
        for overrides in (*method.presets.values(), *choices(method.Config), *modalities):
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
def joint(method: str, modalities: frozenset[str]) -> JointGraph:
    return join(toy.aligned(), load(method).Config().data, SEED, modalities)


def build(method: str, overrides: dict[str, Any], graph: JointGraph | None = None) -> Alignment:
    config = configuration.resolve(load(method).Config, overrides)
    # What holds at a small width holds at the published one, and takes a tenth of the time.
    widths = {key: value for key, value in configuration.flatten(config).items() if key.endswith("width")}
    narrow = {key: max(2, value // 25) for key, value in widths.items()}
    config = configuration.resolve(load(method).Config, overrides, narrow)
    return load(method)(config, graph or joint(method, config.modalities), SEED)


def batch(count: int = 64) -> Batch:
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


@pytest.mark.parametrize("name", METHODS)
def test_a_method_comes_with_a_search_space_and_a_suite(name: str) -> None:
    assert any(space.read(word).method == name for word in space.space_names())
    assert any(suite.read(word).method == name for word in suite.suite_names())


@pytest.mark.parametrize(("name", "overrides"), CASES)
def test_every_variant_learns(name: str, overrides: dict[str, Any]) -> None:
    method = build(name, overrides)
    losses = method(batch())
    assert losses
    assert all(loss.isfinite() and loss.ndim == 0 for loss in losses.values())
    total = torch.stack(list(losses.values())).sum()
    total.backward()
    lone = len(method.config.modalities) == 1  # its weight among the modalities is always one
    for key, parameter in method.named_parameters():
        if not parameter.requires_grad:
            continue
        assert parameter.grad is not None, f"{key} has no gradient"
        assert parameter.grad.isfinite().all(), f"{key} has a gradient that is not finite"
        # Only a loss that is switched off may leave a parameter where it is.
        assert parameter.grad.any() or total == 0 or lone, f"{key} cannot learn"


@pytest.mark.parametrize(("name", "overrides"), CASES)
def test_relabelling_entities_permutes_the_embedding(name: str, overrides: dict[str, Any]) -> None:
    method = build(name, overrides).eval()
    graph = joint(name, method.config.modalities)
    draw = torch.Generator().manual_seed(SEED)
    new = torch.cat(
        [torch.randperm(graph.left, generator=draw), graph.left + torch.randperm(graph.right, generator=draw)]
    )
    old = new.argsort()
    triples = graph.triples.clone()
    triples[:, [0, 2]] = new[triples[:, [0, 2]]]
    features = {key: rows[old] for key, rows in graph.features.items()}
    present = {key: rows[old] for key, rows in graph.present.items()}
    moved = JointGraph(graph.left, graph.right, graph.relations, triples, features, present)
    relabelled = build(name, overrides, moved).eval()
    rows = {key: value[old] if value.shape[:1] == old.shape else value for key, value in method.state_dict().items()}
    relabelled.load_state_dict(rows)
    with torch.no_grad():
        torch.testing.assert_close(relabelled.embed(), method.embed()[old], rtol=1e-3, atol=1e-5)


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
