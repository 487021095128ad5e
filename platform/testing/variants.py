"""Every way to build a method in small: its presets, each part in each slot, each modality alone."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import Any

import torch

from kgprism.platform import configuration
from kgprism.platform.batch import Batch, Pairs, Triples
from kgprism.platform.data.catalogue import toy
from kgprism.platform.data.graph import Dataset
from kgprism.platform.data.inputs.features import join
from kgprism.platform.data.inputs.joint import JointGraph
from kgprism.platform.data.inputs.training_graph import TrainingGraph, prepare
from kgprism.platform.method import Method, load
from kgprism.platform.part import Settings, alternatives, kind
from kgprism.platform.training.run import Run, plan

SEED = 3
#: Keys that the task and the loop read: they do not change what is built.
OUTSIDE = ("data.", "train.", "eval.", "pseudo_pairs.")
#: A run of a moment; batches of odd size.
SHORT = {"train.epochs": 3, "train.checkpoint_seconds": 0, "train.device": "cpu", "eval.every": 1}
BATCH = {"alignment": 31, "completion": 201}
#: (key, word) -> what else must be set for it to be built on the data of the tests.
Needs = Mapping[tuple[str, str], Mapping[str, Any]]


@dataclass(frozen=True, eq=False)
class Variant:
    """One way to build a method, at small widths: what holds there holds at the published ones."""

    method: str
    overrides: dict[str, Any]
    preset: bool = False

    def __str__(self) -> str:
        words = " ".join(f"{key}={value}" for key, value in self.overrides.items())
        return f"{self.method}-{words or 'defaults'}"

    @cached_property
    def narrow(self) -> dict[str, Any]:
        """The widths and counts that are smaller than published."""
        flat = configuration.flatten(configuration.resolve(load(self.method).Config, self.overrides)).items()
        narrow = {key: max(4, value // 50 * 2) for key, value in flat if key.endswith((".dim", "width"))}
        return narrow | {key: min(value, 10) for key, value in flat if key.endswith((".count", ".steps"))}

    @cached_property
    def config(self) -> Any:
        """The settings."""
        return configuration.resolve(load(self.method).Config, self.overrides, self.narrow)

    @property
    def dataset(self) -> Dataset:
        """The built-in data of the method's task."""
        return data_of(load(self.method).task)

    @property
    def graph(self) -> JointGraph | TrainingGraph:
        """What the method gets of the data."""
        return graph_of(self.method, self.config.modalities)

    def but(self, **overrides: Any) -> "Variant":
        """Return the variant with other settings besides."""
        return replace(self, overrides=self.overrides | overrides)

    def build(self, graph: JointGraph | TrainingGraph | None = None) -> Method:
        """Return the method with its first weights."""
        kind: Any = load(self.method)  # each task's methods get a graph of their own kind
        made: Method = kind(self.config, graph or self.graph, SEED)
        return made

    def run(self) -> Run:
        """Return a short run; its learning rate shows the gradients in the losses."""
        rate = {"train.batch_size": BATCH[load(self.method).task], "train.learning_rate": 0.003}
        return plan(self.method, self.dataset, SEED, self.overrides, self.narrow, SHORT | rate)

    def batch(self, count: int = 64) -> Batch | Triples:
        """Return one batch."""
        if isinstance(self.graph, TrainingGraph):
            return Triples(self.graph.triples[:count], seed=SEED)
        return Batch((Pairs(*_pairs()[:count].T),))

    def batches(self) -> list[Batch | Triples]:
        """Return two batches of odd size: the shares of two workers differ in length."""
        if isinstance(self.graph, TrainingGraph):
            return [Triples(self.graph.triples[n : n + 31], step=n % 2, seed=SEED + n) for n in (0, 31)]
        return [Batch(tuple(Pairs(*part.T) for part in _pairs()[n : n + 30].split(17))) for n in (0, 30)]


def variants(method: str, needs: Needs, *, modalities: bool = True) -> Iterator[Variant]:
    """Yield each method that can be built once: presets, every part in its slot, every modality alone."""
    found, built = load(method), set()
    defaults: Any = found.Config()
    known = sorted(data_of(found.task).modalities & defaults.modalities) if modalities else []
    presets = list(found.presets.values())
    lone = [{"modalities": [modality]} for modality in known]
    for number, chosen in enumerate((*presets, *choices(found.Config), *lone)):
        overrides = dict(chosen)
        for key, value in chosen.items():
            overrides |= needs.get((key, str(value)), {})
        flat = configuration.flatten(configuration.resolve(found.Config, overrides))
        shape = configuration.digest({key: flat[key] for key in flat if not key.startswith(OUTSIDE)})
        if shape not in built:
            built.add(shape)
            yield Variant(method, overrides, number < len(presets))


def choices(config: type[Settings], prefix: str = "", above: dict[str, Any] | None = None) -> Iterator[dict[str, Any]]:
    """Yield the overrides that put each part into each slot, with the parts around it that it needs."""
    for name, field in config.model_fields.items():
        for member in alternatives(field.annotation):
            chosen = dict(above or {})
            if "kind" in member.model_fields:
                chosen[prefix + name] = kind(member)
                yield chosen
            yield from choices(member, f"{prefix}{name}.", chosen)


@cache
def data_of(task: str) -> Dataset:
    """Return the built-in data of a task."""
    return toy.aligned() if task == "alignment" else toy.completion()


@cache
def graph_of(method: str, modalities: frozenset[str]) -> JointGraph | TrainingGraph:
    """Return what a method gets of the built-in data of its task."""
    defaults: Any = load(method).Config()
    data = defaults.data
    if load(method).task == "alignment":
        return join(toy.aligned(), data, SEED, modalities)
    return prepare(toy.completion(), data, SEED, modalities & toy.completion().modalities)


def _pairs() -> torch.Tensor:
    graphs = toy.aligned()
    return torch.from_numpy(graphs.pairs.copy()) + torch.tensor([0, len(graphs.left.entities)])
