"""What a study tells of its search, finished or not, as plain data: trials, what was asked, how good each was."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import optuna
from optuna.distributions import BaseDistribution
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from kgprism.platform.kept import DamagedError
from kgprism.platform.studies.search.request import Asked, asked_of
from kgprism.platform.studies.search.sampling.attributes import BROKEN, REASON, REPEATS, RUN, SECONDS

State = Literal["complete", "pruned", "failed", "running"]


@dataclass(frozen=True)
class Seen:
    """A trial. ``values`` are there once it is complete, ``curve`` is what it told on its way."""

    number: int
    state: State
    values: tuple[float, ...]
    curve: Mapping[int, float]
    seconds: float | None
    parameters: Mapping[str, Any]
    run: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Findings:
    """A search as far as it is. ``asked`` is none where its study does not say; ``repeated`` counts known proposals."""

    name: str
    storage: str
    asked: Asked | None
    objectives: tuple[str, ...]
    maximised: tuple[bool, ...]
    trials: tuple[Seen, ...]
    distributions: Mapping[str, BaseDistribution]
    repeated: int = 0
    study: optuna.Study | None = field(default=None, compare=False, repr=False)

    @cached_property
    def complete(self) -> tuple[Seen, ...]:
        """The trials that ran to their end."""
        return tuple(trial for trial in self.trials if trial.state == "complete")

    @cached_property
    def best(self) -> tuple[Seen, ...]:
        """The best complete trial; with several objectives those that no other one beats in all, by the first one."""
        if len(self.objectives) > 1:
            front = {one.number for one in self.complete if not any(self.beats(other, one) for other in self.complete)}
            return tuple(one for one in self.ordered if one.number in front)
        return tuple(self.ordered[:1]) if self.complete else ()

    @cached_property
    def ordered(self) -> tuple[Seen, ...]:
        """All trials, the best by the first objective first; those without a value are last."""
        sign = -1 if self.maximised[0] else 1
        return tuple(
            sorted(self.trials, key=lambda one: (not one.values, sign * one.values[0] if one.values else 0, one.number))
        )

    def reached(self, trial: Seen) -> float | None:
        """Return the best that a trial told on its way, where there is one objective."""
        best = max if self.maximised[0] else min
        told = [value for value in trial.curve.values() if math.isfinite(value)]
        return best(told) if told and len(self.objectives) == 1 else None

    def beats(self, one: Seen, other: Seen) -> bool:
        """Tell whether a trial is as good in every objective and better in one."""
        pairs = zip(self.maximised, one.values, other.values, strict=True)
        ahead = [mine - theirs if most else theirs - mine for most, mine, theirs in pairs]
        return min(ahead) >= 0 and max(ahead) > 0


def findings(study: optuna.Study, storage: str) -> Findings:
    """Return what a study tells now; nothing is written to it."""
    trials = study.get_trials(deepcopy=False)
    counted = [trial for trial in trials if _counts(trial)]
    asked = _asked(study)
    names = study.metric_names or ([asked.objective] if asked and len(study.directions) == 1 else None)
    return Findings(
        name=study.study_name,
        storage=storage,
        asked=asked,
        objectives=tuple(names or [f"objective {n + 1}" for n in range(len(study.directions))]),
        maximised=tuple(way == StudyDirection.MAXIMIZE for way in study.directions),
        trials=tuple(_seen(trial) for trial in counted),
        distributions=_together(counted),
        repeated=sum(REPEATS in trial.user_attrs for trial in trials),
        study=study,
    )


def file_name(name: str) -> str:
    """Return what a file of a search is called: another program's name may lead out of its folder, or be too long."""
    return re.sub(r"[/\\\0]", "_", name).lstrip(".")[:100] or "search"


def _asked(study: optuna.Study) -> Asked | None:
    try:
        return asked_of(study)
    except DamagedError:  # another program's
        return None


def _counts(trial: FrozenTrial) -> bool:
    """Tell whether a trial is one: not a proposal that was known or not allowed, nor what a kill interrupted."""
    if trial.state == TrialState.WAITING or {REPEATS, BROKEN} & set(trial.user_attrs):
        return False
    return trial.state != TrialState.FAIL or REASON in trial.user_attrs


def _seen(trial: FrozenTrial) -> Seen:
    states: dict[TrialState, State] = {
        TrialState.COMPLETE: "complete",
        TrialState.PRUNED: "pruned",
        TrialState.FAIL: "failed",
    }
    return Seen(
        number=trial.number,
        state=states.get(trial.state, "running"),
        values=tuple(trial.values or ()) if trial.state == TrialState.COMPLETE else (),
        curve=dict(trial.intermediate_values),
        seconds=_seconds(trial),
        parameters=dict(trial.params),
        run=str(trial.user_attrs.get(RUN, "")),
        reason=str(trial.user_attrs.get(REASON, "")),
    )


def _seconds(trial: FrozenTrial) -> float | None:
    """Return how long it had its process; earlier versions knew only when it was asked for."""
    told, start, end = trial.user_attrs.get(SECONDS), trial.datetime_start, trial.datetime_complete
    if isinstance(told, float) and math.isfinite(told):
        return told
    return (end - start).total_seconds() if start and end else None


def _together(trials: Sequence[FrozenTrial]) -> dict[str, BaseDistribution]:
    """Return every parameter that any trial has drawn, with its last distribution."""
    return {key: one for trial in trials for key, one in trial.distributions.items()}
