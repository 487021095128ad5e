"""What may be tuned: a float, an integer or a choice, each with the conditions under which it exists."""

from collections.abc import Sequence
from math import exp, isfinite, log
from typing import Annotated, Any, Literal

import optuna
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from pydantic import Field, FiniteFloat, StrictBool, model_validator

from kgprism.platform.part import Settings

Scalar = bool | int | float | str | None
#: What fits into 53 bits: Optuna's samplers reckon in floats.
Whole = Annotated[int, Field(ge=-(2**53), le=2**53)]
Conditions = dict[str, Scalar | list[Scalar]]


class _Parameter(Settings):
    #: key -> the value, or the values, that it must have for this parameter to exist
    when: Conditions = Field(default_factory=dict)

    def conditions(self) -> dict[str, list[Any]]:
        """Return ``when`` with every value as a list."""
        return {key: value if isinstance(value, list) else [value] for key, value in self.when.items()}

    def plain(self, value: Any) -> Any:
        """Return a value that the parameter holds as it would draw it."""
        return value


class Float(_Parameter):
    """A real number; both bounds are included."""

    type: Literal["float"]
    low: FiniteFloat
    high: FiniteFloat
    step: FiniteFloat | None = Field(None, gt=0)
    log: StrictBool = False

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

    def at(self, place: float) -> float:
        """Return the value at a place between 0 and 1 of the range."""
        if self.step:
            return self.values()[int(place * len(self.values()))]
        if self.log:
            return min(max(exp(log(self.low) + place * (log(self.high) - log(self.low))), self.low), self.high)
        return self.low + place * (self.high - self.low)

    def values(self) -> Sequence[float]:
        """Return all values; none where they cannot be counted."""
        if not self.step:
            return [self.low] if self.low == self.high else []
        steps = round((self.high - self.low) / self.step)
        return [min(self.low + self.step * number, self.high) for number in range(steps + 1)]

    def holds(self, value: Any) -> bool:
        """Tell whether the parameter can have this value."""
        if not isinstance(value, float | int) or isinstance(value, bool) or not self.low <= value <= self.high:
            return False
        steps = (value - self.low) / self.step if self.step else 0.0
        return abs(steps - round(steps)) < 1e-8


class Integer(_Parameter):
    """A whole number; both bounds are included."""

    type: Literal["int"]
    low: Whole
    high: Whole
    # Not a Whole: the looser of two lower bounds would hold.
    step: int = Field(1, ge=1, le=2**53)
    log: StrictBool = False

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

    def at(self, place: float) -> int:
        """Return the value at a place between 0 and 1 of the range."""
        if self.log:
            low, high = log(self.low - 0.5), log(self.high + 0.5)
            return min(max(round(exp(low + place * (high - low))), self.low), self.high)
        return self.values()[int(place * len(self.values()))]

    def values(self) -> Sequence[int]:
        """Return all values."""
        return range(self.low, self.high + 1, self.step)

    def holds(self, value: Any) -> bool:
        """Tell whether the parameter can have this value; YAML's ``1e3`` is a float and whole."""
        number = isinstance(value, int | float) and not isinstance(value, bool)
        whole = number and isfinite(value) and value == int(value)
        return whole and self.low <= value <= self.high and (value - self.low) % self.step == 0

    def plain(self, value: Any) -> Any:
        """Return the value as an integer."""
        return int(value)


class Choice(_Parameter):
    """One of a few values, such as the parts that fit into a slot."""

    type: Literal["choice"]
    of: list[Scalar] = Field(min_length=1)

    @model_validator(mode="after")
    def _distinct(self) -> "Choice":
        if any(value in self.of[:number] for number, value in enumerate(self.of)):
            raise ValueError("a value stands twice in 'of'")
        if any(isinstance(value, float) and not isfinite(value) for value in self.of):
            raise ValueError("a number in 'of' is not finite")
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

    def at(self, place: float) -> Scalar:
        """Return the value at a place between 0 and 1 of the list."""
        return self.of[int(place * len(self.of))]

    def values(self) -> Sequence[Scalar]:
        """Return all values."""
        return self.of

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
