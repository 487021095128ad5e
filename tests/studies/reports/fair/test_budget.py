"""The expected best of a budget, against closed forms and against every draw there is."""

from itertools import product
from math import comb

import numpy as np
import pytest

from kgprism.platform.studies.reports.fair.budget import expected, so_far


@pytest.mark.parametrize("lowest", [False, True])
def test_it_is_the_mean_of_the_best_of_all_draws(lowest: bool) -> None:
    values = [0.3, 0.1, 0.7, 0.3]
    best = min if lowest else max
    every = [np.mean([best(draw) for draw in product(values, repeat=budget)]) for budget in (1, 2, 3, 4)]
    assert expected(values, lowest=lowest) == pytest.approx(every)


def test_of_one_to_n_it_is_what_is_known_of_the_largest_of_a_uniform_draw() -> None:
    n = 50
    found = expected(list(range(1, n + 1)))
    # Faulhaber: the mean of the largest of k draws of 1 ... n is n + 1 - sum (i/n)^k.
    closed = [n + 1 - sum((i / n) ** k for i in range(1, n + 1)) for k in range(1, n + 1)]
    assert found == pytest.approx(closed)
    assert found[0] == pytest.approx((n + 1) / 2)
    # Of two draws: (n + 1)(4n - 1) / 6n.
    assert found[1] == pytest.approx((n + 1) * (4 * n - 1) / (6 * n))


def test_of_hits_and_misses_it_is_the_chance_of_a_hit() -> None:
    values = [1.0] * 3 + [0.0] * 7
    binomial = [1 - comb(k, 0) * 0.7**k for k in range(1, 11)]
    assert expected(values) == pytest.approx(binomial)


def test_a_trial_that_failed_counts_as_the_worst_and_none_is_no_curve() -> None:
    assert expected([0.2, None, 0.6]) == expected([0.2, 0.2, 0.6])
    assert expected([20.0, None, 60.0], lowest=True) == expected([20.0, 60.0, 60.0], lowest=True)
    assert expected([None, None]) == expected([]) == ()


def test_what_was_not_drawn_by_chance_is_told_as_it_came() -> None:
    assert so_far([None, 0.2, 0.1, None, 0.6]) == (0.2, 0.2, 0.2, 0.6)
    assert so_far([20.0, 30.0, 10.0], lowest=True) == (20.0, 20.0, 10.0)
