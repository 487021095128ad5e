"""What the trials of a search are compared by: what a run picks its epoch by, on data that are the same for all."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, get_args

from pydantic import Field

from kgprism.platform.configuration import Overrides
from kgprism.platform.errors import nearest
from kgprism.platform.method import Method
from kgprism.platform.part import Settings, fields
from kgprism.platform.settings import DIRECTIONS, METRICS, AlignmentEvaluation, CompletionEvaluation, Evaluation
from kgprism.platform.studies.suites.reading.document import Document, Place

#: Keys that decide on which pairs or triples a trial is judged: tuned, the easiest wins. All that is the judge's own,
#: ``eval.*``, is one of them.
JUDGED_ON = (
    "data.seed_ratio",
    "data.split",
    "data.split_seed",
    "data.seeds",
    "data.valid",
    "data.holdout",
    "data.holdout_seed",
    "eval",
)
_TOLD, _FORM = "valid/[^/]+/[^/]+", "such as valid/l2r/mrr"
_JUDGES: Mapping[str, type[Evaluation]] = {"alignment": AlignmentEvaluation, "completion": CompletionEvaluation}


#: What may be minimised beside: of the run that is stored. ``seconds`` are of the clock, ``parameters`` of the weights.
COSTS = ("seconds", "cpu_seconds", "peak_bytes", "parameters")


class Aim(Settings):
    """One of several objectives: what runs pick their epoch by stands first, behind it what they cost."""

    metric: str
    mode: Literal["max", "min"] | None = Field(None, description="none: what is better by this number")


class Goal(Settings):
    """What is compared; test numbers never choose."""

    metric: str = Field("valid/l2r/mrr", pattern=rf"^{_TOLD}$")
    mode: Literal["max", "min"] = "max"

    def selection(self) -> dict[str, Any]:
        """Return the settings by which a run picks its epoch by this number: a trial's value is its run's."""
        _, direction, metric = self.metric.split("/")
        return {"eval.direction": direction, "eval.metric": metric}


def goal_of(run: Overrides) -> Goal:
    """Return what a run of this flat configuration picks its epoch by."""
    metric = run["eval.metric"]
    return Goal(metric=f"valid/{run['eval.direction']}/{metric}", mode="min" if METRICS[metric].lowest else "max")


def objectives(task: str) -> list[str]:
    """Return by what a run may pick its epoch, such as ``valid/l2r/mrr``."""
    ways = get_args(_JUDGES[task].model_fields["direction"].annotation)
    return [f"valid/{way}/{name}" for way in DIRECTIONS[task] if way in ways for name in METRICS]


def stateless(config: type[Settings], prefix: str = "") -> set[str]:
    """Return the dotted keys, those of all parts included, that stay out of a run's identity."""
    found = {prefix + name for name in config.stateless_keys()}
    for name, members in fields(config).items():
        for member in members:
            found |= stateless(member, f"{prefix}{name}.")
    return found


def first_of(document: Document, aims: Sequence[Aim], goal: Goal | None) -> Goal | None:
    """Return the objective that runs pick their epoch by, be it alone or the first of several.

    Raises:
        ConfigurationError: if there are both, or another one than the first is no cost.
    """
    if not aims:
        return goal
    if goal is not None:
        raise document.error(("objective",), "either objective or objectives")
    for number, aim in enumerate(aims):
        place = ("objectives", number, "metric")
        if number and aim.metric not in COSTS:
            told = f"'{aim.metric}': behind the first objective stand costs{nearest(aim.metric, COSTS)}"
            raise document.error(place, told)
        if aim.metric in [before.metric for before in aims[:number]]:
            raise document.error(place, f"'{aim.metric}' stands twice")
        if number and aim.mode == "max":
            raise document.error(("objectives", number, "mode"), f"the best {aim.metric} is the minimum: mode: min")
    metric, mode = aims[0].metric, aims[0].mode
    if not re.fullmatch(_TOLD, metric):
        raise document.error(("objectives", 0, "metric"), f"'{metric}': expected what runs are picked by, {_FORM}")
    least = any(metric.endswith(f"/{word}") and known.lowest for word, known in METRICS.items())
    return Goal(metric=metric, mode=mode or ("min" if least else "max"))


def refuse_incomparable(document: Document, goal: Goal | None, tuned: Iterable[str], method: type[Method]) -> None:
    """Refuse an objective that no epoch is picked by, or that the worst trial would win, and keys that none may tune.

    These are those of `JUDGED_ON`, and the stateless ones, which change no number: all their values are one run.

    Raises:
        ConfigurationError: naming file, line and the nearest objective.
    """
    if goal is not None:
        where: Place = ("objectives", 0) if "objectives" in document.content else ("objective",)
        task = method.task
        known = objectives(task)
        if goal.metric not in known:
            # Another task's number has its like in this one, under another direction.
            like = f"valid/{DIRECTIONS[task][0]}/{goal.metric.rpartition('/')[2]}"
            near = nearest(like if like in known else goal.metric, known)
            told = f"'{goal.metric}': no run of {task} picks its epoch by it{near}"
            raise document.error((*where, "metric"), told)
        best = goal_of(goal.selection()).mode
        if goal.mode != best:
            raise document.error((*where, "mode"), f"the best {goal.metric} is the {best}imum: mode: {best}")
    idle = stateless(method.Config)
    for key in tuned:
        if key in idle:
            raise document.error(("params", key), f"{key} changes no number of a run: do not tune it, use --set")
        if any(key == judged or key.startswith(f"{judged}.") for judged in JUDGED_ON):
            raise document.error(("params", key), f"{key} decides what is compared: do not tune it, use --set")
