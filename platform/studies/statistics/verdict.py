"""Whether a published number was reproduced, from an interval, a margin and what else differs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Word = Literal["reproduced", "within margin", "not reproduced: higher", "not reproduced: lower", "cannot tell"]


@dataclass(frozen=True)
class Verdict:
    """What is said of a published number, and why where it cannot be told."""

    word: Word
    why: str = ""

    def __str__(self) -> str:
        return f"{self.word}: {self.why}" if self.why else self.word


def verdict(
    published: float,
    mean: float,
    interval: tuple[float, float] | None,
    *,
    margin: float,
    rounding: float = 0.0,
    unlike: Sequence[str] = (),
) -> Verdict:
    """Return what may be said of a published number that was rounded to `rounding`.

    Reproduced: the whole interval is less than `margin` from it. Within margin: the mean is. Not reproduced: mean and
    interval are further away, on the higher or the lower side of it. Cannot tell: the run is `unlike` the published
    one, or the interval holds the number and reaches beyond the margin.
    """
    if unlike:
        return Verdict("cannot tell", "; ".join(unlike))
    reach = margin + rounding / 2
    away = abs(mean - published)
    if interval is None:
        return Verdict("within margin") if away <= reach else Verdict("cannot tell", "a single number has no interval")
    low, high = interval
    if published - reach <= low and high <= published + reach:
        return Verdict("reproduced")
    if away <= reach:
        return Verdict("within margin")
    if low - rounding / 2 <= published <= high + rounding / 2:
        return Verdict("cannot tell", f"the interval is {high - low:.3f} wide: more seeds")
    return Verdict("not reproduced: higher" if mean > published else "not reproduced: lower")
