"""Drawings of a search: where things stand."""

import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState

from kgprism.platform.studies.search.after.axes import Along
from kgprism.platform.studies.search.after.lines import curves, front, history, slices
from kgprism.platform.studies.search.after.maps import contour, parallel


def test_axes_put_numbers_in_their_scale_and_words_apart() -> None:
    rate = Along("rate", FloatDistribution(1e-4, 1e-2, log=True))
    assert [rate(1e-4), rate(1e-3), rate(1e-2)] == pytest.approx([0.05, 0.5, 0.95])
    assert [word for _, word in rate.ticks()] == [".0001", ".001", ".01"]
    width = Along("width", IntDistribution(0, 100))
    assert width(25) == pytest.approx(0.05 + 0.9 / 4)
    assert (40, "40") in [(round((place - 0.05) / 0.9 * 100), word) for place, word in width.ticks()]
    words = Along("kind", CategoricalDistribution([True, 1.5, None, "a very long word indeed"]))
    assert [words(word) for word in (True, 1.5, None)] == pytest.approx([1 / 8, 3 / 8, 5 / 8])
    assert [word for _, word in words.ticks()] == ["True", "1.5", "None", "a very long…"]
    assert Along("one", IntDistribution(3, 3))(3) == 0.5


def test_the_course_steps_where_one_is_better_than_all_before(found, trial) -> None:
    for way, steps in (("maximize", 2), ("minimize", 1)):
        (drawn,) = history(found([trial(one) for one in (0.4, 0.2, 0.5, 0.45, 0.9)], directions=(way,)))
        each, best = drawn.lines
        assert len(each.marks) == 5
        assert best.path.count("V") == steps
        assert each.marks[4].told == "trial 4: objective 1 0.9"
    assert history(found([])) == []


def test_what_was_stopped_early_is_hollow(found, trial) -> None:
    stopped = trial(state=TrialState.PRUNED, curve={5: 0.3, 10: 0.2})
    (drawn,) = history(found([trial(0.4), stopped]))
    (mark,) = drawn.lines[2].marks
    assert (mark.told, mark.hollow) == ("trial 1: stopped at epoch 10, 0.3 at its best", True)


def test_curves_and_slices_show_what_there_is(found, trial) -> None:
    some = found([trial(0.5, rank=1.0, curve={1: 0.1, 2: 0.5}), trial(0.7, rank=9.0), trial(0.1, kind="sum")])
    drawn = curves(some)
    assert drawn is not None
    assert [line.label for line in drawn.lines] == ["trial 0 (complete)"]
    rank, kind = slices(some, ["rank", "kind"])
    assert [len(line.marks) for line in rank.lines] == [1, 1]
    assert rank.lines[1].marks[0].told == "trial 1: objective 1 0.7 · rank 9"
    assert [len(line.marks) for line in kind.lines] == [1, 0]
    assert curves(found([trial(0.1)])) is None


def test_the_front_joins_what_is_not_beaten(found, trial) -> None:
    pairs = [(0.5, 10.0), (0.6, 20.0), (0.4, 15.0)]
    (drawn,) = front(found([trial(pair) for pair in pairs], directions=("maximize", "minimize")))
    beaten, ahead = drawn.lines
    assert [len(beaten.marks), len(ahead.marks)] == [1, 2]
    assert beaten.marks[0].hollow
    assert ahead.path.count("L") == 1
    assert front(found([trial(0.1)])) == []


def test_a_map_is_darkest_where_the_best_trials_are(found, trial) -> None:
    some = [trial(rank / 10, rank=rank, rate=rate) for rank in (1.0, 5.0, 9.0) for rate in (1e-4, 1e-2, 1e-1)]
    drawn = contour(found(some), ["rank", "rate"])
    assert drawn is not None
    assert (drawn.across, drawn.upwards, len(drawn.marks)) == ("rank", "rate", 9)
    best = max(drawn.fields, key=lambda field: field.share)
    worst = min(drawn.fields, key=lambda field: field.share)
    assert (best.share, worst.share) == (pytest.approx(1, abs=0.05), 0)
    assert best.x > worst.x
    least = contour(found(some, directions=("minimize",)), ["rank", "rate"])
    assert least is not None
    assert max(least.fields, key=lambda field: field.share).x < best.x
    # Not enough trials, and a parameter that never changes.
    assert contour(found(some[:4]), ["rank", "rate"]) is None
    assert contour(found([trial(0.1 * n, rank=1.0, rate=0.01) for n in range(9)]), ["rank", "rate"]) is None


def test_a_trial_without_a_parameter_runs_below_its_axis(found, trial) -> None:
    drawn = parallel(found([trial(0.2, kind="sum"), trial(0.8, kind="low_rank", rank=5.0)]), ["kind", "rank"])
    assert drawn is not None
    low, best = drawn.threads
    assert (best.best, best.share, drawn.absent) == (True, 1, True)
    bottoms = [max(float(step.split(" ")[1]) for step in one.path[1:].split("L")) for one in (low, best)]
    assert bottoms[0] > bottoms[1]
    assert [name for _, name, _ in drawn.axes] == ["kind", "rank", "objective 1"]
    assert parallel(found([trial(0.2, kind="sum")]), ["kind"]) is None
