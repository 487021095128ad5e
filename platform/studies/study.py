"""An Optuna study as a sweep needs it: opened or continued, seeded, with nothing left running from a killed process."""

import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.samplers import BaseSampler
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import event
from sqlalchemy.exc import SQLAlchemyError

from kgprism.platform.errors import ConfigurationError
from kgprism.platform.seeding import derive
from kgprism.platform.studies.space import Objective, Search

#: What a trial carries besides its parameters: which run it is, why it failed, which trial it repeats.
RUN, REASON, REPEATS = "run", "reason", "repeats"
_SQLITE = "sqlite:///"


def open_study(
    name: str, storage: str, search: Search, objective: Objective, seed: int, points: Sequence[dict[str, Any]] = ()
) -> optuna.Study:
    """Open a study, or continue it; the starting points come first.

    Trials that a killed process left running become failures and their configurations are queued again, in the order
    that makes a second kill harmless.

    Raises:
        ConfigurationError: if there is no such storage.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        study = optuna.create_study(
            storage=_sqlite(storage) if storage.startswith(_SQLITE) else storage,
            study_name=name,
            direction="maximize" if objective.mode == "max" else "minimize",
            load_if_exists=True,
            pruner=optuna.pruners.NopPruner(),
        )
    except (SQLAlchemyError, ImportError, OSError, ValueError) as error:
        raise ConfigurationError(f"--storage {storage}: cannot be opened: {str(error).splitlines()[0]}") from None
    trials = study.get_trials(deepcopy=False)
    study.sampler = sampler(search, seed, len(trials))
    if not any(trial.state.is_finished() or trial.state == TrialState.RUNNING for trial in trials):
        for point in points:
            study.enqueue_trial(point, skip_if_exists=True)
    for trial in trials:
        if trial.state == TrialState.RUNNING:
            if trial.params:
                study.enqueue_trial(trial.params)
            study.tell(trial.number, state=TrialState.FAIL)
    return study


def sampler(search: Search, seed: int, done: int = 0) -> BaseSampler:
    """Return the sampler: the same seed gives the same trials; after `done` trials it does not begin anew."""
    number = derive(seed, "sampler", search.seed, done) % 2**32
    if search.sampler == "random":
        return optuna.samplers.RandomSampler(seed=number)
    if search.sampler == "gp":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            return optuna.samplers.GPSampler(seed=number, n_startup_trials=search.startup)
    return optuna.samplers.TPESampler(seed=number, n_startup_trials=search.startup)


def evaluated(study: optuna.Study) -> Iterator[FrozenTrial]:
    """Yield the trials that count: repetitions and those that a kill interrupted do not."""
    for trial in study.get_trials(deepcopy=False):
        failed = trial.state == TrialState.FAIL and REASON in trial.user_attrs
        if REPEATS not in trial.user_attrs and (failed or trial.state in (TrialState.COMPLETE, TrialState.PRUNED)):
            yield trial


def _sqlite(storage: str) -> RDBStorage:
    """Open a SQLite file that does not wait for the disk at each of a trial's many small commits.

    A killed process loses nothing by it; a power cut can damage the file, but not the store that holds the runs.
    """
    Path(storage.removeprefix(_SQLITE)).parent.mkdir(parents=True, exist_ok=True)
    opened = RDBStorage(storage, engine_kwargs={"connect_args": {"timeout": 60}})
    event.listen(opened.engine, "connect", lambda connection, _: connection.execute("PRAGMA synchronous=OFF"))
    # Connections from before do not know of it.
    opened.engine.dispose()
    return opened
