"""Which of some settings a row takes, from made-up numbers."""

from kgprism.platform.studies.fair.choosing import Candidate, Choice, choose

FROZEN = Candidate("frozen", {}, 0.5, 0.6)


def trial(run: str, value: float, mrr: float | None = 0.6) -> Candidate:
    return Candidate(run, {"of": run}, value, mrr)


def test_the_best_is_taken_and_of_ranks_the_lowest() -> None:
    assert choose([FROZEN, trial("a", 0.7), trial("b", 0.6)]) == Choice({"of": "a"})
    assert choose([FROZEN, trial("a", 0.7), trial("b", 0.4)], lowest=True) == Choice({"of": "b"})
    assert choose([FROZEN, trial("a", 0.4)]) == Choice({})
    assert choose([]) is None


def test_of_equals_the_mrr_decides_whether_or_not_one_is_as_it_is() -> None:
    assert choose([FROZEN, trial("a", 0.5, 0.7), trial("b", 0.4, 0.9)]) == Choice({"of": "a"})
    assert choose([FROZEN, trial("a", 0.5, 0.59)]) == Choice({})
    assert choose([FROZEN, trial("a", 0.7, 0.8), trial("b", 0.7, 0.9)]) == Choice({"of": "b"})
    # Ranks are the better the lower, an MRR the higher.
    assert choose([FROZEN, trial("a", 0.5, 0.7)], lowest=True) == Choice({"of": "a"})


def test_what_ties_in_both_is_counted_and_the_first_is_taken() -> None:
    assert choose([FROZEN, trial("a", 0.5), trial("b", 0.5), trial("c", 0.4)]) == Choice({}, 3)
    assert choose([FROZEN, trial("a", 0.7), trial("b", 0.7)]) == Choice({"of": "a"}, 2)
    assert choose([trial("a", 0.7, None), trial("b", 0.7, 0.9)]) == Choice({"of": "a"}, 2), "an MRR is not known"


def test_a_run_that_was_tried_again_is_no_tie() -> None:
    assert choose([FROZEN, Candidate("frozen", {"rate": 0.1}, 0.5, 0.6)]) == Choice({})
    assert choose([FROZEN, trial("a", 0.7), trial("a", 0.7)]) == Choice({"of": "a"})
