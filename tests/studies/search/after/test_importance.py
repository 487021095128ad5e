"""Importances where the truth is known, and what is said where they cannot be told."""

import random

import pytest

from kgprism.platform.studies.search.after import importance
from kgprism.platform.studies.search.after.importance import ENOUGH, importances


def drawn(trial, number: int) -> list:
    """Return trials whose value is their rank alone; every second has a rate."""
    draw = random.Random(0)
    ranks = [draw.uniform(0, 10) for _ in range(number)]
    return [
        trial(rank, rank=rank, kind=draw.choice(["sum", "low_rank"]), **({"rate": 0.01} if n % 2 else {}))
        for n, rank in enumerate(ranks)
    ]


@pytest.mark.parametrize("way", ["maximize", "minimize"])
def test_what_alone_decides_is_found(found, trial, way: str) -> None:
    told = importances(found(drawn(trial, 60), directions=(way,)))
    assert set(told.fanova) == {"rank", "kind"}
    assert told.fanova["rank"] > 0.9
    assert told.order[0] == "rank"
    assert told.ped_anova["rank"] > 0.8
    assert sum(told.ped_anova.values()) == pytest.approx(1)
    assert told.notes == (
        "fANOVA is told of parameters that every trial has, not of rate",
        "PED-ANOVA: what puts a trial among the best 10%",
    )


def test_few_trials_are_told_as_few(found, trial) -> None:
    some = importances(found(drawn(trial, 10)))
    assert some.notes[0] == f"importance: only 10 complete trials, take it as a hint; {ENOUGH} or more tell reliably"
    assert importances(found(drawn(trial, 4))).notes == ("importance: 4 of at least 5 complete trials",)
    assert importances(found(drawn(trial, 4))).order == ()
    same = importances(found([trial(0.5, rank=float(n)) for n in range(9)]))
    assert same.notes == ("importance: all complete trials have the same value",)


def test_without_scikit_learn_one_line_says_what_to_install(found, trial, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(**settings: object) -> None:
        raise ImportError("no module named sklearn")

    monkeypatch.setattr(importance, "FanovaImportanceEvaluator", missing)
    told = importances(found(drawn(trial, 60)))
    assert told.notes[0] == "fANOVA needs scikit-learn: pip install 'kgprism[importance]'"
    assert told.fanova == {}
    assert told.ped_anova["rank"] > 0.8


def test_what_was_told_twice_counts_once(found, trial) -> None:
    again = [trial(9.0, rank=0.0, attributes={"repeats": 0}) for _ in range(40)]
    some, more = found(drawn(trial, 60)), found([*drawn(trial, 60), *again])
    values = [[one.values for one in importance._counted(each.study, each).trials] for each in (some, more)]
    assert values[0] == values[1]
