"""Studies in memory, as a search would have told them."""

from collections.abc import Callable
from typing import Any

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution
from optuna.trial import TrialState, create_trial

from kgprism.platform.studies.search.after.findings import Findings, findings

RATE = FloatDistribution(1e-4, 1e-1, log=True)
KIND = CategoricalDistribution(["sum", "low_rank"])
RANK = FloatDistribution(0, 10)

optuna.logging.set_verbosity(optuna.logging.ERROR)


def trial(value: float | tuple[float, ...] | None = None, state: TrialState | None = None, **told: Any) -> Any:
    """Return a trial: `rate`, `kind` and `rank` are drawn where they are given."""
    known = {"rate": RATE, "kind": KIND, "rank": RANK}
    drawn = {key: told[key] for key in known if key in told}
    values = None if value is None else value if isinstance(value, tuple) else (value,)
    return create_trial(
        state=state if state is not None else TrialState.COMPLETE if values else TrialState.FAIL,
        values=values,
        params=drawn,
        distributions={key: known[key] for key in drawn},
        user_attrs=told.get("attributes", {"run": "0" * 16}),
        intermediate_values=told.get("curve", {}),
    )


@pytest.fixture
def found() -> Callable[..., Findings]:
    """Return ``found(trials, directions=..., name=...)``."""

    def make(trials: list[Any], directions: tuple[str, ...] = ("maximize",), name: str = "mine") -> Findings:
        study = optuna.create_study(directions=directions, study_name=name)
        study.add_trials(trials)
        return findings(study, "sqlite:///nowhere.db")

    return make


@pytest.fixture(name="trial")
def _trial() -> Callable[..., Any]:
    """Return `trial` itself, for tests in files beside."""
    return trial
