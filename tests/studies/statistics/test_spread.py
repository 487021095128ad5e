"""Standard errors against closed forms, and the coverage of the intervals they make by simulation."""

import numpy as np
import pytest
from scipy.stats import ttest_1samp

from kgprism.platform.studies.statistics.bootstrap import interval, means
from kgprism.platform.studies.statistics.spread import spread


def test_one_seed_is_a_t_test_over_queries() -> None:
    scores = np.random.default_rng(0).normal(0.1, 1, 50)
    found, told = spread([scores], crossed=True), ttest_1samp(scores, 0)
    assert found is not None
    assert found.covers == "queries"
    assert found.chance() == pytest.approx(told.pvalue)
    assert found.mean + found.half_width() == pytest.approx(told.confidence_interval(0.95).high)


def test_seeds_with_queries_of_their_own_are_a_t_test_over_their_means() -> None:
    scores = [np.random.default_rng(seed).normal(0.1, 1, 50 + seed) for seed in range(4)]
    found, told = spread(scores, crossed=False), ttest_1samp([row.mean() for row in scores], 0)
    assert found is not None
    assert found.covers == "seeds and queries"
    assert found.chance() == pytest.approx(told.pvalue)


def test_crossed_seeds_and_queries_add_both_variances() -> None:
    by_seed, by_query = np.array([0.0, 1, 5]), np.array([2.0, 2, 8, 0])
    found = spread(list(by_seed[:, None] + by_query), crossed=True)  # without a joint part
    assert found is not None
    assert found.mean == pytest.approx(2 + 3)
    assert found.error**2 == pytest.approx(by_seed.var(ddof=1) / 3 + by_query.var(ddof=1) / 4)
    a, b = by_seed.var(ddof=1) / 3, by_query.var(ddof=1) / 4
    assert found.in_tails < found.freedom == pytest.approx((a + b) ** 2 / (a**2 / 2 + b**2 / 3))


def test_one_number_has_no_spread_and_equal_rows_have_none_to_speak_of() -> None:
    assert spread([np.array([1.0])], crossed=True) is None
    assert spread([], crossed=True) is None
    same = spread([np.zeros(9), np.zeros(9)], crossed=True)
    assert same is not None
    assert (same.error, same.chance(), same.equivalent(0.01)) == (0, 1, 0)
    assert interval(means([np.zeros(9)] * 2, crossed=True), same) == (0, 0)


def test_two_one_sided_tests_are_the_interval_of_nine_tenths() -> None:
    found = spread([np.random.default_rng(1).normal(0, 1, 200)], crossed=True)
    assert found is not None
    reach = abs(found.mean) + found.half_width(0.9)
    assert found.equivalent(reach) == pytest.approx(0.05)
    assert found.equivalent(reach * 1.1) < 0.05 < found.equivalent(reach * 0.9)


def test_drawn_means_have_the_mean_and_error_of_the_sample() -> None:
    scores = [np.random.default_rng(2).exponential(1, 400)]
    drawn = means(scores, crossed=True)
    assert drawn.mean() == pytest.approx(scores[0].mean(), abs=0.01)
    assert drawn.std() == pytest.approx(scores[0].std() / 20, rel=0.1)


def test_the_interval_leans_where_the_scores_do() -> None:
    scores = [np.random.default_rng(3).exponential(1, 12)]
    found = spread(scores, crossed=True)
    assert found is not None
    low, high = interval(means(scores, crossed=True), found)
    assert high - found.mean > found.mean - low
    assert high - low == pytest.approx(2 * found.half_width())


@pytest.mark.slow
@pytest.mark.parametrize("crossed", [True, False], ids=["same queries", "own queries"])
@pytest.mark.parametrize(("seeds", "between"), [(3, 0.05), (5, 0.3)])
def test_intervals_hold_the_truth_as_often_as_they_say(crossed: bool, seeds: int, between: float) -> None:
    random, held, tables = np.random.default_rng([seeds, crossed, int(100 * between)]), 0, 2000
    for _ in range(tables):
        by_query = random.normal(0, 0.3, (1 if crossed else seeds, 100))
        scores = list(random.normal(0, between, (seeds, 1)) + by_query + random.normal(0, 0.3, (seeds, 100)))
        found = spread(scores, crossed=crossed)
        assert found is not None
        low, high = interval(means(scores, crossed=crossed), found)
        held += low <= 0 <= high
    assert 0.93 <= held / tables <= 0.97
