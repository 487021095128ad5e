"""What is said of a published number."""

import pytest

from kgprism.platform.studies.statistics.verdict import verdict


@pytest.mark.parametrize(
    ("mean", "interval", "said"),
    [
        (0.632, (0.625, 0.639), "reproduced"),
        (0.632, (0.600, 0.660), "within margin"),
        (0.615, (0.590, 0.640), "cannot tell: the interval is 0.050 wide: more seeds"),
        (0.600, (0.590, 0.610), "not reproduced: lower"),
        (0.660, (0.650, 0.670), "not reproduced: higher"),
        (0.6405, None, "within margin"),
        (0.700, None, "cannot tell: a single number has no interval"),
    ],
)
def test_each_verdict(mean: float, interval: tuple[float, float] | None, said: str) -> None:
    assert str(verdict(0.631, mean, interval, margin=0.01, rounding=0.001)) == said


def test_a_run_that_is_unlike_the_published_one_is_never_judged() -> None:
    found = verdict(0.5, 0.5, (0.499, 0.501), margin=0.01, unlike=["no images", "train.epochs=2"])
    assert str(found) == "cannot tell: no images; train.epochs=2"
