"""The contract of a method, and how the platform finds one by name."""

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeVar

import torch
from torch import Tensor, nn

from kgprism.platform.errors import ConfigurationError, nearest
from kgprism.platform.part import Nothing, Settings, Slot
from kgprism.platform.seeding import seeded
from kgprism.platform.settings import (
    AlignmentData,
    AlignmentEvaluation,
    AlignmentTraining,
    CompletionData,
    CompletionEvaluation,
    CompletionTraining,
    Modality,
    Probation,
)

if TYPE_CHECKING:
    from kgprism.platform.batch import Batch, Pairs, Triples
    from kgprism.platform.data.joint import JointGraph
    from kgprism.platform.data.training_graph import TrainingGraph

M = TypeVar("M", bound=nn.Module)

#: ``answer(known, relation, side)`` scores all entities as the end ``side``, ``(queries, entities)``; higher is better.
Answer = Callable[[Tensor, Tensor, Literal["head", "tail"]], Tensor]


class Method(nn.Module):
    """A composition of parts. A subclass of a task's class says which data and which judge it gets."""

    task: ClassVar[str]
    Config: ClassVar[type[Settings]]
    #: name -> dotted overrides on the class's defaults; every method has ``code`` and ``paper``
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {"code": {}, "paper": {}}
    #: where paper and released code disagree, and which one each preset follows; one line each
    departures: ClassVar[tuple[str, ...]] = ()

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.seed = seed

    def part(self, name: str, build: Callable[..., M], *shapes: Any, **options: Any) -> M:
        """Build one part from random numbers of its own, so that the others do not depend on it."""
        with seeded(self.seed, name):
            return build(*shapes, **options)

    def groups(self) -> list[dict[str, Any]]:
        """Return AdamW parameter groups.

        A group may carry its own ``weight_decay``, ``rate_factor`` (on the learning rate) and ``phase`` (the one of
        `phases` that steps it; by default ``train``).
        """
        return [{"params": list(self.parameters())}]

    @property
    def phases(self) -> tuple[str, ...]:
        """The phases of one batch, in order; each has a forward and a backward pass and steps its own groups.

        Gradients that a phase leaves in another phase's parameters stay there until that phase steps and clears them.
        """
        return ("train",)

    def start_epoch(self, epoch: int) -> None:
        """Draw what stays the same for an epoch, such as noise on the inputs."""

    def report(self) -> dict[str, float]:
        """Return numbers of the epoch that ends, to be logged beside its losses."""
        return {}


class Alignment(Method):
    """Entity alignment: both graphs live in one id space, the left graph's entities first."""

    task = "alignment"

    class Config(Settings):
        """What every alignment method has."""

        modalities: frozenset[Modality] = frozenset({"image", "attribute", "relation"})
        data: AlignmentData = AlignmentData()
        train: AlignmentTraining = AlignmentTraining()
        eval: AlignmentEvaluation = AlignmentEvaluation()
        pseudo_pairs: Slot[Probation | Nothing] = Nothing()

    def __init__(self, config: Config, graphs: "JointGraph", seed: int) -> None:
        """Build from settings and data; no file access, no device, no global seeding."""
        super().__init__(seed)
        self.config = config
        self.graph = graphs

    def encode(self) -> Mapping[str, Tensor]:
        """Return named views of all entities, each ``(entities, width)``; ``joint`` is what the judge compares."""
        raise NotImplementedError(type(self).__name__)

    def losses(self, views: Mapping[str, Tensor], pairs: "Pairs") -> dict[str, Tensor]:
        """Return the named, weighted loss terms of one slice of pairs, each a mean over the slice."""
        raise NotImplementedError(type(self).__name__)

    def slices(self, batch: "Batch") -> Iterator[dict[str, Tensor]]:
        """Yield the loss terms of each slice of one optimiser step, all from one encoding (spec 0.8)."""
        views = self.encode()
        for pairs in batch.slices:
            yield self.losses(views, pairs)

    def forward(self, batch: "Batch", phase: str = "train") -> dict[str, Tensor]:
        """Return the loss terms of one optimiser step, summed over its slices."""
        return summed(self.slices(batch))

    def embed(self) -> Tensor:
        """Return what entities are compared by, ``(entities, width)``; the judge normalises the rows."""
        return self.encode()["joint"]


class Completion(Method):
    """Knowledge graph completion: the missing head or tail of a triple is ranked among all entities."""

    task = "completion"

    class Config(Settings):
        """What every completion method has."""

        modalities: frozenset[Modality] = frozenset()
        data: CompletionData = CompletionData()
        train: CompletionTraining = CompletionTraining()
        eval: CompletionEvaluation = CompletionEvaluation()

    def __init__(self, config: Config, graph: "TrainingGraph", seed: int) -> None:
        """Build from settings and training triples; no file access, no device, no global seeding."""
        super().__init__(seed)
        self.config = config
        self.graph = graph

    def forward(self, batch: "Triples", phase: str = "train") -> dict[str, Tensor]:
        """Return the named, weighted loss terms of one phase of a step, each a mean over the batch (`Triples.mean`)."""
        raise NotImplementedError(type(self).__name__)

    def answer(self) -> Answer:
        """Encode all entities once and return what scores queries; called in eval mode without gradients."""
        raise NotImplementedError(type(self).__name__)


def summed(slices: Iterator[dict[str, Tensor]]) -> dict[str, Tensor]:
    """Return the sum of every loss term over slices."""
    total: dict[str, Tensor] = {}
    for losses in slices:
        for name, value in losses.items():
            total[name] = total[name] + value if name in total else value
    return total


@cache
def load(name: str) -> type[Method]:
    """Return a method's class: an installed plug-in of that name, else the file of that name in ``methods/``.

    Raises:
        ConfigurationError: if there is none; it names the nearest.
    """
    if name not in names():
        raise ConfigurationError(f"unknown method '{name}'{nearest(name, names())}")
    for found in entry_points(group="kgprism.methods", name=name):
        plugin = found.load()
        assert issubclass(plugin, Method), f"{found.value} is no kgprism method"
        return plugin
    module = import_module(f"kgprism.methods.{name}")
    return next(_defined(module.__name__, vars(module)))


def _defined(module: str, members: Mapping[str, Any]) -> Iterator[type[Method]]:
    for member in members.values():
        if isinstance(member, type) and issubclass(member, Method) and member.__module__ == module:
            yield member


def names() -> list[str]:
    """Return every method there is, plug-ins included."""
    own = {module.name for module in iter_modules(import_module("kgprism.methods").__path__)}
    return sorted(own | {found.name for found in entry_points(group="kgprism.methods")})


def device(word: str) -> torch.device:
    """Return the device that a configuration names; ``auto`` takes a GPU if there is one."""
    if word == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return torch.device(word)
