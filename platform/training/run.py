"""One run as plain data, its identity, and how it is carried out in this process."""

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import import_module
from importlib.resources import files
from pathlib import Path
from typing import Any

from kgprism.platform import configuration
from kgprism.platform.configuration import Overrides
from kgprism.platform.data.features import join
from kgprism.platform.data.graph import AlignedGraphs, CompletionGraph, Dataset
from kgprism.platform.data.training_graph import adapt, prepare
from kgprism.platform.errors import ConfigurationError, nearest
from kgprism.platform.method import Method, load
from kgprism.platform.part import Settings
from kgprism.platform.tasks.alignment import AlignmentTask
from kgprism.platform.tasks.completion import CompletionTask
from kgprism.platform.tasks.task import Task
from kgprism.platform.training.loop import Listener, Loop, quiet
from kgprism.platform.training.outcome import Outcome
from kgprism.platform.training.workers import Workers

#: Counts up whenever a judge changes what it reports.
EVALUATOR = 2


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
        return configuration.resolve(load(self.method).Config, self.configuration, source=f"run of {self.method}")

    @cached_property
    def id(self) -> str:
        """Sixteen digits: the same for the same code, configuration, data, seed and judge; nothing else counts."""
        stateful = configuration.flatten(self.settings, stateless=False)
        return configuration.digest(source_digest(self.method), stateful, self.fingerprint, self.seed, EVALUATOR)


def plan(
    method: str, dataset: Dataset, seed: int, *layers: Overrides, preset: str | None = None, source: str = "--set"
) -> Run:
    """Resolve a run: defaults, preset, then layers of overrides; modalities that the data lacks are left out and noted.

    Raises:
        ConfigurationError: unknown method, preset or key, a value out of range, or a task that does not fit the data.
    """
    kind = load(method)
    wanted = "alignment" if isinstance(dataset, AlignedGraphs) else "completion"
    if kind.task != wanted:
        raise ConfigurationError(f"{method} is a method of {kind.task}, but {dataset.name} is data for {wanted}")
    if preset is not None and preset not in kind.presets:
        raise ConfigurationError(f"{method} has no preset '{preset}'{nearest(preset, kind.presets)}")
    chosen = kind.presets[preset] if preset else {}
    settings = configuration.resolve(kind.Config, chosen, source=f"preset {preset} of {method}")
    settings = configuration.resolve(kind.Config, configuration.flatten(settings), *layers, source=source)
    settings, notes = _fit(settings, dataset)
    return Run(method, dataset.name, dataset.fingerprint, seed, configuration.flatten(settings), notes)


def _fit(settings: Any, dataset: Dataset) -> tuple[Settings, tuple[str, ...]]:
    """Settle what depends on the data, so that equal runs have equal identities: absent modalities, doubtful splits."""
    notes: tuple[str, ...] = ()
    if isinstance(dataset, CompletionGraph):
        adapted, notes = adapt(dataset, settings.data)
        valid = "published" if adapted.valid is dataset.valid else "holdout"
        settings = settings.model_copy(update={"data": settings.data.model_copy(update={"valid": valid})})
        dataset = adapted
    absent = sorted(settings.modalities - dataset.modalities)
    kept = settings.model_copy(update={"modalities": settings.modalities - set(absent)})
    offer = {"text": "; data.text=labels makes some of the names"} if isinstance(dataset, CompletionGraph) else {}
    lacks = [f"{dataset.name} has no {modality} features: left out{offer.get(modality, '')}" for modality in absent]
    return kept, (*notes, *lacks)


def execute(
    run: Run,
    dataset: Dataset,
    *,
    folder: Path | None = None,
    listener: Listener = quiet,
    workers: Workers | None = None,
) -> Outcome:
    """Carry a run out in this process, from its checkpoint in `folder` if there is one.

    Raises:
        RunError: if a loss or a score is not finite, or a checkpoint is damaged.
    """
    settings = run.settings
    method, task = _composed(run, dataset)
    loop = Loop(method, task, settings.train, settings.eval, workers=workers, folder=folder, listener=listener)
    return loop.run()


def _composed(run: Run, dataset: Dataset) -> tuple[Method, Task]:
    """Build the method and the task of a run."""
    kind: Any = load(run.method)
    settings = run.settings
    if isinstance(dataset, CompletionGraph):
        graph, *_ = adapt(dataset, settings.data)
        training = prepare(graph, settings.data, run.seed, settings.modalities)
        return kind(settings, training, run.seed), CompletionTask(graph, settings, run.seed)
    # Left and right pictures, texts and bags are filled the same way whatever the parts of the method.
    joint = join(dataset, settings.data, run.seed, settings.modalities)
    return kind(settings, joint, run.seed), AlignmentTask(dataset, settings, run.seed)


@cache
def source_digest(method: str) -> str:
    """Digest the code that can change a number: the method and the rooms below it, without comments and docstrings."""
    modules = (load(method).__module__, Method.__module__)
    texts = [Path(str(import_module(module).__file__)).read_text() for module in modules]
    for room, counted in _COUNTED.items():
        folder = sorted(files(f"kgprism.platform.{room}").iterdir(), key=lambda file: file.name)
        texts += [f.read_text() for f in folder if f.name.endswith(".py") and (not counted or f.name in counted)]
    return configuration.digest([_bare(text) for text in texts])


#: Whose code decides results. Readers are covered by the data's fingerprint; trainers only distribute.
_COUNTED: dict[str, set[str]] = {
    "nn": set(),
    "tasks": set(),
    "training": {"loop.py", "optimiser.py", "sampled.py", "selecting.py"},
    "data": {
        *("features.py", "holdout.py", "images.py", "joint.py", "label_text.py", "neighbours.py", "split.py"),
        *("surface_forms.py", "training_graph.py", "unsupervised.py"),
    },
}


def _bare(text: str) -> str:
    """Return code without comments, docstrings and layout."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        match getattr(node, "body", None):
            case [ast.Expr(ast.Constant()), *_] as body:
                body[0] = ast.Pass()
    return ast.unparse(tree)
