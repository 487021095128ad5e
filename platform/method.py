"""The contract of a method, and how the platform finds one by name."""

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from pkgutil import iter_modules
from traceback import extract_tb
from types import ModuleType
from typing import TYPE_CHECKING, Any, ClassVar, Generic, ParamSpec, TypeVar, get_args

import torch
from torch import Tensor, nn

from kgprism.platform.batch import Side
from kgprism.platform.errors import ConfigurationError, KgprismError, first_line, nearest
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
    from kgprism.platform.data.inputs.joint import JointGraph
    from kgprism.platform.data.inputs.training_graph import TrainingGraph

M = TypeVar("M", bound=nn.Module)
P = ParamSpec("P")
C = TypeVar("C", bound=Settings)
A = TypeVar("A", bound="Alignment.Config")
K = TypeVar("K", bound="Completion.Config")

#: What importing a plug-in may raise: its code is not ours.
FAULTS = (
    *(ImportError, SyntaxError, NameError, AttributeError, TypeError, ValueError, LookupError),
    *(RuntimeError, OSError, AssertionError, ArithmeticError, KgprismError),
)

#: ``answer(known, relation, side)`` scores all entities as the end ``side``, ``(queries, entities)``; higher is better.
Answer = Callable[[Tensor, Tensor, Side], Tensor]


class Method(nn.Module, Generic[C]):
    """A composition of parts. A subclass of a task's class says which data and which judge it gets.

    ``class X(Alignment[Config])`` makes ``Config`` its configuration: ``X.Config``, and the type of ``self.config``.
    """

    task: ClassVar[str]
    Config: ClassVar[type[Settings]]
    config: C
    #: name -> dotted overrides on the class's defaults; every method has ``code`` and ``paper``
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {"code": {}, "paper": {}}
    #: where paper and released code disagree, and which one each preset follows; one line each
    departures: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls, **options: object) -> None:
        super().__init_subclass__(**options)
        given = [argument for base in vars(cls).get("__orig_bases__", ()) for argument in get_args(base)]
        if "Config" not in vars(cls) and given and isinstance(given[0], type) and issubclass(given[0], Settings):
            cls.Config = given[0]

    def __init__(self, config: C, seed: int) -> None:
        super().__init__()
        self.config = config
        self.seed = seed

    def part(self, name: str, build: Callable[P, M], *shapes: P.args, **options: P.kwargs) -> M:
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


class Alignment(Method[A]):
    """Entity alignment: both graphs live in one id space, the left graph's entities first."""

    task = "alignment"

    class Config(Settings):
        """What every alignment method has."""

        modalities: frozenset[Modality] = frozenset({"image", "attribute", "relation"})
        data: AlignmentData = AlignmentData()
        train: AlignmentTraining = AlignmentTraining()
        eval: AlignmentEvaluation = AlignmentEvaluation()
        pseudo_pairs: Slot[Probation | Nothing] = Nothing()

    def __init__(self, config: A, graph: "JointGraph", seed: int) -> None:
        """Build from settings and data; no file access, no device, no global seeding."""
        super().__init__(config, seed)
        self.graph = graph

    def encode(self) -> Mapping[str, Tensor]:
        """Return named views of all entities, each ``(entities, width)``; ``joint`` is what the judge compares."""
        raise NotImplementedError(type(self).__name__)

    def encode_some(self, entities: Tensor) -> Mapping[str, Tensor] | None:
        """Return the views of some entities, ascending ids ``(n,)``, if that costs less than all; else nothing.

        Losses then see only these rows. Random numbers must be those that `encode` would draw.
        """
        return None

    def losses(self, views: Mapping[str, Tensor], pairs: "Pairs") -> dict[str, Tensor]:
        """Return the named, weighted loss terms of one slice of pairs, each a mean over the slice."""
        raise NotImplementedError(type(self).__name__)

    def slices(self, batch: "Batch") -> Iterator[dict[str, Tensor]]:
        """Yield the loss terms of each slice of one optimiser step, all from one encoding (spec 0.8)."""
        entities, slices = batch.compact()
        views = self.encode_some(entities)
        if views is None:
            views, slices = self.encode(), batch.slices
        for pairs in slices:
            yield self.losses(views, pairs)

    def forward(self, batch: "Batch", phase: str = "train") -> dict[str, Tensor]:
        """Return the loss terms of one optimiser step, summed over its slices."""
        return summed(self.slices(batch))

    def embed(self) -> Tensor:
        """Return what entities are compared by, ``(entities, width)``; the judge normalises the rows."""
        return self.encode()["joint"]


