"""Ray Tune's questions, answered by an Optuna study that is told the whole truth.

Only Optuna's public ask and tell. A trial that the scheduler stopped is PRUNED; one that crashed or whose metric is not
a number is FAIL; a finished one is COMPLETE with its best value, not its last.
"""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import optuna
from optuna.exceptions import UpdateFinishedTrialError
from optuna.pruners import BasePruner
from optuna.trial import TrialState
from ray.tune.search import Searcher

from kgprism.platform.configuration import Overrides, digest
from kgprism.platform.errors import ConfigurationError
from kgprism.platform.studies.search.asked import AskedTrial, KnownTrial
from kgprism.platform.studies.search.sampling.attributes import REASON, REPEATS, RUN, SECONDS
from kgprism.platform.studies.search.sampling.proposals import Proposals
from kgprism.platform.studies.search.spaces.region import Region
from kgprism.platform.studies.search.study import evaluated
from kgprism.platform.studies.search.trainable import CURVE, ELSEWHERE, EPOCH, FAILED, VALUE, Curve
from kgprism.platform.training.outcome import Row

#: What ends a search before it has all its trials.
EXHAUSTED, UNMET, BUDGET = "exhausted", "unmet", "budget"
_FINISHED: Any = Searcher.FINISHED


@dataclass(frozen=True)
class Recalled:
    """Who a configuration is, and its curve if it was ever carried out."""

    identity: str
    curve: Curve | None = None


@dataclass(frozen=True)
class TrialNews:
    """What happened to one trial; ``value`` is its best so far. ``epoch``: of what was judged, or trained (``row``)."""

    trial: int
    state: Literal["started", "waiting", "epoch", "running", "complete", "pruned", "failed", "repeated"]
    overrides: Overrides
    identity: str
    epoch: int | None = None
    value: float | None = None
    reason: str = ""
    row: Row | None = None


Listener = Callable[[TrialNews], None]


def _by_value(overrides: Overrides) -> Recalled:
    """Know a configuration by its values alone."""
    return Recalled(digest(dict(overrides)))


