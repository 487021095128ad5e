"""Early stops: what a space's schedule says, as a scheduler of Ray Tune that remembers what the study has seen.

Successive halving is Ray's, fed again with earlier trials; the others are Optuna's pruners, whose memory is the study.
"""

from types import SimpleNamespace
from typing import Any

import optuna
from optuna.pruners import BasePruner, HyperbandPruner, MedianPruner
from optuna.study import StudyDirection
from ray.tune.schedulers import ASHAScheduler, FIFOScheduler, TrialScheduler

from kgprism.platform.part import Part
from kgprism.platform.studies.search.searcher import StudySearcher
from kgprism.platform.studies.search.spaces.schedules import Halving, Hyperband, Median
from kgprism.platform.studies.search.study import evaluated
from kgprism.platform.studies.search.trainable import CURVE, EPOCH, VALUE


def stopping(schedule: Part, searcher: StudySearcher) -> TrialScheduler | None:
    """Return the early-stopping rule, if any; it remembers what the study saw before this process."""
    match schedule:
        case Halving():
            return halving(schedule, searcher.study)
        case Hyperband():
            rungs = {"min_resource": schedule.min, "max_resource": schedule.max, "reduction_factor": schedule.eta}
            return Pruning(HyperbandPruner(**rungs), searcher, before=schedule.max)
        case Median():
            return Pruning(MedianPruner(n_startup_trials=schedule.startup, n_warmup_steps=schedule.min), searcher)
    return None


def halving(schedule: Halving, study: optuna.Study) -> ASHAScheduler:
    """Return Ray's successive halving, with the rungs that the study's trials have reached."""
    rule = ASHAScheduler(
        time_attr=EPOCH,
        metric=VALUE,
        mode="max" if study.direction == StudyDirection.MAXIMIZE else "min",
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


class Pruning(FIFOScheduler):
    """One of Optuna's pruners as a scheduler; it stops no trial from the epoch `before` on."""

    def __init__(self, pruner: BasePruner, searcher: StudySearcher, before: float = float("inf")) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.pruner, self.searcher, self.before = pruner, searcher, before

    def on_trial_result(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> str:
        """Ask the pruner, after the study was told; a run that has ended is not stopped any more."""
        if CURVE in result or EPOCH not in result or result[EPOCH] >= self.before:
            return TrialScheduler.CONTINUE
        self.searcher.on_trial_result(trial.trial_id, result)
        return TrialScheduler.STOP if self.searcher.prunes(trial.trial_id, self.pruner) else TrialScheduler.CONTINUE

    def __getstate__(self) -> dict[str, Any]:
        """Leave nothing for Tune to pickle."""
        return {}
