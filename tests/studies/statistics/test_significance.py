"""McNemar, Holm and effect sizes against closed forms; Holm's false alarms by simulation."""

import numpy as np
import pytest

from kgprism.platform.studies.statistics.significance import effect, holm, mcnemar
from kgprism.platform.studies.statistics.spread import spread


def test_mcnemar_is_a_sign_test_of_the_queries_on_which_rows_differ() -> None:
    mine = np.array([True] * 9 + [False] + [True] * 50)
    other = np.array([False] * 9 + [True] + [True] * 50)
    assert mcnemar(mine, other) == pytest.approx(2 * (1 + 10) / 2**10)
    assert mcnemar(mine, mine) == 1


def test_holm_multiplies_the_smallest_by_all_and_keeps_the_order() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.6]) == [1, 1]
    assert holm([]) == []


def test_an_effect_is_counted_in_deviations() -> None:
    assert effect([np.array([1.0, 2, 3]), np.array([1.0, 2, 3])]) == pytest.approx(2 / np.std([1, 2, 3] * 2, ddof=1))
    assert effect([np.ones(4)]) == 0


@pytest.mark.slow
@pytest.mark.parametrize("between", [0.05, 0.3])
def test_a_table_of_rows_without_effect_is_rarely_starred(between: float) -> None:
    random, alarms, tables, rows = np.random.default_rng(7), 0, 2000, 8
    for _ in range(tables):
        full = random.normal(0, between, (3, 1)) + random.normal(0, 0.3, (1, 100)) + random.normal(0, 0.3, (3, 100))
        chances = []
        for _ in range(rows):
            mine = random.normal(0, between, (3, 1)) + random.normal(0, 0.3, (1, 100)) + random.normal(0, 0.3, (3, 100))
            found = spread(list(mine - full), crossed=True)
            assert found is not None
            chances.append(found.chance())
        alarms += min(holm(chances)) < 0.05
    assert alarms / tables < 0.05
