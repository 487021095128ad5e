"""A search: a space, a dataset and an Optuna study, carried out by Ray Tune; what is finished is not run again."""

import fcntl
import logging
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any

import optuna
import pandas as pd
from optuna.trial import TrialState
from ray import tune
from ray.exceptions import RayTaskError
from ray.tune.schedulers import ASHAScheduler, TrialScheduler

from kgprism.platform import configuration
from kgprism.platform.configuration import Overrides
from kgprism.platform.data.graph import Dataset
from kgprism.platform.errors import ConfigurationError
from kgprism.platform.home import home
from kgprism.platform.studies.searcher import EPOCH, VALUE, Listener, Progress, StudySearcher
from kgprism.platform.studies.session import share
from kgprism.platform.studies.space import Halving, Space
from kgprism.platform.studies.store import Record, Store
from kgprism.platform.studies.study import RUN, evaluated, open_study
from kgprism.platform.studies.trial import Objective, Trial, trainable
from kgprism.platform.training.run import plan

#: Tune's own loggers, output and signal handler stay out: the run store and the study hold all there is to know.
_ENVIRONMENT = {
    "RAY_AIR_NEW_OUTPUT": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_DISABLE_SIGINT_HANDLER": "1",
    "TUNE_PRINT_ALL_TRIAL_ERRORS": "0",
}


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
    listener: Listener | None = None,
) -> Sweep:
    """Search until `trials` configurations are evaluated, those of an earlier, perhaps killed, start included.

    `overrides` are set in every trial and taken out of the space. Inside a Ray session.

    Raises:
        ConfigurationError: a configuration that does not fit, no validation pairs, a storage that cannot be opened, or
            the same search running in another process.
    """
    preset, overrides = preset or space.preset, overrides or {}
    base = plan(space.method, dataset, seed, overrides, preset=preset)
    _judgeable(space, base.configuration)
    space = space.pinned(overrides)
    name = study_name(space, base.id)
    folder = home() / "studies" / space.space
    storage = storage or f"sqlite:///{folder / 'optuna.db'}"
    objective = Trial(space.method, preset, overrides, seed, space.objective.metric, store.folder, share(dataset))
    with _alone(folder / f"{name}.lock"):
        study = open_study(name, storage, space.search, space.objective, seed, space.points(base.configuration))
        searcher = StudySearcher(
            study,
            lambda trial: space.suggest(trial, base.configuration),
            trials or space.search.trials,
            recall=partial(objective.recall, dataset),
            listener=partial(_heard, store, listener),
        )
        errors = carry_out(
            objective,
            searcher,
            scheduler=scheduler(space, study),
            cpus_per_trial=cpus_per_trial,
            gpus_per_trial=gpus_per_trial,
            concurrent=concurrent,
        )
    return _swept(study, store, storage, errors)


def carry_out(
    objective: Objective,
    searcher: StudySearcher,
    *,
    scheduler: TrialScheduler | None = None,
    cpus_per_trial: float = 1.0,
    gpus_per_trial: float = 0.0,
    concurrent: int | None = None,
) -> tuple[str, ...]:
    """Carry out what the searcher proposes, in processes that are reused; return a line for each crashed trial.

    A trial whose process dies is tried once more; the run goes on from its own checkpoint.
    """
    resources = {"cpu": cpus_per_trial, "gpu": gpus_per_trial}
    with TemporaryDirectory(prefix="kgprism-tune-") as scratch, _environment():
        tuner = tune.Tuner(
            tune.with_resources(tune.with_parameters(trainable, objective=objective), resources),
            tune_config=tune.TuneConfig(
                search_alg=searcher,
                scheduler=scheduler,
                num_samples=-1,
                max_concurrent_trials=concurrent,
                reuse_actors=True,
            ),
            run_config=tune.RunConfig(
                name="sweep",
                storage_path=scratch,
                verbose=0,
                failure_config=tune.FailureConfig(max_failures=1),
            ),
        )
        return tuple(_line(error) for error in tuner.fit().errors)


def scheduler(space: Space, study: optuna.Study) -> TrialScheduler | None:
    """Return the early-stopping rule, if any; it remembers what the study saw before this process."""
    schedule = space.schedule
    if not isinstance(schedule, Halving):
        return None
    halving = ASHAScheduler(
        time_attr=EPOCH,
        metric=VALUE,
        mode=space.objective.mode,
        grace_period=schedule.min,
        max_t=schedule.max,
        reduction_factor=schedule.eta,
        stop_last_trials=False,
    )
    for past in evaluated(study):
        known: Any = SimpleNamespace(trial_id=f"past {past.number}")
        unused: Any = None
        halving.on_trial_add(unused, known)
        for epoch, value in sorted(past.intermediate_values.items()):
            halving.on_trial_result(unused, known, {EPOCH: epoch, VALUE: value})
    return halving


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


def _line(error: Exception) -> str:
    """Say in one line what ended a trial: an exception's own words are last in Ray's account, a dead process' first."""
    lines = [line for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    return (lines[-1] if isinstance(error, RayTaskError) else lines[0]).strip()


@contextmanager
def _environment() -> Iterator[None]:
    """Keep Tune quiet; what went wrong is in what `carry_out` returns."""
    logger = logging.getLogger("ray.tune")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    before = {key: os.environ.get(key) for key in _ENVIRONMENT}
    os.environ.update(_ENVIRONMENT)
    try:
        yield
    finally:
        logger.setLevel(level)
        for key, value in before.items():
            os.environ.pop(key) if value is None else os.environ.update({key: value})


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
