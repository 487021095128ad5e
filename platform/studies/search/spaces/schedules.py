"""Whether bad trials end early; the unit is epochs."""

import math
from typing import Literal

from pydantic import Field, model_validator

from kgprism.platform.part import Part


class _Rungs(Part):
    min: int = Field(ge=1, description="no trial is stopped before")
    max: int = Field(ge=1, description="no trial is stopped after")
    eta: float = Field(3, gt=1)

    @model_validator(mode="after")
    def _ordered(self) -> "_Rungs":
        if self.min > self.max:
            raise ValueError(f"min is larger than max, {self.max}")
        return self


class Halving(_Rungs):
    """Asynchronous successive halving: at each rung, only the best of `eta` goes on."""

    kind: Literal["asha"] = "asha"


class Hyperband(_Rungs):
    """Several successive halvings beside each other, of which some are more patient: `eta` is a whole number."""

    kind: Literal["hyperband"] = "hyperband"
    eta: int = Field(3, ge=2)


class Median(Part):
    """A trial ends whose best value so far is below the median of the others' at the same epoch."""

    kind: Literal["median"] = "median"
    min: int = Field(ge=1, description="no trial is stopped before")
    startup: int = Field(5, ge=1, description="finished trials before which none is stopped")


class Patient(Part):
    """Every trial runs to its end."""

    kind: Literal["none"] = "none"


Schedule = Halving | Hyperband | Median | Patient


def idle(schedule: Schedule, *, every: int, epochs: int, trials: int) -> str:
    """Say why a schedule can stop no trial that is judged every so many epochs and at its last; nothing if it can.

    The last epoch stops nothing: there the run is finished.
    """
    if isinstance(schedule, Patient):
        return ""
    least = schedule.min
    first = every * math.ceil(least / every)
    last = min(epochs, schedule.max) if isinstance(schedule, Hyperband) else epochs
    told = ""
    if every >= epochs:
        told = f"the first evaluation is at epoch {every}, trials have {epochs}"
    elif least >= epochs:
        told = f"its min is epoch {least}, trials have {epochs}"
    elif first >= last:
        told = f"the first evaluation from epoch {least} on is at epoch {first}, "
        told += f"trials have {epochs}" if last == epochs else f"its max is epoch {last}"
    elif isinstance(schedule, Median) and schedule.startup >= trials:
        told = f"{schedule.startup} must have ended before (startup), the search has {trials}"
    return f"schedule {schedule.kind}: no trial can be stopped: {told}" if told else ""
