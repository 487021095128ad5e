"""Whether an Optuna file is what Optuna wrote: looked at before anything is written to it, so that nothing is lost."""

import math
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

import optuna
from optuna.trial import TrialState
from sqlalchemy import URL, create_engine, inspect

from kgprism.platform.errors import ConfigurationError, first_line
from kgprism.platform.studies.search.spaces.comparison import Goal

#: What every version of Optuna has had; it makes anew what is missing of these, and so forgets what was there.
_TABLES = {"studies", "study_directions", "trials", "trial_params", "trial_values", "trial_user_attributes"}
#: Without these Optuna takes a file for one of its first versions, and writes to it when it only looks.
_VERSIONS = {"alembic_version", "version_info"}
_FAULTS = (ValueError, LookupError, TypeError, AttributeError)
_ADVICE = "move it away and search anew: finished trials are runs in the store, which are not trained again"


def refuse_damaged(file: Path) -> None:
    """Look through a SQLite file without writing to it; one that is not there or empty is as good as new.

    Half a commit of a process that was killed is taken back, as by whoever opens the file.

    Raises:
        ValueError: saying what to do.
    """
    _tables(file)


def holds_studies(file: Path) -> bool:
    """Tell whether a SQLite file is there and has Optuna's tables; it is looked through as by `refuse_damaged`.

    Raises:
        ValueError: saying what to do.
    """
    return _tables(file) >= _TABLES | _VERSIONS


def has_tables(url: URL) -> bool:
    """Tell whether a server's database has Optuna's tables: one that is new has none."""
    engine = create_engine(url)
    try:
        return {*inspect(engine).get_table_names()} >= _TABLES | _VERSIONS
    finally:
        engine.dispose()


def _tables(file: Path) -> set[str]:
    if not file.exists() or (file.is_file() and not file.stat().st_size):
        return set()
    try:
        mode = "rw" if file.with_name(f"{file.name}-journal").exists() else "ro"
        # Another process may be writing.
        with closing(sqlite3.connect(f"file:{quote(str(file))}?mode={mode}", uri=True, timeout=60)) as opened:
            (found,) = opened.execute("PRAGMA quick_check(1)").fetchone()
            tables = {name for (name,) in opened.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    except sqlite3.Error as error:
        raise ValueError(f"{error}; {_ADVICE}") from None
    if found != "ok":
        raise ValueError(f"it is damaged ({' '.join(found.split())}); {_ADVICE}")
    if tables & _TABLES and not tables >= _TABLES:
        raise ValueError(f"it is damaged (no table {min(_TABLES - tables)}); {_ADVICE}")
    return tables


def refuse_unsound(study: optuna.Study, objective: Goal, attributes: set[str], costs: int = 0) -> None:
    """Read all of a study; each completed trial must have its value, so many costs, and these attributes.

    Raises:
        ValueError: saying what to do.
    """
    try:
        wanted = objective.mode == "max"
        if len(study.directions) != 1 + costs:
            raise ValueError(f"its study has another number of objectives, {len(study.directions)}")
        if (study.directions[0] == optuna.study.StudyDirection.MAXIMIZE) != wanted:
            raise ValueError(f"its study searches for the {'least' if wanted else 'most'}")
        for trial in study.get_trials(deepcopy=False):
            if trial.state == TrialState.COMPLETE:
                if trial.values is None or not all(map(math.isfinite, trial.values)):
                    raise ValueError(f"trial {trial.number} is complete, but has no value")
                if missing := attributes - set(trial.user_attrs):
                    raise ValueError(f"trial {trial.number} is complete, but has no {min(missing)}")
    except (*_FAULTS, RuntimeError) as error:
        raise ValueError(f"it is damaged ({error}); {_ADVICE}") from None


@contextmanager
def explain_damaged(name: str) -> Iterator[None]:
    """Say in one line that a study tells what no search does.

    Raises:
        ConfigurationError: naming it.
    """
    try:
        yield
    except _FAULTS as error:
        raise ConfigurationError(f"search '{name}': cannot be read: it is damaged ({first_line(error)})") from None
