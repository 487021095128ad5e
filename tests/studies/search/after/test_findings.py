"""What a study tells: which trials are some, in which order, and which no other one beats."""

from optuna.trial import TrialState

from kgprism.platform.studies.search.after.findings import file_name
from kgprism.platform.studies.search.sampling.attributes import BROKEN, REASON, REPEATS


def test_only_what_was_tried_is_a_trial(found, trial) -> None:
    told = found(
        [
            trial(0.2, rate=0.01),
            trial(0.2, rate=0.01, attributes={REPEATS: 0, "run": "a"}),
            trial(attributes={REASON: "loss is nan"}),
            trial(),  # a kill interrupted it
            trial(attributes={BROKEN: "rank <= width", REASON: "rank <= width"}),
            trial(state=TrialState.WAITING),
            trial(state=TrialState.PRUNED, curve={5: 0.1}),
            trial(0.7, kind="sum"),
            trial(state=TrialState.RUNNING),
        ]
    )
    assert [(one.number, one.state) for one in told.ordered] == [
        *((7, "complete"), (0, "complete"), (2, "failed"), (6, "pruned"), (8, "running")),
    ]
    assert [one.number for one in told.best] == [7]
    assert told.repeated == 1
    assert set(told.distributions) == {"rate", "kind"}
    assert told.ordered[2].reason == "loss is nan"
    assert found([]).best == ()


def test_no_name_leads_out_of_its_folder() -> None:
    assert file_name("mine-1.a b") == "mine-1.a b"
    assert file_name("../../etc/x") == "_.._etc_x"
    assert (file_name("a\\b\0"), file_name(".."), len(file_name("x" * 300))) == ("a_b_", "search", 100)


def test_the_least_is_best_where_it_is_asked_for(found, trial) -> None:
    told = found([trial(3.0), trial(1.0), trial(2.0)], directions=("minimize",))
    assert [one.number for one in told.ordered] == [1, 2, 0]
    assert [one.number for one in told.best] == [1]


def test_the_front_is_what_no_other_beats_in_all(found, trial) -> None:
    pairs = [(0.5, 10.0), (0.6, 20.0), (0.5, 11.0), (0.7, 5.0), (0.7, 5.0), (0.9, 90.0)]
    told = found([trial(pair) for pair in pairs], directions=("maximize", "minimize"))
    # Two that are alike do not beat each other.
    assert [one.number for one in told.best] == [5, 3, 4]
    assert {one.number for one in told.best} >= {one.number for one in told.study.best_trials}
