"""A parameter as an axis: numbers in their scale, or words one beside the other."""

import math
from dataclasses import dataclass
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution

from kgprism.platform.studies.reports.page.scale import Scale, short, ticks

#: Letters of a word on an axis.
_LONGEST = 12
#: How far the ends of numbers stand from those of the axis, as a share of it.
_ROOM = 0.05


@dataclass(frozen=True)
class Along:
    """An axis from 0 to 1: where a value stands, and its ticks."""

    name: str
    distribution: BaseDistribution

    @property
    def words(self) -> tuple[Any, ...]:
        """What stands on an axis of words; none where it has numbers."""
        held = self.distribution
        return tuple(held.choices) if isinstance(held, CategoricalDistribution) else ()

    @property
    def log(self) -> bool:
        """Whether equal ratios are equally far."""
        return bool(getattr(self.distribution, "log", False))

    def __call__(self, value: Any) -> float:
        """Return where a value stands."""
        if words := self.words:
            place = next((n for n, word in enumerate(words) if word is value or word == value), 0)
            return (place + 0.5) / len(words)
        low, high = (self._told(end) for end in self._ends())
        share = 0.5 if low == high else (self._told(float(value)) - low) / (high - low)
        return _ROOM + share * (1 - 2 * _ROOM)

    def ticks(self) -> list[tuple[float, str]]:
        """Return places and what is written there."""
        if self.words:
            return [(self(word), clipped(str(word))) for word in self.words]
        low, high = self._ends()
        if low == high:
            return [(self(low), short(low))]
        if self.log:
            return [(self(number), short(float(f"{number:.3g}"))) for number in (low, math.sqrt(low * high), high)]
        return [(self(number), short(number)) for number in ticks(Scale(low, high, 0, 1))]

    def _ends(self) -> tuple[float, float]:
        held: Any = self.distribution
        return float(held.low), float(held.high)

    def _told(self, number: float) -> float:
        return math.log(number) if self.log else number


def clipped(word: str) -> str:
    """Return a word that fits beside others."""
    return word if len(word) <= _LONGEST else f"{word[: _LONGEST - 1]}…"
