"""What a search has spent so far: noted in its study while it goes on, so that a kill forgets a few seconds at most."""

import time
from collections.abc import Callable
from typing import Any

import optuna
from pydantic import Field

from kgprism.platform.kept import DamagedError, Kept, checked
from kgprism.platform.studies.search.spaces.budget import Budget

#: The study's attribute, and the seconds between two notes.
ATTRIBUTE, PAUSE = "spent", 5.0


class Spent(Kept):
    """Seconds of the clock that drivers have searched, and those of the processors and GPUs that trials held."""

    seconds: float = Field(0.0, ge=0)
    cpu_seconds: float = Field(0.0, ge=0)
    gpu_seconds: float = Field(0.0, ge=0)

    def over(self, budget: Budget | None) -> bool:
        """Tell whether a budget is spent."""
        return budget is not None and float(getattr(self, budget.of)) >= budget.seconds


def spent_on(study: optuna.Study) -> Spent:
    """Return what a study says; nothing where it does not."""
    try:
        return checked(study.user_attrs.get(ATTRIBUTE, {}), Spent, "spent")
    except DamagedError:  # another program's
        return Spent()


class Account:
    """What is spent from now on, with what was spent before; ``look`` is called now and then."""

    def __init__(
        self,
        study: optuna.Study,
        budget: Budget | None,
        *,
        cpus: float = 1.0,
        gpus: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.study, self.budget, self.cpus, self.gpus, self.clock = study, budget, cpus, gpus, clock
        self.spent = spent_on(study)
        self._seen = self._noted = clock()

    def look(self, holding: int) -> bool:
        """Count the time since the last look, in which so many trials held some; tell whether the budget is spent."""
        now = self.clock()
        passed, self._seen = now - self._seen, now
        self.spent = Spent(
            seconds=self.spent.seconds + passed,
            cpu_seconds=self.spent.cpu_seconds + passed * holding * self.cpus,
            gpu_seconds=self.spent.gpu_seconds + passed * holding * self.gpus,
        )
        if now - self._noted >= PAUSE:
            self.note()
        return self.spent.over(self.budget)

    def note(self) -> None:
        """Tell the study."""
        self._noted = self.clock()
        told: dict[str, Any] = self.spent.model_dump()
        self.study.set_user_attr(ATTRIBUTE, told)