class Completion(Method[K]):
    """Knowledge graph completion: the missing head or tail of a triple is ranked among all entities."""

    task = "completion"

    class Config(Settings):
        """What every completion method has."""

        modalities: frozenset[Modality] = frozenset()
        data: CompletionData = CompletionData()
        train: CompletionTraining = CompletionTraining()
        eval: CompletionEvaluation = CompletionEvaluation()

    def __init__(self, config: K, graph: "TrainingGraph", seed: int) -> None:
        """Build from settings and training triples; no file access, no device, no global seeding."""
        super().__init__(config, seed)
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
        ConfigurationError: if there is none, naming the nearest, or if its plug-in cannot be imported, naming why.
    """
    if name not in names():
        raise ConfigurationError(f"unknown method '{name}'{nearest(name, names())}")
    for found in entry_points(group="kgprism.methods", name=name):
        try:
            plugin = found.load()
        except FAULTS as error:
            raise ConfigurationError(f"method {name}: {_fault(found.value, error)}") from error
        if isinstance(plugin, ModuleType):
            return defined(plugin)
        if not (isinstance(plugin, type) and issubclass(plugin, Method)):
            raise ConfigurationError(f"entry point {name} = {found.value} is neither a method's class nor its module")
        return plugin
    return defined(import_module(f"kgprism.methods.{name}"))


def _fault(plugin: str, error: BaseException) -> str:
    """Say in one line why a plug-in cannot be imported, and where."""
    frames = [frame for frame in extract_tb(error.__traceback__) if not frame.filename.startswith("<")]
    where = f" ({frames[-1].filename}:{frames[-1].lineno})" if frames and frames[-1].filename != __file__ else ""
    return f"the plug-in {plugin} cannot be imported: {type(error).__name__}: {first_line(error)}{where}"


def defined(module: ModuleType) -> type[Method]:
    """Return the method of a file: the one class of its own from which no other of its own derives.

    Raises:
        ConfigurationError: if there is none, or more than one.
    """
    own = {m for m in vars(module).values() if isinstance(m, type) and issubclass(m, Method)}
    own = {m for m in own if m.__module__ == module.__name__}
    leaves = sorted(m.__name__ for m in own if not any(m is not other and issubclass(other, m) for other in own))
    if len(leaves) != 1:
        found = f"{len(leaves)} of them ({', '.join(leaves)})" if leaves else "none"
        raise ConfigurationError(f"{module.__file__}: expected one class that derives from Method, found {found}")
    return next(m for m in own if m.__name__ == leaves[0])


def names() -> list[str]:
    """Return every method there is, plug-ins included."""
    own = {module.name for module in iter_modules(import_module("kgprism.methods").__path__)}
    return sorted(own | {found.name for found in entry_points(group="kgprism.methods")})


def device(word: str) -> torch.device:
    """Return the device that a configuration names; ``auto`` takes a GPU if there is one.

    Raises:
        ConfigurationError: if there is no such device here.
    """
    if word == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        found = torch.device(word)
        if found.type == "cuda":
            count = torch.cuda.device_count()
            missing = (found.index or 0) >= count or not torch.cuda.is_available()
            reason = f"torch {torch.__version__} sees {count or 'no'} GPU here" if missing else ""
        else:
            torch.empty(0, device=found)  # torch says only now whether it was built for it
            reason = "it keeps no numbers" if found.type == "meta" else ""
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = first_line(error)
    if reason:
        raise ConfigurationError(f"train.device={word}: {reason}; cpu, cuda or auto")
    return found
