"""An Optuna study as a sweep needs it: opened or continued, seeded, with nothing left running from a killed process."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import optuna
from optuna.exceptions import OptunaError
from optuna.storages import RDBStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import URL, create_engine, event, make_url
from sqlalchemy.exc import SQLAlchemyError

from kgprism.platform import configuration
from kgprism.platform.errors import ConfigurationError, first_line
from kgprism.platform.home import home
from kgprism.platform.locks import locked
from kgprism.platform.studies.search.sampling.attributes import AGAIN, BROKEN, GIVEN, REASON, REPEATS, RUN
from kgprism.platform.studies.search.sampling.samplers import sampler
from kgprism.platform.studies.search.soundness import has_tables, holds_studies, refuse_damaged, refuse_unsound
from kgprism.platform.studies.search.spaces.comparison import Goal
from kgprism.platform.studies.search.spaces.region import Region
from kgprism.platform.studies.search.spaces.samplers import Search

_WAYS = {"max": StudyDirection.MAXIMIZE, "min": StudyDirection.MINIMIZE}


def open_study(
    name: str,
    storage: str,
    search: Search,
    objective: Goal,
    seed: int,
    points: Sequence[dict[str, Any]] = (),
    region: Region | None = None,
) -> optuna.Study:
    """Open a study, or continue it; the starting points come first.

    Trials that a killed process left running become failures and their configurations are queued again, in the order
    that makes a second kill harmless. This process must be the only one that carries the study out.

    Raises:
        ConfigurationError: if there is no such storage, or it is damaged; it is then as it was.
    """
    study = begun(name, storage, objective)
    continued(study, storage, search, seed, points, region)
    return study


def begun(name: str, storage: str, objective: Goal, costs: Sequence[str] = ()) -> optuna.Study:
    """Open a study, made if there is none; nothing of its trials is changed. `costs` are minimised besides.

    Raises:
        ConfigurationError: if there is no such storage, or it is damaged; it is then as it was.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with explain_storage(storage, "cannot be opened"), alone_at(storage):
        study = optuna.create_study(
            storage=_opened(storage),
            study_name=name,
            directions=[_WAYS[objective.mode], *[StudyDirection.MINIMIZE] * len(costs)],
            load_if_exists=True,
            pruner=optuna.pruners.NopPruner(),
        )
    with explain_storage(storage, "cannot be read"):
        refuse_unsound(study, objective, {RUN}, len(costs))
    return study


