"""Tails in plain Python against SciPy's and closed forms."""

import math

import pytest
from scipy.special import bdtr, stdtr, stdtrit

from kgprism.platform.studies.statistics.tails import at_most_heads, student, student_quantile

FREEDOM = (1, 1.3, 2, 4.7, 30, 355.5, 41_000)


@pytest.mark.parametrize("freedom", FREEDOM)
def test_students_tails_are_scipys(freedom: float) -> None:
    for value in (-200, -30, -8, -1.96, -0.3, 0, 1e-3, 0.7, 2.5, 1e6):
        assert student(freedom, value) == pytest.approx(float(stdtr(freedom, value)), rel=1e-9, abs=1e-290)


@pytest.mark.parametrize("freedom", FREEDOM)
def test_students_quantiles_are_scipys(freedom: float) -> None:
    for chance in (0.6, 0.9, 0.95, 0.975, 0.9995):
        assert student_quantile(freedom, chance) == pytest.approx(float(stdtrit(freedom, chance)), rel=1e-9)


def test_one_and_two_degrees_have_closed_forms() -> None:
    assert student(1, -3) == pytest.approx(0.5 - math.atan(3) / math.pi, rel=1e-13)
    assert student(2, -3) == pytest.approx(0.5 - 3 / (2 * math.sqrt(2 + 9)), rel=1e-12)
    assert student_quantile(1, 0.975) == pytest.approx(math.tan(math.pi * 0.475), rel=1e-12)
    assert student(5, -math.inf) == 0
    assert student(5, math.inf) == 1


@pytest.mark.parametrize("flips", [0, 1, 2, 40, 399, 10_500])
def test_flips_of_a_coin_are_scipys(flips: int) -> None:
    for heads in {0, flips // 3, flips // 2, max(0, flips // 2 - 1), flips}:
        assert at_most_heads(heads, flips) == pytest.approx(float(bdtr(heads, flips, 0.5)), rel=1e-9, abs=1e-290)