class StudySearcher(Searcher):
    """Asks the study until `trials` configurations are evaluated, those of earlier processes included.

    Once another process has taken the study over, its trials are no longer asked for nor told.
    """

    def __init__(
        self,
        study: optuna.Study,
        suggest: Callable[[optuna.Trial], dict[str, Any]],
        trials: int,
        *,
        recall: Callable[[Overrides], Recalled] = _by_value,
        elsewhere: Callable[[str], bool] = lambda identity: False,
        costs: Callable[[str], Mapping[str, float | None]] = lambda identity: {},
        region: Region | None = None,
        spent: Callable[[int], bool] = lambda running: False,
        listener: Listener = lambda news: None,
        lost: Callable[[], bool] = bool,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        maximised = study.directions[0] == optuna.study.StudyDirection.MAXIMIZE
        super().__init__(metric=VALUE, mode="max" if maximised else "min")
        self.study, self.recall, self.listener = study, recall, listener
        self.proposals = Proposals(study, suggest, region)
        self.elsewhere, self.lost, self.best = elsewhere, lost, max if maximised else min
        #: what a finished run costs, which is minimised besides
        self.costs, self._asked = costs, partial(AskedTrial, clock=clock)
        #: whether the budget is spent, so many trials having a process until now
        self.spent = spent
        #: what ended it early: only known configurations were proposed, none that was allowed, or the budget is spent
        self.ended = ""
        self.running: dict[str, AskedTrial] = {}
        #: whose runs other processes carry out; `left` counts them
        self.waiting: list[AskedTrial] = []
        self.held: AskedTrial | None = None
        self.known = {t.user_attrs[RUN]: KnownTrial.of(t) for t in evaluated(study) if RUN in t.user_attrs}
        self.left = trials - sum(1 for _ in evaluated(study))

    @property
    def holding(self) -> int:
        """How many trials hold processors: others wait until one of them ends."""
        return sum(1 for asked in self.running.values() if asked.held)

    def on_trial_start(self, trial_id: str) -> None:
        """Note that a trial's process is there."""
        self.running[trial_id].begin()

    def on_trial_lost(self, trial_id: str) -> None:
        """Note that a trial's process has died; it may get another one."""
        if trial_id in self.running:
            self.running[trial_id].end()

    def suggest(self, trial_id: str) -> dict[str, Any] | None:
        """Return the next configuration, none while it must wait for others, or that there is nothing left."""
        if self.lost():
            return _FINISHED
        if self._over():
            return _FINISHED
        repeats, freed = 0, self._freed()
        while self.left > len(self.waiting) and (freed or self.held or self._more(repeats)):
            asked = freed or self.held or self._ask(repeats)
            freed, self.held = None, self.held if freed else None
            if asked is None or self._repeated(asked):
                repeats += asked is not None
                if self._over():
                    return _FINISHED
                continue
            if any(other.identity == asked.identity for other in (*self.running.values(), *self.waiting)):
                self.held = asked
                return None
            if self.elsewhere(asked.identity):
                self._put_back(asked)
                continue
            self.left -= 1
            self.running[trial_id] = asked
            self._tell_listener(asked, "started")
            return {"overrides": asked.overrides}
        if self.left > len(self.waiting):
            self.ended = UNMET if self.proposals.unmet else EXHAUSTED
        return None if self.waiting else _FINISHED

    def _over(self) -> bool:
        self.ended = BUDGET if self.left > 0 and self.spent(self.holding) else self.ended
        return self.ended == BUDGET

    def _more(self, repeats: int) -> bool:
        return not self.ended and self.proposals.more(repeats)

    def _freed(self) -> AskedTrial | None:
        """Return one of those that waited if nobody carries it out any more; tell the study of those that finished."""
        for asked in tuple(self.waiting):
            curve = self.recall(asked.overrides).curve
            if not curve and self.elsewhere(asked.identity):
                continue
            self.waiting.remove(asked)
            if not curve:
                return asked
            self._finish(asked, curve)
            self.left -= 1
        return None

    def _put_back(self, asked: AskedTrial) -> None:
        """Let a configuration wait, without a process, for the other one that carries its run out."""
        asked.end()
        self.waiting.append(asked)
        self._tell_listener(asked, "waiting", "another process carries it out")

    def _ask(self, repeats: int) -> AskedTrial | None:
        """Ask the study once; where it must not be carried out, or its run is finished, tell the study at once."""
        proposed = self.proposals.propose(repeats)
        if proposed is None:
            return None
        trial, overrides = proposed
        try:
            recalled = self.recall(overrides)
        except ConfigurationError as error:
            self._tell(self._asked(trial, overrides, digest(overrides)), TrialState.FAIL, str(error))
            self.left -= 1
            return None
        trial.set_user_attr(RUN, recalled.identity)
        asked = self._asked(trial, overrides, recalled.identity)
        if recalled.curve and recalled.identity not in self.known:
            self._finish(asked, recalled.curve)
            self.left -= 1
            return None
        return asked

    def _repeated(self, asked: AskedTrial) -> bool:
        """Tell the study what it should know about a configuration that it proposes again."""
        known = self.known.get(asked.identity)
        if known is None:
            return False
        asked.trial.set_user_attr(REPEATS, known.number)
        self._report(asked, known.curve)
        values = known.values if known.state == TrialState.COMPLETE else None
        if known.reason:
            asked.trial.set_user_attr(REASON, known.reason)
        self.study.tell(asked.trial, values, state=known.state)
        self._tell_listener(asked, "repeated", known.reason)
        return True

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        """Tell the study one intermediate value."""
        asked = self.running[trial_id]
        asked.begin()
        if EPOCH in result and int(result[EPOCH]) not in asked.curve:
            self._report(asked, {int(result[EPOCH]): result[VALUE]})
            self._tell_listener(asked, "running")

    def prunes(self, trial_id: str, pruner: BasePruner) -> bool:
        """Ask one of Optuna's pruners about a trial as the study knows it."""
        number = self.running[trial_id].trial.number
        return pruner.prune(self.study, self.study.get_trials(deepcopy=False)[number])

    def on_epoch(self, identity: str, row: Row) -> None:
        """Tell the listener of an epoch of a run under way."""
        for asked in self.running.values():
            if asked.identity == identity:
                news = TrialNews(asked.trial.number, "epoch", asked.overrides, identity, int(row["epoch"]), row=row)
                self.listener(replace(news, value=self._value(asked)))

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """Tell the study how a trial ended."""
        if error or not result or VALUE not in result:
            reason = "the process died or raised an error" if error else "ended without a value"
            self._tell(self.running.pop(trial_id), TrialState.FAIL, reason)
        elif ELSEWHERE in result:
            self.left += 1
            self._put_back(self.running.pop(trial_id))
        elif FAILED in result:
            self._tell(self.running.pop(trial_id), TrialState.FAIL, result[FAILED])
        elif CURVE in result:
            self._finish(self.running.pop(trial_id), dict(result[CURVE]))
        else:
            # The scheduler's last word came with this result.
            self.on_trial_result(trial_id, result)
            self._tell(self.running.pop(trial_id), TrialState.PRUNED)

    def _finish(self, asked: AskedTrial, curve: Curve) -> None:
        """Tell a whole curve: its best value, or a failure if one of its values is not a number."""
        self._report(asked, curve)
        wrong = [epoch for epoch, value in asked.curve.items() if not math.isfinite(value)]
        costs = self.costs(asked.identity)
        untold = [name for name, cost in costs.items() if cost is None]
        if wrong:
            self._tell(asked, TrialState.FAIL, f"the value of epoch {wrong[0]} is not a number")
        elif untold:
            self._tell(asked, TrialState.FAIL, f"its run does not tell its {untold[0]}")
        else:
            self._tell(asked, TrialState.COMPLETE, costs=[cost for cost in costs.values() if cost is not None])

    def _report(self, asked: AskedTrial, curve: Curve) -> None:
        for epoch, value in curve.items():
            if epoch not in asked.curve:
                asked.curve[epoch] = value
                if len(self.study.directions) > 1:  # Optuna knows no values on the way to several
                    continue
                with suppress(UpdateFinishedTrialError):  # who has taken the study over freed it
                    asked.trial.report(value, epoch)

    def _tell(self, asked: AskedTrial, state: TrialState, reason: str = "", costs: Sequence[float] = ()) -> None:
        value = self._value(asked) if state == TrialState.COMPLETE else None
        values = None if value is None else [value, *costs]
        with suppress(UpdateFinishedTrialError):
            if state == TrialState.FAIL:
                asked.trial.set_user_attr(REASON, reason)
            asked.trial.set_user_attr(SECONDS, asked.seconds)
            self.study.tell(asked.trial, values, state=state, skip_if_finished=True)
        self.known[asked.identity] = KnownTrial(asked.trial.number, state, asked.curve, values, reason)
        names = {TrialState.COMPLETE: "complete", TrialState.PRUNED: "pruned", TrialState.FAIL: "failed"}
        self._tell_listener(asked, names[state], reason)

    def _value(self, asked: AskedTrial) -> float | None:
        finite = [value for value in asked.curve.values() if math.isfinite(value)]
        return self.best(finite) if finite else None

    def _tell_listener(self, asked: AskedTrial, state: Any, reason: str = "") -> None:
        epoch = max(asked.curve, default=None)
        value = self._value(asked)
        self.listener(TrialNews(asked.trial.number, state, asked.overrides, asked.identity, epoch, value, reason))

    def __getstate__(self) -> dict[str, Any]:
        """Leave nothing for Tune to pickle: the storage is the memory, and Tune's state is thrown away."""
        return {}

    def save(self, checkpoint_path: str) -> None:
        """Make the file that Tune wants to see."""
        Path(checkpoint_path).touch()

    def restore(self, checkpoint_path: str) -> None:
        """Refuse: a sweep is planned anew from its storage."""
        raise NotImplementedError("a sweep goes on by running it again")
