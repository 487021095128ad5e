"""Two workers are one, for every method and every part: the loss, every gradient, and what a step leaves behind."""

from typing import Any

from kgprism.testing import TwoWorkersContract


def test_the_mean_of_two_workers_is_one_worker(variant: Any) -> None:
    TwoWorkersContract().test_the_mean_of_two_workers_is_one_worker(variant)
