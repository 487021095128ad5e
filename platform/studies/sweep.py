"""A search: a space, a dataset and an Optuna study, carried out by Ray Tune; what is finished is not run again."""

import fcntl
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import optuna
import pandas as pd
from optuna.trial import TrialState

from kgprism.platform import configuration
from kgprism.platform.configuration import Overrides
from kgprism.platform.data.graph import Dataset
from kgprism.platform.errors import ConfigurationError
from kgprism.platform.home import home
from kgprism.platform.studies.engine import carry_out, halving
from kgprism.platform.studies.searcher import Listener, Progress, StudySearcher
from kgprism.platform.studies.session import share
from kgprism.platform.studies.space import Space
from kgprism.platform.studies.store import Record, Store
from kgprism.platform.studies.study import RUN, open_study
from kgprism.platform.studies.trial import Trial
from kgprism.platform.training.run import plan


@dataclass(frozen=True)
class Sweep:
    """What a search found. ``best`` is none if no trial was completed; ``overrides`` are the best trial's."""

    best: Record | None
    overrides: Mapping[str, Any]
    trials: pd.DataFrame
    study_name: str
    storage: str
    errors: tuple[str, ...]


def run_sweep(
    space: Space,
    dataset: Dataset,
    *,
    store: Store,
    preset: str | None = None,
    overrides: Overrides | None = None,
    trials: int | None = None,
    seed: int = 0,
    storage: str | None = None,
    cpus_per_trial: float = 1.0,
    gpus_per_trial: float = 0.0,
    concurrent: int | None = None,
    resume: bool = False,
    listener: Listener | None = None,
) -> Sweep:
    """Search until `trials` configurations are evaluated, those of an earlier, perhaps killed, start included.

    `overrides` are set in every trial and taken out of the space; with `resume` there must be something to go on with.
    Inside a Ray session.

    Raises:
        ConfigurationError: a configuration that does not fit, no validation pairs, a storage that cannot be opened,
            nothing to resume, or the same search running in another process.
    """
    preset, overrides = preset or space.preset, overrides or {}
    base = plan(space.method, dataset, seed, overrides, preset=preset)
    _judgeable(space, base.configuration)
    space = space.pinned(overrides)
    name, folder = study_name(space, base.id), home() / "studies" / space.space
    storage = storage or f"sqlite:///{folder / 'optuna.db'}"
    with _alone(folder / f"{name}.lock"):
        objective = Trial(
            space.method, preset, overrides, seed, space.objective.metric, store.folder, share(dataset), base.id
        )
        study = open_study(name, storage, space.search, space.objective, seed, space.points(base.configuration))
        if resume and not any(trial.state.is_finished() for trial in study.get_trials(deepcopy=False)):
            raise ConfigurationError(f"--resume: {storage} holds no trial of this search (study {name})")
        recall, heard = partial(objective.recall, dataset), partial(_heard, store, listener)
        draw = partial(space.suggest, base=base.configuration)
        searcher = StudySearcher(study, draw, trials or space.search.trials, recall=recall, listener=heard)
        each: dict[str, Any] = {"cpus_per_trial": cpus_per_trial, "gpus_per_trial": gpus_per_trial}
        errors = carry_out(objective, searcher, scheduler=halving(space, study), concurrent=concurrent, **each)
    return _swept(study, store, storage, errors)


def study_name(space: Space, base: str) -> str:
    """Return a name that changes with whatever decides a trial's value; more trials of the same are the same study."""
    content = space.model_dump(mode="json", exclude={"search": {"trials"}})
    return f"{space.space}-{configuration.digest(content, base)}"


def _judgeable(space: Space, base: Overrides) -> None:
    """Refuse a search that has no validation pairs to compare by."""
    if base.get("eval.valid_ratio") == 0:
        raise ConfigurationError(f"eval.valid_ratio is 0: {space.objective.metric} needs pairs that are held out")
    if "eval.valid_ratio" in space.params:
        raise ConfigurationError(
            f"search space {space.space}: eval.valid_ratio decides what is compared: do not tune it"
        )


def _heard(store: Store, listener: Listener | None, progress: Progress) -> None:
    """Drop the checkpoint of a stopped run, then pass the news on."""
    if progress.state == "pruned":
        shutil.rmtree(store.partial(progress.identity), ignore_errors=True)
    if listener:
        listener(progress)


def _swept(study: optuna.Study, store: Store, storage: str, errors: tuple[str, ...]) -> Sweep:
    table = study.trials_dataframe(attrs=("number", "state", "value", "duration", "params", "user_attrs"))
    completed = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    best = study.best_trial if completed else None
    return Sweep(
        best=store.read(best.user_attrs[RUN]) if best else None,
        overrides=dict(best.params) if best else {},
        trials=table,
        study_name=study.study_name,
        storage=storage,
        errors=errors,
    )


@contextmanager
def _alone(file: Path) -> Iterator[None]:
    """Hold a lock that dies with this process: another one would take our running trials for left-overs."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConfigurationError(f"this search is running in another process (lock {file})") from None
        yield
