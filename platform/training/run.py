"""One run as plain data, its identity, and how it is carried out in this process."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kgprism.platform import configuration, source
from kgprism.platform.configuration import Overrides
from kgprism.platform.data.catalogue import choice
from kgprism.platform.data.catalogue.published import BENCHMARKS
from kgprism.platform.data.graph import AlignedGraphs, Dataset
from kgprism.platform.errors import ConfigurationError, DataError, RunError, nearest
from kgprism.platform.training.about import about
from kgprism.platform.training.spent import noted

# Torch is loaded where something is built: whoever only shows what was run does not wait for it.
if TYPE_CHECKING:
    from kgprism.platform.method import Method
    from kgprism.platform.tasks.task import Task
    from kgprism.platform.training.loop import Listener
    from kgprism.platform.training.outcome import Outcome
    from kgprism.platform.training.workers import Workers

#: Counts up whenever a judge changes what it reports.
EVALUATOR = 2

#: Whoever sets one of these wants a split that is drawn; so do the papers of all known benchmarks.
_DRAWING = frozenset({"data.seed_ratio", "data.split_seed"})

#: The modules of what a method's `task` names, and of the loop.
TASKS = {"alignment": "kgprism.platform.tasks.alignment", "completion": "kgprism.platform.tasks.completion"}
LOOP = "kgprism.platform.training.loop"


@dataclass(frozen=True)
class Run:
    """Everything that a result depends on. ``configuration`` is flat and complete; ``notes`` tell what was adapted."""

    method: str
    dataset: str
    fingerprint: str
    seed: int
    configuration: Mapping[str, Any]
    notes: tuple[str, ...] = ()

    @cached_property
    def settings(self) -> Any:
        """The validated configuration tree (a method's ``Config``)."""
        from kgprism.platform.method import load

        return configuration.resolve(load(self.method).Config, self.configuration, source=f"run of {self.method}")

    @cached_property
    def id(self) -> str:
        """Sixteen digits: the same for the same code, configuration, data, seed and judge; nothing else counts."""
        stateful = configuration.flatten(self.settings, stateless=False)
        return configuration.digest(source_digest(self.method), stateful, self.fingerprint, self.seed, EVALUATOR)


def plan(
    method: str,
    dataset: Dataset,
    seed: int,
    *layers: Overrides,
    preset: str | None = None,
    source: str = "--set",
    sets_here: bool = True,
) -> Run:
    """Resolve a run: defaults, preset, then layers of overrides; modalities that the data lacks are left out and noted.

    With `sets_here`, a feature set that cannot be read is refused at once; without, the run is planned under an
    identity that no run with the set has, and whoever builds it is refused.

    Raises:
        ConfigurationError: unknown method, preset or key, a value out of range, or a task that does not fit the data.
        DataError: if a feature set that is asked for cannot be read.
    """
    from kgprism.platform.data.catalogue.counts import differences
    from kgprism.platform.method import load

    kind = load(method)
    wanted = "alignment" if isinstance(dataset, AlignedGraphs) else "completion"
    if kind.task != wanted:
        raise ConfigurationError(f"{method} is a method of {kind.task}, but {dataset.name} is data for {wanted}")
    if preset is not None and preset not in kind.presets:
        raise ConfigurationError(f"{method} has no preset '{preset}'{nearest(preset, kind.presets)}")
    chosen = kind.presets[preset] if preset else {}
    settings = configuration.resolve(kind.Config, chosen, source=f"preset {preset} of {method}")
    settings = configuration.resolve(kind.Config, *layers, source=source, start=settings)
    drawn = dataset.name in BENCHMARKS or any(key in _DRAWING for layer in layers for key in named(layer))
    settings, about_sets = choice.settled(settings, dataset)
    read = _as_read(settings, dataset, sets_here)
    settings, notes = task_of(method).settle(settings, read or dataset, drawn)
    notes = (*differences(dataset), *(about_sets if read else ()), *notes)
    fingerprint = read.fingerprint if read else configuration.digest(dataset.fingerprint, "a set that cannot be read")
    run = Run(method, dataset.name, fingerprint, seed, configuration.flatten(settings), notes)
    # What is flattened here is what the property would resolve once more.
    vars(run)["settings"] = settings
    return run


def _as_read(settings: Any, dataset: Dataset, sets_here: bool) -> Dataset | None:
    """Return the dataset with the feature sets that are chosen; none, if it may be, where one cannot be read."""
    try:
        return choice.chosen(settings, dataset)
    except DataError:
        if sets_here:
            raise
        return None


def named(layer: Overrides, prefix: str = "") -> Iterator[str]:
    """Yield the dotted keys that a layer sets, also inside mappings."""
    for key, value in layer.items():
        if isinstance(value, Mapping):
            yield from named(value, f"{prefix}{key}.")
        yield prefix + key


def execute(
    run: Run,
    dataset: Dataset,
    *,
    folder: Path | None = None,
    listener: "Listener | None" = None,
    workers: "Workers | None" = None,
) -> "Outcome":
    """Carry a run out in this process, from its checkpoint in `folder` if there is one.

    Raises:
        DataError: if a feature set cannot be read.
        RunError: if a loss or a score is not finite, a checkpoint is damaged, or a feature set is another one by now.
    """
    from kgprism.platform.training.loop import Loop, quiet

    settings, told = run.settings, listener or quiet
    method, task = composed(run, dataset)
    loop = Loop(method, task, settings.train, settings.eval, workers=workers, folder=folder, listener=told)
    with noted(folder, workers.rank if workers else 0):
        return loop.run()


def composed(run: Run, dataset: Dataset) -> "tuple[Method, Task]":
    """Build the method and the task of a run; raises as `chosen_data` does."""
    return built(run, chosen_data(run, dataset))


def chosen_data(run: Run, dataset: Dataset) -> Dataset:
    """Return a dataset with the feature sets that a run reads, which is the dataset itself where it reads none.

    Raises:
        DataError: if one cannot be read.
        RunError: if one is not what the run was planned with.
    """
    found = choice.chosen(run.settings, dataset)
    if found is not dataset and found.fingerprint != run.fingerprint:
        told = f"{dataset.name}: its features are not those that run {run.id} was planned with"
        raise RunError(f"{told}: the same command plans another run")
    return found


def built(run: Run, dataset: Dataset) -> "tuple[Method, Task]":
    """Build the method and the task of a run of data that hold the vectors it reads."""
    from kgprism.platform.method import load

    return task_of(run.method).compose(load(run.method), run.settings, dataset, run.seed)


def task_of(method: str) -> "type[Task]":
    """Return the task that a method is for.

    Raises:
        ConfigurationError: if there is no such task; it names the nearest.
    """
    from kgprism.platform.tasks.alignment import AlignmentTask
    from kgprism.platform.tasks.completion import CompletionTask

    known: tuple[type[Task], ...] = (AlignmentTask, CompletionTask)
    return next(task for task in known if task.__module__ == _module_of_task(method))


def _module_of_task(method: str) -> str:
    word = about(method).task
    if word not in TASKS:
        raise ConfigurationError(f"{method}: unknown task '{word}'{nearest(word, TASKS)}")
    return TASKS[word]


def roots(method: str) -> tuple[str, str, str]:
    """Return the modules whose imports decide a result: the method's, the loop's, and the task's with its judge."""
    return about(method).module, LOOP, _module_of_task(method)


@cache
def source_digest(method: str) -> str:
    """Digest the code that can change a number of a method. What it is called here decides none: `Run` holds it all."""
    return source.digest_of(*roots(method))
