"""The function that Tune runs. Processes that Tune starts and drops load this file, so it imports next to nothing."""

from collections.abc import Callable, Mapping
from typing import Any

from ray import tune

from kgprism.platform.errors import KgprismError, RunError

#: Epoch -> value of the objective.
Curve = Mapping[int, float]
#: Tells one intermediate value, ``report(epoch, value)``; it does not return if the trial is stopped.
Report = Callable[[int, float], None]
#: Carries one configuration out and returns the whole curve; a KgprismError is a failed trial.
Objective = Callable[[Mapping[str, Any], Report], Curve]
#: Keys of what a trial reports; ``CURVE`` comes last and says that the trial ran to its end.
EPOCH, VALUE, CURVE, FAILED = "epoch", "value", "curve", "failed"
#: ... or that it gave its place back at once.
ELSEWHERE = "elsewhere"


class ElsewhereError(Exception):
    """Another process carries the run out: a trial that waited for it would hold what that one may need."""


def trainable(config: Mapping[str, Any], objective: Objective) -> None:
    """Carry one configuration out and tell Tune how it went."""
    try:
        curve = objective(config["overrides"], lambda epoch, value: tune.report({EPOCH: epoch, VALUE: value}))
        if not curve:
            raise RunError("the run reported no value")
    except ElsewhereError:
        tune.report({VALUE: float("nan"), ELSEWHERE: True})
    except KgprismError as error:
        # A report instead of an exception: Tune keeps the process and does not try again.
        tune.report({VALUE: float("nan"), FAILED: str(error)})
    else:
        last = max(curve)
        tune.report({EPOCH: last, VALUE: curve[last], CURVE: list(curve.items())})
