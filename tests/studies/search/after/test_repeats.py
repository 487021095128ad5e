"""The best trials with other seeds: which runs these are, what is best of them, and a kill in their midst."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kgprism.platform.data.catalogue import toy
from kgprism.platform.errors import ConfigurationError
from kgprism.platform.studies.execution import ablation
from kgprism.platform.studies.search.after.repeats import Repeated, cells, promoted, repeated, seeds_from, verdict
from kgprism.platform.studies.search.request import Request, request
from kgprism.platform.studies.search.spaces import space as spaces
from kgprism.platform.studies.search.spaces.repeats import Repeats, parse_repeats
from kgprism.platform.studies.search.study import studies_of
from kgprism.platform.studies.search.sweep import found_already, search
from kgprism.platform.studies.store.runs import Store

FILE = """schema: 1
space: tiny
method: loginmea
params:
  graph_width: {type: int, low: 4, high: 9}
  train.learning_rate: {type: float, low: 1e-3, high: 1e-1, log: true}
search: {sampler: random, trials: 3, repeats: {seeds: 3, promote_top: 2}}
"""
SMALL = {"modal_width": 8, "train.epochs": 1, "eval.every": 1, "pseudo_pairs": "none", "eval.metric": "mrr"}

LUCKY = "the ranking changed: trial 0 was the best with its own seed (a lucky seed)"


def asked(folder: Path, text: str = FILE) -> Request:
    (folder / "tiny.yaml").write_text(text)
    return request(spaces.read(str(folder / "tiny.yaml")), toy.aligned(), overrides=SMALL, seed=7, name="mine")


def test_the_best_complete_trials_are_promoted(found, trial) -> None:
    trials = [trial(0.2), trial(0.9), trial(0.5), trial(0.9, attributes={"repeats": 1}), trial(), trial(0.9)]
    told = found(trials)
    assert [one.number for one in promoted(told.study, 3)] == [1, 5, 2]
    assert [one.number for one in promoted(found(trials, directions=("minimize",)).study, 2)] == [0, 2]
    assert promoted(found([]).study, 3) == []
    assert seeds_from(7, 3) == [7, 8, 9]


def test_the_best_mean_wins_and_a_lucky_seed_is_named() -> None:
    lucky = Repeated(3, 0, 0.9, 3, {0: 0.9, 1: 0.4, 2: 0.5})
    steady = Repeated(8, 1, 0.8, 3, {0: 0.8, 1: 0.7, 2: 0.9})
    assert (lucky.mean, steady.mean, steady.std) == pytest.approx((0.6, 0.8, 0.1))
    assert verdict([steady, lucky]) == (
        "the ranking changed: trial 3 was the best with its own seed (a lucky seed), trial 8 is over 3 seeds"
    )
    assert verdict([replace(steady, place=0), replace(lucky, place=1)]).startswith("trial 8 is the best with its own")
    # As long as a seed is missing nothing is decided.
    missing = replace(steady, values={0: 0.8})
    assert (missing.mean, missing.std, verdict([missing, lucky])) == (None, None, "")


@pytest.mark.parametrize(
    ("singles", "means", "tied", "told"),
    [
        ([0.9], [0.9], 1, "only trial 0 was repeated: nothing to compare"),
        (
            [0.9],
            [0.9],
            4,
            "only trial 0, the earliest of 4 that tie, was repeated: nothing to compare",
        ),
        ([0.9, 0.9, 0.8], [0.5, 0.6, 0.6], 2, "2 trials tie with their own seed; over 2 seeds trials 1 and 2 tie"),
        ([0.9, 0.9], [0.5, 0.6], 2, "2 trials tie with their own seed; over 2 seeds trial 1 is the best"),
        (
            [0.9, 0.9, 0.9],
            [0.6, 0.6, 0.6],
            5,
            "5 trials tie with their own seed, 2 of which were not repeated; over 2 seeds trials 0, 1 and 2 tie",
        ),
        ([0.9, 0.8], [0.6, 0.6], 1, "trial 0 is the best with its own seed; over 2 seeds trials 0 and 1 tie"),
        (
            [0.9, 0.8, 0.7],
            [0.5, 0.6, 0.6],
            1,
            f"{LUCKY}, trials 1 and 2 tie over 2 seeds",
        ),
    ],
)
def test_none_of_equals_is_called_the_best(singles: list[float], means: list[float], tied: int, told: str) -> None:
    several = enumerate(zip(singles, means, strict=True))
    made = [Repeated(n, n, own, 2, {0: mean, 1: mean}, tied if own == singles[0] else 1) for n, (own, mean) in several]
    assert verdict(sorted(made, key=lambda one: -one.values[0])) == told


def test_ties_are_counted_among_all_trials(found, trial) -> None:
    trials = [trial(0.9), trial(0.5), trial(0.9), trial(0.9, attributes={"repeats": 0}), trial(0.9)]
    study = found(trials).study
    assert [one.number for one in promoted(study, 2)] == [0, 2]  # the earliest of equals
    told = repeated(study, Store(), "valid/l2r/mrr", {"0": {"7": "0" * 16}, "1": {"7": "1" * 16}})
    assert {one.trial: one.tied for one in told} == {0: 3, 1: 1}


def test_a_killed_search_repeats_no_finished_run(inline: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted, store, done = asked(tmp_path), Store(), list[str]()
    carry_out = ablation.carry_out

    def killed(cells: Any, *about: Any, **options: Any) -> Any:
        carry_out(list(cells)[:1], *about, **options)
        raise KeyboardInterrupt

    monkeypatch.setattr(ablation, "carry_out", killed)
    with pytest.raises(KeyboardInterrupt):
        search(wanted, store)
    assert len(list(store)) == 3 + 1
    # The search is through, its repeats are not.
    assert found_already(wanted, store) is None

    def counted(cells: Any, *about: Any, **options: Any) -> Any:
        done.extend(cell.run.id for cell in cells)
        return carry_out(cells, *about, **options)

    monkeypatch.setattr(ablation, "carry_out", counted)
    sweep = search(wanted, store)
    assert len(done) == 3
    assert len(list(store)) == 3 + 4
    (study,) = studies_of(wanted.storage, "mine")
    assert [cell.seed for cell in cells(wanted, study)] == [7, 7, 8, 8, 9, 9]
    assert [cell.run.id for cell in cells(wanted, study)[:2]] == [one.user_attrs["run"] for one in promoted(study, 2)]
    first, second = sweep.repeats
    assert set(first.values) == {7, 8, 9}
    assert first.mean is not None
    assert second.mean is not None
    assert first.mean >= second.mean
    assert sweep.best is not None
    assert sweep.best.id == study.get_trials()[first.trial].user_attrs["run"]
    assert sweep.best.metric("valid", sweep.objective) == first.single == first.values[7]
    assert repeated(study, store, sweep.objective) == sweep.repeats

    again = found_already(wanted, store)
    assert again is not None
    assert again.repeats == sweep.repeats
    without = asked(tmp_path, FILE.replace(", repeats: {seeds: 3, promote_top: 2}", ""))
    plain = found_already(without, store)  # the same search
    assert plain is not None
    assert (plain.repeats, without.identity) == ((), wanted.identity)
    assert plain.best is not None
    assert plain.best.id == study.best_trial.user_attrs["run"]


def test_what_is_asked_for_is_read_from_a_word() -> None:
    assert parse_repeats("3x5") == Repeats(seeds=3, promote_top=5) == parse_repeats("3")
    assert parse_repeats("none") is None
    for word in ("1x5", "3x0", "three", "3x", "-3", ""):
        with pytest.raises(ConfigurationError, match="--repeats: expected 3x5"):
            parse_repeats(word)
