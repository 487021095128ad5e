"""A search: a space, a dataset and an Optuna study, carried out by Ray Tune; what is finished is not run again."""

import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import optuna
import pandas as pd
from optuna.exceptions import ExperimentalWarning
from optuna.trial import TrialState

from kgprism.platform.configuration import Overrides
from kgprism.platform.data.graph import Dataset
from kgprism.platform.errors import ConfigurationError
from kgprism.platform.files import explain_full_disk
from kgprism.platform.home import home
from kgprism.platform.locks import held, locked
from kgprism.platform.studies.execution.events import Event
from kgprism.platform.studies.search.after.repeats import Repeated, cells, left, repeat, repeated, runs_of
from kgprism.platform.studies.search.after.warm_start import first_points
from kgprism.platform.studies.search.driver import driving, refuse_driven
from kgprism.platform.studies.search.request import EXHAUSTED, Request, refuse_other, request
from kgprism.platform.studies.search.running.running import carry_on, ended_already, told
from kgprism.platform.studies.search.sampling.attributes import RUN
from kgprism.platform.studies.search.searcher import UNMET, Listener
from kgprism.platform.studies.search.soundness import refuse_unsound
from kgprism.platform.studies.search.spaces.space import Space
from kgprism.platform.studies.search.study import (
    alone_at,
    begun,
    continued,
    evaluated,
    explain_storage,
    studies_of,
)
from kgprism.platform.studies.search.trials import best_of, front_of, table_of
from kgprism.platform.studies.store.record import Record
from kgprism.platform.studies.store.runs import Store
from kgprism.platform.studies.suites.recipe import Recipe


@dataclass(frozen=True)
class Sweep:
    """What a search found. ``best`` is none if no trial was completed; ``overrides`` are the best trial's.

    With ``repeats`` it is the best by the mean over seeds.
    ``recipe`` and the line ``command`` carry the best trial's run out again; trials are compared by ``objective``.
    ``exhausted``: fewer were tried than asked for, as only known configurations were proposed any more; ``ended`` says
    what else ended it early, such as its budget.
    ``trials`` is a DataFrame, a row a trial; ``errors`` are those of trials that failed. With ``costs``, which have
    columns of their own, ``front`` has the rows that no other trial beats in all objectives; the best is one of them.
    """

    best: Record | None
    overrides: Mapping[str, Any]
    command: str
    objective: str
    trials: pd.DataFrame
    study_name: str
    storage: str
    errors: tuple[str, ...] = ()
    exhausted: bool = False
    ended: str = ""
    costs: tuple[str, ...] = ()
    front: pd.DataFrame | None = None
    recipe: Recipe | None = None
    repeats: tuple[Repeated, ...] = ()

    def __repr__(self) -> str:
        best = f"best run {self.best.id} with {dict(self.overrides)}" if self.best else "none completed"
        return f"Sweep({self.study_name}: {len(self.trials)} trials, {len(self.errors)} failed; {best})"


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
    name: str | None = None,
    resume: bool = False,
    **options: Any,
) -> Sweep:
    """Search until `trials` configurations are evaluated, those of an earlier, perhaps killed, start included.

    `overrides` are set in every trial and taken out of the space; with `resume` there must be something to go on with.
    Inside a Ray session; `options` are those of `search`.

    Raises:
        ConfigurationError: a configuration that does not fit, no validation pairs, a storage that cannot be opened,
            nothing to resume, or the same search running in another process.
    """
    asked: dict[str, Any] = {"preset": preset, "overrides": overrides, "trials": trials, "seed": seed}
    wanted = request(space, dataset, storage=storage, name=name, **asked)
    return found_already(wanted, store, resume=resume) or search(wanted, store, **options)


def found_already(wanted: Request, store: Store, *, resume: bool = False) -> Sweep | None:
    """Return what a search has found that is through; none if there is more to do. Nothing is begun, nor needs Ray.

    Raises:
        ConfigurationError: another search of that name, or it is under way; with `resume`, if it has no trial.
    """
    for study in studies_of(wanted.storage, wanted.name):
        with explain_storage(wanted.storage, "cannot be read"):
            refuse_other(study, wanted)  # first: another search may have other objectives
            refuse_unsound(study, wanted.goal, {RUN}, len(wanted.space.costs))
            trials = study.get_trials(deepcopy=False)
        if all(trial.state == TrialState.WAITING for trial in trials):
            continue
        if any(trial.state == TrialState.RUNNING for trial in trials):
            _refuse_running(study, wanted)
        ended = ended_already(study, wanted)
        if ended or sum(1 for _ in evaluated(study)) >= wanted.trials:
            if not left(wanted, study, store):
                return _found(wanted, study, store, (), ended)
            return None
        refuse_driven(study)
        return None
    if resume:
        raise ConfigurationError(f"--resume: {wanted.storage} holds no trial of this search (study {wanted.name})")
    return None


