"""Places in a drawing: round ticks, and curves of few points that keep their ends and extremes."""

import math

import pytest

from kgprism.platform.studies.reports.page.scale import Scale, short, spanned, thinned, ticks


@pytest.mark.parametrize(("log", "value", "place"), [(False, 50.5, 100.0), (True, 10.0, 100.0), (False, 1.0, 0.0)])
def test_a_value_has_its_place_between_both_ends(log: bool, value: float, place: float) -> None:
    assert Scale(1.0, 100.0, 0.0, 200.0, log)(value) == place


def test_an_axis_holds_all_numbers_and_takes_what_is_none_for_nothing() -> None:
    scale = spanned([0.2, math.nan, 0.7, math.inf], 0, 100)
    assert 0 < scale(0.2) < scale(0.7) < 100
    flat = spanned([0.5, 0.5], 0, 100)
    assert flat(0.5) == 50.0
    assert spanned([], 0, 100)(0.5) == 50.0


@pytest.mark.parametrize(
    ("low", "high", "found"),
    [
        (0.0, 1.0, [0, 0.2, 0.4, 0.6, 0.8, 1]),
        (-0.11, 0.32, [-0.1, 0, 0.1, 0.2, 0.3]),
        (3.0, 97.0, [20, 40, 60, 80]),
        (0.0101, 0.0119, None),
    ],
)
def test_ticks_are_round_and_within(low: float, high: float, found: list[float] | None) -> None:
    got = ticks(Scale(low, high, 0, 100))
    assert all(low <= tick <= high for tick in got)
    assert found is None or got == found
    assert len(got) >= 1


def test_few_letters() -> None:
    assert [short(x) for x in (0.05, -0.2, 0.0, 60.0, 5e-5)] == [".05", "-.2", "0", "60", "5e-05"]


def test_a_long_curve_keeps_its_ends_and_its_extremes() -> None:
    xs = [float(n) for n in range(5000)]
    ys = [math.sin(x / 300) for x in xs]
    ys[1234], ys[2345], ys[77] = 9.0, -9.0, math.nan
    kept = thinned(xs, ys)
    assert len(kept) <= 200
    assert {(0.0, ys[0]), (4999.0, ys[-1]), (1234.0, 9.0), (2345.0, -9.0)} <= set(kept)
    assert [x for x, _ in kept] == sorted(x for x, _ in kept)
    assert thinned(xs[:3], [1.0, math.nan, 2.0]) == [(0.0, 1.0), (2.0, 2.0)]
