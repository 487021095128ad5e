"""How hard generated negatives are: the times they stop at, what each counts, and its margin (DHNS; spec 1.3, 1.8)."""

from typing import Literal

from pydantic import Field

from kgprism.platform.part import Settings

#: code: T/10, T/8, T/4, T/2; paper: T/20, T/10, T/5, T/2; with_zero: the code's and 0; denoised: 0; half: T/2.
Levels = Literal["code", "paper", "with_zero", "denoised", "half"]
#: middle: the outer levels count half; even: all the same; hard: the two least noisy count twice the others.
Weighting = Literal["middle", "even", "hard"]

_DIVISORS: dict[Levels, tuple[int, ...]] = {
    "code": (10, 8, 4, 2),
    "paper": (20, 10, 5, 2),
    "with_zero": (10, 8, 4, 2),
    "denoised": (),
    "half": (2,),
}
_WEIGHTS: dict[Weighting, tuple[float, ...]] = {
    "middle": (0.5, 1.0, 1.0, 0.5),
    "even": (1.0, 1.0, 1.0, 1.0),
    "hard": (1.0, 1.0, 0.5, 0.5),
}


class Margins(Settings):
    """Shares of the scorer's margin at the least and the most noisy of four levels, linear between (HAL)."""

    low: float = Field(0.3, ge=0, le=1)
    high: float = Field(0.9, ge=0, le=1)


def times(levels: Levels, steps: int) -> list[int]:
    """Return the times at which the chain is read, least noisy first; a short chain reads some twice."""
    zero = [0] if levels in ("with_zero", "denoised") else []
    return zero + [steps // divisor for divisor in _DIVISORS[levels]]


def weights(levels: Levels, weighting: Weighting) -> list[float]:
    """Return what each level counts; time 0 beside others counts as the first of them, a lone level counts 1."""
    four = list(_WEIGHTS[weighting])
    return {"with_zero": [four[0], *four], "denoised": [1.0], "half": [1.0]}.get(levels, four)


def shares(levels: Levels, margins: Margins) -> list[float]:
    """Return each level's share of the margin; time 0 beside others continues the line, a lone level has `high`."""
    step = (margins.high - margins.low) / 3
    four = [margins.low + step * place for place in range(4)]
    zero = max(margins.low - step, 0.0)
    return {"with_zero": [zero, *four], "denoised": [margins.high], "half": [margins.high]}.get(levels, four)
