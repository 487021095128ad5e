"""Ray Tune as it is used here: function trials in reused processes, and nothing of Tune's own kept or printed."""

import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from tempfile import TemporaryDirectory
from typing import Any

from ray import tune
from ray.exceptions import RayTaskError
from ray.tune.schedulers import TrialScheduler

from kgprism.platform.cluster.all_reduce import last_line
from kgprism.platform.cluster.resources import Resources
from kgprism.platform.errors import first_line
from kgprism.platform.studies.search.searcher import StudySearcher
from kgprism.platform.studies.search.trainable import Objective, trainable

#: Least seconds between two looks.
_PAUSE = 0.5
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
    look: Callable[[], None] | None = None,
) -> tuple[str, ...]:
    """Carry out what the searcher proposes, in processes that are reused; return a line for each crashed trial.

    A trial whose process dies is tried once more; its run goes on from its own checkpoint. `look` is called now and
    then, in this process.

    Raises:
        ConfigurationError: if a trial needs more than this machine has.
    """
    Resources(1, cpus_per_trial, gpus_per_trial).refuse_unaffordable()
    resources = {"cpu": cpus_per_trial, "gpu": gpus_per_trial}
    with TemporaryDirectory(prefix="kgprism-tune-") as scratch, _silenced():
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
                callbacks=[_Looking(searcher, look)],
            ),
        )
        return tuple(_reason(error) for error in tuner.fit().errors)


class _Looking(tune.Callback):
    """Calls between Tune's own steps, not oftener than a display needs; the searcher hears of processes at once."""

    def __init__(self, searcher: StudySearcher, look: Callable[[], None] | None) -> None:
        self.searcher, self.look, self.looked = searcher, look, 0.0

    def on_trial_start(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """Tell that a trial that was asked for has its process."""
        self.searcher.on_trial_start(trial.trial_id)

    def on_trial_recover(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """Tell that it has died; another one comes."""
        self.searcher.on_trial_lost(trial.trial_id)

    def on_step_end(self, iteration: int, trials: list[Any], **info: Any) -> None:
        """Look, if it is time."""
        if self.look and time.monotonic() - self.looked >= _PAUSE:
            self.look()
            self.looked = time.monotonic()

    def __getstate__(self) -> dict[str, Any]:
        """Leave nothing for Tune to pickle."""
        return {}


def _reason(error: Exception) -> str:
    """Say in one line what ended a trial: an exception's own words are last in Ray's account, a dead process' first."""
    return last_line(error) if isinstance(error, RayTaskError) else first_line(error)


@contextmanager
def _silenced() -> Iterator[None]:
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
