"""Tails of Student's t and of coin flips, in plain Python: SciPy takes longer to load than a table to be made.

Both are an incomplete beta function (DLMF 8.17), by its continued fraction; relative errors stay below 1e-9.
"""

import math

#: When the fraction has settled, and what stands for 0 in it.
_SETTLED, _TINY = 2e-16, 1e-300
#: Most steps to a quantile, of which a dozen are usual, and most terms of the fraction, of which hundreds are.
_STEPS, _MOST = 1000, 100_000


def student(freedom: float, value: float) -> float:
    """Return the chance that Student's t with `freedom` degrees (any number above 0) is at most `value`."""
    square = value * value
    if math.isinf(square):
        return float(value > 0)
    tail = _beta(freedom / 2, 0.5, freedom / (freedom + square), square / (freedom + square)) / 2
    return 1 - tail if value > 0 else tail


def student_quantile(freedom: float, chance: float) -> float:
    """Return the value that Student's t with `freedom` degrees is at most with this chance, from 0.5 to below 1."""
    scale = math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2) - math.log(freedom * math.pi) / 2
    value = 0.0
    # Above 0 the distribution is concave: Newton's steps come from below, and never leave it.
    for _ in range(_STEPS):
        density = math.exp(scale - (freedom + 1) / 2 * math.log1p(value * value / freedom))
        step = (chance - student(freedom, value)) / density
        value += step
        if step <= _SETTLED * value:
            break
    return value


def at_most_heads(heads: int, flips: int) -> float:
    """Return the chance that at most `heads` of `flips` of a fair coin show heads."""
    return 1.0 if heads >= flips else _beta(flips - heads, heads + 1, 0.5, 0.5)


def _beta(a: float, b: float, x: float, rest: float) -> float:
    """Return the regularised incomplete beta function at `x`; `rest` is ``1 - x``, which may be known better."""
    if x <= 0 or rest <= 0:
        return float(x > 0)
    if x > (a + 1) / (a + b + 2):  # where the fraction converges slowly it is that of the other end
        return 1 - _beta(b, a, rest, x)
    scale = a * math.log(x) + b * math.log(rest) + math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    return math.exp(scale) / a * _fraction(a, b, x)


def _fraction(a: float, b: float, x: float) -> float:
    """Return the continued fraction (DLMF 8.17.22) by Lentz's method."""
    above, below = 1.0, 1 / _away(1 - (a + b) * x / (a + 1))
    product, m = below, 0
    while True:
        m += 1
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        change = 1.0
        for part in (even, odd):
            below, above = 1 / _away(1 + part * below), _away(1 + part / above)
            change = above * below
            product *= change
        if abs(change - 1) <= _SETTLED or m > _MOST:
            return product


def _away(value: float) -> float:
    return value if abs(value) > _TINY else _TINY
