"""Every method, its presets and its parts, in small: what tests of `variant` are held against."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import pytest
import torch

from kgprism.platform import configuration
from kgprism.platform.batch import Batch, Pairs, Triples
from kgprism.platform.data import toy
from kgprism.platform.data.features import join
from kgprism.platform.data.joint import JointGraph
from kgprism.platform.data.training_graph import TrainingGraph, prepare
from kgprism.platform.method import Method, load, names
from kgprism.platform.part import Part, Settings, alternatives, kind

SEED = 4
#: Keys that do not change what is built.
OUTSIDE = ("data.", "train.", "eval.", "pseudo_pairs.")
#: Parts that need what the defaults of their method do not have.
NEEDS = {"mmrns": {"modalities": ["image", "text"]}}
#: Method and part -> what must be left out: the only variants of which two workers are not one: where a fusion with
#: dropout takes generated vectors, which are no entities, a worker draws masks for its own rows of them only.
APART = {("snag_completion", "generated"): {"fusion.dropout": 0.0}}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that asks for a `variant` once for each; those that are no presets are marked slow."""
    if "variant" in metafunc.fixturenames:
        metafunc.parametrize("variant", list(cases()))


@dataclass(frozen=True, eq=False)
class Variant:
    """One way to build a method, at small widths: what holds there holds at the published ones."""

    name: str
    overrides: dict[str, Any]

    @cached_property
    def config(self) -> Any:
        """The settings."""
        flat = configuration.flatten(configuration.resolve(load(self.name).Config, self.overrides)).items()
        narrow = {key: max(4, value // 50 * 2) for key, value in flat if key.endswith((".dim", "width"))}
        narrow |= {key: min(value, 10) for key, value in flat if key.endswith((".count", ".steps"))}
        return configuration.resolve(load(self.name).Config, self.overrides, narrow)

    def build(self) -> Method:
        """Return the method with its first weights."""
        return load(self.name)(self.config, graph_of(self.name, self.config.modalities), SEED)

    def batches(self) -> list[Batch | Triples]:
        """Return two batches of odd size: the shares of two workers differ in length."""
        return batches(graph_of(self.name, self.config.modalities))


def parts(config: type[Settings], prefix: str = "", above: dict[str, Any] | None = None) -> Iterator[dict[str, Any]]:
    """Yield the overrides that put each part into each slot."""
    for name, field in config.model_fields.items():
        for member in alternatives(field.annotation):
            chosen = dict(above or {})
            if issubclass(member, Part):
                chosen[prefix + name] = kind(member)
                yield chosen
            yield from parts(member, f"{prefix}{name}.", chosen)


def cases() -> Iterator[Any]:
    """Yield every method that can be built once: presets, and each part in each slot, which takes longer."""
    for name in names():
        config, built, presets = load(name).Config, set(), list(load(name).presets.values())
        for number, chosen in enumerate((*presets, *parts(config))):
            needs = [NEEDS.get(str(word), {}) | APART.get((name, str(word)), {}) for word in chosen.values()]
            overrides = {**chosen, **{key: value for need in needs for key, value in need.items()}}
            flat = configuration.flatten(configuration.resolve(config, overrides))
            shape = configuration.digest({key: flat[key] for key in flat if not key.startswith(OUTSIDE)})
            if shape not in built:
                built.add(shape)
                words = " ".join(f"{key}={value}" for key, value in chosen.items())
                marks = [pytest.mark.slow] if number >= len(presets) else []
                yield pytest.param(Variant(name, overrides), id=f"{name}-{words or 'defaults'}", marks=marks)


@cache
def graph_of(method: str, modalities: frozenset[str]) -> JointGraph | TrainingGraph:
    data = load(method).Config().data
    if load(method).task == "alignment":
        return join(toy.aligned(), data, SEED, modalities)
    return prepare(toy.completion(), data, SEED, modalities & toy.completion().modalities)


def batches(graph: JointGraph | TrainingGraph) -> list[Batch | Triples]:
    if isinstance(graph, TrainingGraph):
        return [Triples(graph.triples[n : n + 31], step=n % 2, seed=SEED + n) for n in (0, 31)]
    pairs = torch.from_numpy(toy.aligned().pairs.copy()) + torch.tensor([0, len(toy.aligned().left.entities)])
    return [Batch(tuple(Pairs(*part.T) for part in pairs[n : n + 30].split(17))) for n in (0, 30)]
