"""From numbers to places in a drawing."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Scale:
    """An axis from `low` to `high` that is drawn from `start` to `end`; ``log`` if equal ratios are equally far."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def __call__(self, value: float) -> float:
        """Return where a value is drawn, to a tenth of a pixel."""
        low, high, at = (math.log(one) if self.log else one for one in (self.low, self.high, value))
        return round(self.start + (at - low) / (high - low) * (self.end - self.start), 1)


def spanned(values: Iterable[float], start: float, end: float, margin: float = 0.06) -> Scale:
    """Return an axis on which all values fit that are numbers, with some room beside the outer ones."""
    known = [value for value in values if math.isfinite(value)]
    low, high = (min(known), max(known)) if known else (0.0, 1.0)
    room = (high - low) * margin or abs(high) * margin or 1.0
    return Scale(low - room, high + room, start, end)


def ticks(scale: Scale, about: int = 4) -> list[float]:
    """Return round numbers within an axis: steps of 1, 2 or 5 times a power of ten."""
    rough = (scale.high - scale.low) / about
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * 0.75)
    first, last = math.ceil(scale.low / step), math.floor(scale.high / step)
    return [round(n * step, 12) for n in range(first, last + 1)]


def short(number: float) -> str:
    """Return a tick's number in few letters: ``.05``, ``-.2``, ``5e-05``."""
    shown = f"{number:.4g}"
    return shown.replace("0.", ".", 1) if shown.lstrip("-").startswith("0.") else shown


def thinned(xs: Sequence[float], ys: Sequence[float], most: int = 200) -> list[tuple[float, float]]:
    """Return at most so many of the points that are numbers: of each stretch the lowest and the highest."""
    points = [(x, y) for x, y in zip(xs, ys, strict=True) if math.isfinite(y)]
    if len(points) <= most:
        return points
    size = math.ceil(2 * (len(points) - 2) / (most - 2))
    inner = points[1:-1]
    kept: list[tuple[float, float]] = []
    for start in range(0, len(inner), size):
        some = inner[start : start + size]
        ends = {min(some, key=lambda point: point[1]), max(some, key=lambda point: point[1])}
        kept += sorted(ends)
    return [points[0], *kept, points[-1]]
