"""What a study has found: the trial that is best, those that none beats in all objectives, and a row for each."""

import optuna
import pandas as pd
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from kgprism.platform.studies.search.sampling.attributes import AGAIN, BROKEN, GIVEN, REPEATS, SECONDS


def best_of(study: optuna.Study) -> FrozenTrial | None:
    """Return the completed trial that is best by the first objective, none if there is none; the first of equals."""
    completed = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    if not completed or len(study.directions) == 1:
        return study.best_trial if completed else None
    sign = -1 if study.directions[0] == StudyDirection.MAXIMIZE else 1
    return min(front_of(study), key=lambda trial: (sign * trial.values[0], trial.number))


def front_of(study: optuna.Study) -> list[FrozenTrial]:
    """Return the trials that no other one beats in all objectives, each run once; none where there is one objective."""
    if len(study.directions) == 1:
        return []
    return [trial for trial in study.best_trials if REPEATS not in trial.user_attrs]


def table_of(study: optuna.Study) -> pd.DataFrame:
    """Return a row a trial; a starting point that nobody came to is no trial yet.

    ``value`` is by what runs pick their epoch; each cost of several objectives has a column of its own.
    ``duration`` is that of the process: a trial may have waited for one.
    """
    table = study.trials_dataframe(attrs=("number", "state", "value", "duration", "params", "user_attrs"))
    # Optuna names the columns by the metrics; every search's table has the same first ones.
    first, *costs = study.metric_names or ["0"]
    named = {f"{before}_{first}": "value" for before in ("value", "values")}
    table = table.rename(columns=named | {f"values_{cost}": cost for cost in costs})
    if f"user_attrs_{BROKEN}" in table:  # proposed, but never a trial
        table = table[table[f"user_attrs_{BROKEN}"].isna()]
    if table.empty:
        return pd.DataFrame(columns=["number", "state", "value", "duration", *costs])
    table = table.drop(columns=[f"user_attrs_{one}" for one in (AGAIN, BROKEN, GIVEN)], errors="ignore")
    if (told := f"user_attrs_{SECONDS}") in table:
        held = pd.to_timedelta(pd.to_numeric(table.pop(told), errors="coerce"), unit="s")
        table["duration"] = held.fillna(table["duration"])
    return table[table["state"] != "WAITING"]
