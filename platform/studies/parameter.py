"""What may be tuned: a float, an integer or a choice, each with the conditions under which it exists."""

from typing import Annotated, Any, Literal

import optuna
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from pydantic import Field, model_validator

from kgprism.platform.part import Settings

Scalar = bool | int | float | str | None
Conditions = dict[str, Scalar | list[Scalar]]


class _Parameter(Settings):
    #: key -> the value, or the values, that it must have for this parameter to exist
    when: Conditions = Field(default_factory=dict)

    def conditions(self) -> dict[str, list[Any]]:
        """Return ``when`` with every value as a list."""
        return {key: value if isinstance(value, list) else [value] for key, value in self.when.items()}


class Float(_Parameter):
    """A real number; both bounds are included."""

    type: Literal["float"]
    low: float
    high: float
    step: float | None = Field(None, gt=0)
    log: bool = False

    @model_validator(mode="after")
    def _possible(self) -> "Float":
        _stepped(self)
        return self

    @property
    def distribution(self) -> FloatDistribution:
        """Optuna's name for it; raises ValueError if the bounds make no sense."""
        return FloatDistribution(self.low, self.high, log=self.log, step=self.step)

    def draw(self, trial: optuna.Trial, key: str) -> float:
        """Let the study choose."""
        return trial.suggest_float(key, self.low, self.high, step=self.step, log=self.log)

    def edges(self) -> list[Any]:
        """Return the values that a configuration must accept."""
        return [self.low, self.high]

    def holds(self, value: Any) -> bool:
        """Tell whether the parameter can have this value."""
        if not isinstance(value, float | int) or isinstance(value, bool) or not self.low <= value <= self.high:
            return False
        steps = (value - self.low) / self.step if self.step else 0.0
        return abs(steps - round(steps)) < 1e-8


class Integer(_Parameter):
    """A whole number; both bounds are included."""

    type: Literal["int"]
    low: int
    high: int
    step: int = Field(1, ge=1)
    log: bool = False

    @model_validator(mode="after")
    def _possible(self) -> "Integer":
        _stepped(self)
        return self

    @property
    def distribution(self) -> IntDistribution:
        """Optuna's name for it; raises ValueError if the bounds make no sense."""
        return IntDistribution(self.low, self.high, log=self.log, step=self.step)

    def draw(self, trial: optuna.Trial, key: str) -> int:
        """Let the study choose."""
        return trial.suggest_int(key, self.low, self.high, step=self.step, log=self.log)

    def edges(self) -> list[Any]:
        """Return the values that a configuration must accept."""
        return [self.low, self.high]

    def holds(self, value: Any) -> bool:
        """Tell whether the parameter can have this value."""
        whole = isinstance(value, int) and not isinstance(value, bool)
        return whole and self.low <= value <= self.high and (value - self.low) % self.step == 0


class Choice(_Parameter):
    """One of a few values, such as the parts that fit into a slot."""

    type: Literal["choice"]
    of: list[Scalar] = Field(min_length=1)

    @model_validator(mode="after")
    def _distinct(self) -> "Choice":
        if any(value in self.of[:number] for number, value in enumerate(self.of)):
            raise ValueError("a value stands twice in 'of'")
        return self

    @property
    def distribution(self) -> CategoricalDistribution:
        """Optuna's name for it."""
        return CategoricalDistribution(self.of)

    def draw(self, trial: optuna.Trial, key: str) -> Any:
        """Let the study choose."""
        return trial.suggest_categorical(key, self.of)

    def edges(self) -> list[Any]:
        """Return the values that a configuration must accept."""
        return list(self.of)

    def holds(self, value: Any) -> bool:
        """Tell whether the parameter can have this value."""
        return value in self.of


Parameter = Annotated[Float | Integer | Choice, Field(discriminator="type")]


def _stepped(parameter: Float | Integer) -> None:
    """Refuse bounds that make no sense; Optuna would move a high that no step reaches."""
    if parameter.low <= parameter.high and not parameter.holds(parameter.high):
        raise ValueError("high is not low plus a number of steps")
    # Building it is the check.
    assert parameter.distribution is not None
