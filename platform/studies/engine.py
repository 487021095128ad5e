"""Ray Tune as it is used here: function trials in reused processes, and nothing of Tune's own kept or printed."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any

import optuna
import ray
from ray import tune
from ray.exceptions import RayTaskError
from ray.tune.schedulers import ASHAScheduler, TrialScheduler

from kgprism.platform.errors import ConfigurationError
from kgprism.platform.studies.searcher import StudySearcher
from kgprism.platform.studies.space import Halving, Space
from kgprism.platform.studies.study import evaluated
from kgprism.platform.studies.trainable import EPOCH, VALUE, Objective, trainable

#: Tune's own loggers, output and signal handler stay out: the run store and the study hold all there is to know.
_ENVIRONMENT = {
    "RAY_AIR_NEW_OUTPUT": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_DISABLE_SIGINT_HANDLER": "1",
    "TUNE_PRINT_ALL_TRIAL_ERRORS": "0",
}


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

    A trial whose process dies is tried once more; its run goes on from its own checkpoint.

    Raises:
        ConfigurationError: if a trial needs more than this machine has.
    """
    resources = {"cpu": cpus_per_trial, "gpu": gpus_per_trial}
    _affordable(resources)
    with TemporaryDirectory(prefix="kgprism-tune-") as scratch, _quiet():
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


def halving(space: Space, study: optuna.Study) -> TrialScheduler | None:
    """Return the early-stopping rule, if any; it remembers what the study saw before this process."""
    schedule = space.schedule
    if not isinstance(schedule, Halving):
        return None
    rule = ASHAScheduler(
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
        rule.on_trial_add(unused, known)
        for epoch, value in sorted(past.intermediate_values.items()):
            rule.on_trial_result(unused, known, {EPOCH: epoch, VALUE: value})
    return rule


def _affordable(resources: dict[str, float]) -> None:
    """Refuse what would wait for ever; a cluster, which is one that has an address, may still grow."""
    if "RAY_ADDRESS" in os.environ:
        return
    there: dict[str, float] = ray.cluster_resources()
    for name, amount in resources.items():
        if amount > there.get(name.upper(), 0.0):
            has = there.get(name.upper(), 0.0)
            raise ConfigurationError(f"a trial needs {amount:g} {name.upper()}, this machine has {has:g}")


def _line(error: Exception) -> str:
    """Say in one line what ended a trial: an exception's own words are last in Ray's account, a dead process' first."""
    lines = [line for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    return (lines[-1] if isinstance(error, RayTaskError) else lines[0]).strip()


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep Tune from writing anywhere; what went wrong is in what `carry_out` returns."""
    logger, before = logging.getLogger("ray.tune"), {key: os.environ.get(key) for key in _ENVIRONMENT}
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    os.environ.update(_ENVIRONMENT)
    try:
        yield
    finally:
        logger.setLevel(level)
        for key, value in before.items():
            if value is None:
                del os.environ[key]
            else:
                os.environ[key] = value
