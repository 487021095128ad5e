"""The searches of a home, or of one storage, as their studies tell of them; an unfinished one is found by its name."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import optuna
from optuna.trial import TrialState

from kgprism.platform.errors import ConfigurationError, nearest
from kgprism.platform.home import home
from kgprism.platform.kept import DamagedError
from kgprism.platform.studies.search.driver import alive, driver_of
from kgprism.platform.studies.search.request import Asked, Request, asked_of, exhausted_at, recalled
from kgprism.platform.studies.search.running.account import spent_on
from kgprism.platform.studies.search.soundness import explain_damaged
from kgprism.platform.studies.search.spaces.budget import budget as budget_of
from kgprism.platform.studies.search.study import evaluated, explain_storage, sqlite, studies_of, unfinished
from kgprism.platform.studies.search.trials import best_of
from kgprism.platform.studies.suites.reading.document import quoted


@dataclass(frozen=True)
class Listed:
    """A search. What its study does not say, as one begun by an earlier version, is empty."""

    name: str
    state: Literal["running", "finished", "interrupted"]
    method: str
    dataset: str
    trials: int
    asked: int | None
    objective: str
    best: float | None
    run: str
    where: str
    storage: str


def searches(storage: str | None = None, unreadable: Callable[[str], None] | None = None) -> list[Listed]:
    """Return all searches of a storage, or of this home's own files, by name; nothing is written.

    Of a home, a file that cannot be read keeps no other's searches back: `unreadable` hears why.

    Raises:
        ConfigurationError: if a storage cannot be read, and nobody hears of it.
    """
    found: list[Listed] = []
    for place in _places(storage):
        try:
            studies = studies_of(place)
        except ConfigurationError as error:
            if storage or not unreadable:
                raise
            unreadable(str(error))
            continue
        for study in studies:
            try:
                with explain_storage(place, "cannot be read"), explain_damaged(study.study_name):
                    found.append(_listed(study, place))
            except ConfigurationError as error:
                if not unreadable:
                    raise
                unreadable(str(error))
    return sorted(found, key=lambda listed: listed.name)


def found_by_name(
    name: str, storage: str | None = None, trials: int | None = None, budget: str | None = None
) -> Request:
    """Return the search of a name, to go on with it.

    Raises:
        ConfigurationError: if there is none, naming the nearest, or several; or if it cannot be gone on with.
    """
    return recalled(*named(name, storage, "--resume: "), trials=trials, budget=budget)


def named(name: str, storage: str | None = None, asking: str = "") -> tuple[optuna.Study, str]:
    """Return the study of a name and its storage; an error begins with what is `asking`.

    Raises:
        ConfigurationError: if there is none, naming the nearest, or several.
    """
    found, broken = [], []
    option = "NAME@STORAGE" if asking.startswith("warm start") else "--storage"
    for place in _places(storage):
        try:
            found += [(study, place) for study in studies_of(place, name)]
        except ConfigurationError as error:
            broken.append(error)
    if not found and broken:
        raise broken[0]
    if not found:
        words = [study.study_name for place in _places(storage) for study in studies_of(place)]
        elsewhere = "" if storage else f"; one in a storage of its own needs {option}"
        raise ConfigurationError(f"{asking}no search {quoted(name)}{nearest(name, words)}: see `tune list`{elsewhere}")
    if len(found) > 1:
        places = " or ".join(place for _, place in found)
        raise ConfigurationError(f"{asking}'{name}' is there {len(found)} times: say {option} {places}")
    return found[0]


def _places(storage: str | None) -> list[str]:
    if storage is not None:
        return [storage]
    return [sqlite(file) for file in sorted((home() / "studies").glob("*/optuna.db"))]


def _listed(study: optuna.Study, storage: str) -> Listed:
    asked, trials = _asked(study), list(evaluated(study))
    best = best_of(study)
    driver = driver_of(study)
    running = driver is not None and alive(driver)
    exhausted = exhausted_at(study)
    through = asked is not None and (asked.trials <= max(len(trials), exhausted) or _spent(study, asked))
    # Of a search that does not say what was asked for, only left-overs tell that it has not come to its end.
    left = any(trial.state == TrialState.RUNNING for trial in study.get_trials(deepcopy=False))
    return Listed(
        name=study.study_name,
        state="running" if running else "finished" if through or (asked is None and not left) else "interrupted",
        method=asked.method if asked else "",
        dataset=asked.dataset if asked else "",
        trials=len(trials),
        asked=asked.trials if asked else None,
        objective=", ".join([asked.objective, *asked.costs]) if asked else "",
        best=best.values[0] if best else None,
        run=str(best.user_attrs.get("run", "")) if best else "",
        where=str(driver) if running else "",
        storage=storage,
    )


def _spent(study: optuna.Study, asked: Asked) -> bool:
    try:
        spent = asked.budget is not None and spent_on(study).over(budget_of(asked.budget))
        return spent and not unfinished(study)
    except ValueError:  # another program's
        return False


def _asked(study: optuna.Study) -> Asked | None:
    try:
        return asked_of(study)
    except DamagedError:  # another program's: listed by what Optuna says
        return None