def search(
    wanted: Request,
    store: Store,
    *,
    cpus_per_trial: float = 1.0,
    gpus_per_trial: float = 0.0,
    concurrent: int | None = None,
    listener: Listener | None = None,
    heard: Callable[[Event], None] | None = None,
) -> Sweep:
    """Carry a search out to its end, inside a Ray session, then repeat its best; `heard` is told of the repeats.

    Raises:
        ConfigurationError: a storage that cannot be opened, or the same search running in another process.
    """
    storage = wanted.storage
    with _alone(_lock(wanted)):
        study = begun(wanted.name, storage, wanted.goal, wanted.space.costs)
        refuse_other(study, wanted)
        with explain_storage(storage), driving(study, partial(alone_at, storage)) as driver:
            _tell_study(study, wanted)
            region = wanted.region
            points = region.space.points(region.base)
            if not any(trial.state != TrialState.WAITING for trial in study.get_trials(deepcopy=False)):
                points += first_points(wanted)
            continued(study, storage, region.space.search, wanted.seed, points, region)
            each: dict[str, Any] = {"cpus_per_trial": cpus_per_trial, "gpus_per_trial": gpus_per_trial}
            each["concurrent"] = concurrent
            errors, ended = tuple[str, ...](), ended_already(study, wanted)
            if not ended and sum(1 for _ in evaluated(study)) < wanted.trials:
                with explain_full_disk(store.folder):
                    errors, ended = carry_on(wanted, study, store, driver, listener, region, **each)
                if ended in (EXHAUSTED, UNMET):
                    study.set_user_attr(EXHAUSTED, wanted.trials)
                    study.set_user_attr("ended", ended)
        with explain_storage(storage):
            errors += repeat(wanted, study, store, cpus=cpus_per_trial, gpus=gpus_per_trial, listener=heard)
    return _found(wanted, study, store, errors, ended)


def _tell_study(study: optuna.Study, wanted: Request) -> None:
    """Say in the study what it is about, for Optuna's own tools and for `recalled`."""
    known = study.user_attrs
    for key, value in wanted.asked().model_dump().items():
        if key not in known or known[key] != value:
            study.set_user_attr(key, value)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        names = [wanted.goal.metric, *wanted.space.costs]
        if study.metric_names != names:
            study.set_metric_names(names)


def _found(wanted: Request, study: optuna.Study, store: Store, errors: tuple[str, ...] = (), ended: str = "") -> Sweep:
    table = table_of(study)
    best, front = best_of(study), [trial.number for trial in front_of(study)]
    seeds = repeated(study, store, wanted.goal.metric, runs_of(cells(wanted, study)))
    if seeds and seeds[0].mean is not None:
        best = study.get_trials(deepcopy=False)[seeds[0].trial]
    record = store.read(best.user_attrs[RUN]) if best else None
    recipe = wanted.recipe(record, best) if record and best else None
    return Sweep(
        best=record,
        overrides=dict(best.params) if best else {},
        command=recipe.command() if recipe else "",
        objective=wanted.goal.metric,
        trials=table,
        study_name=study.study_name,
        storage=wanted.storage,
        front=table[table["number"].isin(front)] if front else None,
        costs=wanted.space.costs,
        errors=errors,
        exhausted=ended == EXHAUSTED,
        ended=told(ended, wanted),
        recipe=recipe,
        repeats=seeds,
    )


def _lock(wanted: Request) -> Path:
    return home() / "studies" / wanted.space.space / f"{wanted.name}.lock"


def _refuse_running(study: optuna.Study, wanted: Request) -> None:
    """Refuse, before anything is started, a search that another process carries out, of this home or of another."""
    if held(_lock(wanted)):
        raise _running(_lock(wanted))
    refuse_driven(study)


def _running(file: Path) -> ConfigurationError:
    return ConfigurationError(f"this search is running in another process (lock {file})")


@contextmanager
def _alone(file: Path) -> Iterator[None]:
    """Hold a search's lock in this home: another process would take our running trials for left-overs."""
    with locked(file, wait=False) as mine:
        if not mine:
            raise _running(file)
        yield
