"""Budgets as people write them."""

import pytest

from kgprism.platform.studies.search.spaces.budget import budget


@pytest.mark.parametrize(
    ("text", "seconds", "of"),
    [
        ("90s", 90, "seconds"),
        ("2h", 7200, "seconds"),
        ("1h 30m", 5400, "seconds"),
        ("1d12h", 129_600, "seconds"),
        ("0.5 H", 1800, "seconds"),
        ("40 cpu-hours", 144_000, "cpu_seconds"),
        ("1.5gpu-hour", 5400, "gpu_seconds"),
    ],
)
def test_a_budget_is_read(text: str, seconds: float, of: str) -> None:
    found = budget(text)
    assert found is not None
    assert (found.seconds, found.of) == (seconds, of)


def test_none_is_no_budget() -> None:
    assert budget("none") is None


@pytest.mark.parametrize(
    "text",
    [
        *("", "2", "h", "2 weeks", "-1h", "0h", "0 cpu-hours", "1h of sleep", "3 tpu-hours"),
        *("1h 1h", "\u0663h", "9e9h", f"{'9' * 5000}h", f"{'9' * 5000} cpu-hours"),
    ],
)
def test_what_is_no_budget_is_told(text: str) -> None:
    with pytest.raises(ValueError, match=r"expected a time such as 90m, 2h or 1d, or 40 cpu-hours"):
        budget(text)
