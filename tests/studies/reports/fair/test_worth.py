"""What is said of a part, from intervals that are made up."""

import pytest

from kgprism.platform.studies.reports.entries import Entry
from kgprism.platform.studies.reports.fair.worth import Worth, worth
from kgprism.platform.studies.statistics.evidence import Evidence

FULL = Entry(None, None, (0.5, 0.5, 0.5), (1, 2, 3), (1, 1, 1), ("a", "b", "c"), 0, (), None, 0, "")
KINDS = {
    "worse": (-0.1, (-0.15, -0.05), 0.01, 1.0),
    "better": (0.1, (0.05, 0.15), 0.01, 1.0),
    "alike": (0.001, (-0.004, 0.006), 0.7, 0.01),
    "open": (-0.02, (-0.06, 0.02), 0.3, 0.6),
    "small but real": (-0.004, (-0.006, -0.002), 0.001, 0.001),
    "real but for the others": (-0.04, (-0.079, -0.001), 0.12, 0.9),
}


def entry(kind: str, seeds: int = 3) -> Entry:
    delta, interval, adjusted, equivalent = KINDS[kind]
    found = Evidence(interval, "seeds and queries", seeds, adjusted, None, equivalent, 0.1, False, adjusted)
    values = tuple(0.5 + delta for _ in range(seeds))
    runs = tuple(f"{kind} {n}" for n in range(seeds))
    return Entry(None, None, values, tuple(range(seeds)), (1,) * seeds, runs, 0, (), delta, seeds, "", found)


@pytest.mark.parametrize(
    ("frozen", "tuned", "word"),
    [
        ("worse", "worse", "earns its keep"),
        ("open", "worse", "earns its keep"),
        ("worse", "alike", "only untuned"),
        ("worse", "small but real", "only untuned"),
        ("alike", "alike", "no difference"),
        ("open", "alike", "no difference"),
        ("better", "alike", "no difference"),
        ("worse", "better", "harmful"),
        ("alike", "better", "harmful"),
        ("worse", "open", "cannot tell"),
        ("alike", "real but for the others", "cannot tell"),
    ],
)
def test_what_a_part_is_worth(frozen: str, tuned: str, word: str) -> None:
    assert worth((entry(frozen), FULL), (entry(tuned), FULL)).word == word


def test_of_ranks_the_lower_is_the_better() -> None:
    assert worth((entry("better"), FULL), (entry("better"), FULL), lowest=True).word == "earns its keep"


def test_it_says_why_it_cannot_tell() -> None:
    told = worth((entry("worse"), FULL), (entry("open"), FULL))
    assert told == Worth("cannot tell", "worse when frozen, but re-tuned the interval holds 0 and more than the margin")
    assert worth((entry("open"), FULL), (entry("worse", seeds=2), FULL)).why == "2 seeds of 3 at least"
    assert worth((FULL, FULL), (entry("real but for the others"), FULL)).why == "p 0.12 over all rows"
    nothing = Entry(None, None, (), (), (), (), 3, (), None, 0, "")
    assert worth((entry("open"), FULL), (nothing, FULL)).why == "no run has finished"
    why = "no run of what it is compared with has finished"
    assert worth((entry("open"), FULL), (entry("open"), nothing)).why == why


def test_the_very_same_runs_are_no_difference() -> None:
    assert worth((entry("worse"), FULL), (FULL, FULL)).word == "only untuned"
    assert worth((FULL, FULL), (FULL, FULL)).word == "no difference"


@pytest.mark.parametrize(("tied", "whose"), [((3, 1), ""), ((1, 3), " (of what it is compared with)"), ((3, 2), "")])
def test_what_was_chosen_of_equals_tells_nothing(tied: tuple[int, int], whose: str) -> None:
    for kind in ("worse", "better", "alike", "open"):
        told = worth((entry("worse"), FULL), (entry(kind), FULL), tied=tied)
        assert str(told) == f"cannot tell: 3 settings tie on held-out data{whose}"