def studies_of(storage: str, name: str | None = None) -> list[optuna.Study]:
    """Return the studies of a storage, or the one of that name if it is there; nothing is made, not even a file.

    Raises:
        ConfigurationError: if there is no such storage, or it is damaged.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with explain_storage(storage, "cannot be read"):
        url = make_url(storage)
        if not (holds_studies(_file(url)) if url.get_backend_name() == "sqlite" else has_tables(url)):
            return []
        opened = _connected(url)
        names = [study.study_name for study in opened.get_all_studies()]
        return [optuna.load_study(study_name=known, storage=opened) for known in names if name is None or name == known]


def refuse_impossible_storage(storage: str) -> None:
    """Refuse, before Ray is started, what cannot be opened for what it is called; a server is not asked.

    Raises:
        ConfigurationError: naming the storage.
    """
    with explain_storage(storage, "cannot be opened"):
        url = make_url(storage)
        if url.get_backend_name() == "sqlite":
            refuse_damaged(_file(url))
        else:
            create_engine(url)


@contextmanager
def explain_storage(storage: str, trouble: str = "fails") -> Iterator[None]:
    """Say in one line, without a password, what a storage ends of. It is left as it is; the store has the runs.

    Raises:
        ConfigurationError: naming the storage.
    """
    kinds: tuple[type[Exception], ...] = (SQLAlchemyError, OptunaError)
    if trouble != "fails":  # else of what is done with it
        # Optuna says with a plain RuntimeError that a file is of another version.
        kinds += (ImportError, LookupError, OSError, ValueError, RuntimeError)
    told = storage
    try:
        told = repr(make_url(storage))
        yield
    except kinds as error:
        # What the database said: Optuna's own words are longer and say less.
        said = first_line(error.__cause__ or error)
        if isinstance(error, ImportError) and "psycopg2" in said:
            said = f"{said}: pip install 'kgprism[postgresql]'"
        raise ConfigurationError(f"--storage {told}: {trouble}: {said}") from None


def continued(
    study: optuna.Study,
    storage: str,
    search: Search,
    seed: int,
    points: Sequence[dict[str, Any]] = (),
    region: Region | None = None,
) -> None:
    """Make a study ready to be asked: what a killed process left running is freed, the starting points are queued.

    `region`: where a grid or a sequence is drawn.
    """
    with explain_storage(storage, "cannot be read"):
        study.sampler = sampler(search, seed, len(study.get_trials(deepcopy=False)), region)
        _continue(study, points)


def _continue(study: optuna.Study, points: Sequence[dict[str, Any]]) -> None:
    trials = study.get_trials(deepcopy=False)
    if not any(trial.state.is_finished() or trial.state == TrialState.RUNNING for trial in trials):
        for point in points:
            study.enqueue_trial(point, {GIVEN: point}, skip_if_exists=True)
    for trial in trials:
        if trial.state == TrialState.RUNNING:
            # What was not drawn to its end is drawn again, in its place.
            given = trial.params if RUN in trial.user_attrs else trial.user_attrs.get(GIVEN)
            if given:
                begun_before = {AGAIN: trial.number} if trial.user_attrs.keys() & {RUN, AGAIN} else {}
                study.enqueue_trial(given, {GIVEN: given} | begun_before)
            study.tell(trial.number, state=TrialState.FAIL)


def unfinished(study: optuna.Study) -> bool:
    """Tell whether there are trials that have begun and not ended, or wait to be begun again after a kill."""
    return any(
        (trial.state == TrialState.RUNNING and RUN in trial.user_attrs)
        or (trial.state == TrialState.WAITING and AGAIN in trial.user_attrs)
        for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING, TrialState.WAITING))
    )


def to_begin_again(study: optuna.Study) -> bool:
    """Tell whether there are trials that a killed process had begun and nobody has begun again."""
    waiting = study.get_trials(deepcopy=False, states=(TrialState.WAITING,))
    return any(AGAIN in trial.user_attrs for trial in waiting)


def evaluated(study: optuna.Study) -> Iterator[FrozenTrial]:
    """Yield the trials that count: repetitions, what must not be and what a kill interrupted do not."""
    for trial in study.get_trials(deepcopy=False):
        failed = trial.state == TrialState.FAIL and REASON in trial.user_attrs
        if not trial.user_attrs.keys() & {REPEATS, BROKEN} and (
            failed or trial.state in (TrialState.COMPLETE, TrialState.PRUNED)
        ):
            yield trial


def evaluated_already(name: str, storage: str) -> int:
    """Return how many trials count of the study of that name; 0 if there is none.

    Raises:
        ConfigurationError: if there is no such storage, or it is damaged.
    """
    found = studies_of(storage, name)
    with explain_storage(storage, "cannot be read"):
        return sum(1 for study in found for _ in evaluated(study))


def sqlite(file: Path) -> str:
    """Return the address of a file, whatever letters its path has: ``?`` and ``%`` mean something else in a URL."""
    return URL.create("sqlite", database=str(file)).render_as_string(hide_password=False)


def _opened(storage: str) -> RDBStorage | str:
    """Open a SQLite file that does not wait for the disk at each of a trial's many small commits.

    A killed process loses nothing by it; a power cut can damage the file, but not the store that holds the runs.
    """
    url = make_url(storage)
    if url.get_backend_name() != "sqlite":
        return storage
    file = _file(url)
    file.parent.mkdir(parents=True, exist_ok=True)
    refuse_damaged(file)
    opened = _connected(url, make=True)
    event.listen(opened.engine, "connect", lambda connection, _: connection.execute("PRAGMA synchronous=OFF"))
    # Connections from before do not know of it.
    opened.engine.dispose()
    return opened


def _connected(url: URL, *, make: bool = False) -> RDBStorage:
    # Braces mean something to Optuna; in a URL that is written anew there are none.
    address = url.render_as_string(hide_password=False)
    patience = {"connect_args": {"timeout": 60}} if url.get_backend_name() == "sqlite" else {}
    return RDBStorage(address, engine_kwargs=patience, skip_table_creation=not make)


def _file(url: URL) -> Path:
    if url.database in (None, "", ":memory:"):
        raise ValueError("it names no file, such as sqlite:////home/me/optuna.db")
    return Path(str(url.database))


def alone_at(storage: str) -> AbstractContextManager[bool]:
    """Let one process at a time make the tables of a new storage, whose Optunas do not expect each other, or claim.

    Of a server, one of this home.
    """
    url = make_url(storage)
    if url.get_backend_name() == "sqlite":
        file = _file(url)
        return locked(file.with_name(f".{file.name}.lock"))
    return locked(home() / "studies" / f".{configuration.digest(storage)}.lock")
