"""Early stops without Ray: which trials end, and that a rule remembers what a killed process has seen."""

from types import SimpleNamespace
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState

from kgprism.platform.part import Part
from kgprism.platform.studies.search.running.stopping import stopping
from kgprism.platform.studies.search.searcher import StudySearcher
from kgprism.platform.studies.search.spaces.samplers import Search
from kgprism.platform.studies.search.spaces.schedules import Halving, Hyperband, Median, Patient
from kgprism.platform.studies.search.study import continued
from kgprism.platform.studies.search.trainable import CURVE, EPOCH, VALUE

EPOCHS = 8
UNUSED: Any = None


def rate(trial: optuna.Trial) -> dict[str, Any]:
    return {"rate": trial.suggest_float("rate", 0, 1)}


def study(rates: list[float]) -> optuna.Study:
    made = optuna.create_study(direction="maximize", study_name="s")
    continued(made, "sqlite:///s.db", Search(sampler="random"), 0, [{"rate": value} for value in rates])
    return made


def carried_out(made: optuna.Study, schedule: Part, trials: int, dies: tuple[int, int] = (-1, 0)) -> None:
    """Do as Tune does with trials whose value is their rate times the epoch; in trial and epoch `dies` all ends."""
    searcher = StudySearcher(made, rate, trials)
    rule = stopping(schedule, searcher)
    for name in map(str, range(99)):
        if (proposed := searcher.suggest(name)) == StudySearcher.FINISHED:
            return
        assert proposed is not None
        trial: Any = SimpleNamespace(trial_id=name)
        if rule:
            rule.on_trial_add(UNUSED, trial)
        curve = [(epoch, proposed["overrides"]["rate"] * epoch) for epoch in range(1, EPOCHS + 1)]
        for epoch, value in curve:
            if (searcher.running[name].trial.number, epoch) == dies:
                return
            result: dict[str, Any] = {EPOCH: epoch, VALUE: value} | ({CURVE: curve} if epoch == EPOCHS else {})
            if rule and rule.on_trial_result(UNUSED, trial, result) == "STOP":
                break
            searcher.on_trial_result(name, result)
        searcher.on_trial_complete(name, result)


def ends(made: optuna.Study) -> list[tuple[str, int | None]]:
    return [(trial.state.name, trial.last_step) for trial in made.trials]


WHOLE = ("COMPLETE", EPOCHS)
FALLING = [0.9, 0.8, 0.7, 0.6]


@pytest.mark.parametrize(
    ("schedule", "told"),
    [
        (Patient(), [WHOLE] * 4),
        (Halving(min=2, max=8, eta=2), [WHOLE] + [("PRUNED", 2)] * 3),
        (Median(min=3, startup=1), [WHOLE] + [("PRUNED", 3)] * 3),
        (Median(min=3, startup=2), [WHOLE] * 2 + [("PRUNED", 3)] * 2),
        (Median(min=8, startup=1), [WHOLE] * 4),
    ],
)
def test_who_is_worse_than_those_before_ends_early(schedule: Part, told: list[Any]) -> None:
    made = study(FALLING)
    carried_out(made, schedule, 4)
    assert ends(made) == told


def test_of_hyperband_some_are_more_patient_than_others_and_none_is_stopped_late() -> None:
    made = study([0.99 - number / 100 for number in range(40)])
    carried_out(made, Hyperband(min=1, max=4, eta=2), 40)
    stopped = {epoch for state, epoch in ends(made) if state == "PRUNED"}
    assert stopped == {1, 2}
    assert ends(made)[0] == WHOLE
    assert 3 <= ends(made).count(WHOLE) < 40


@pytest.mark.parametrize("schedule", [Halving(min=2, max=8, eta=2), Median(min=2, startup=1), Hyperband(min=2, max=3)])
def test_what_was_seen_before_a_kill_is_remembered(schedule: Part) -> None:
    undisturbed, killed = study(FALLING), study(FALLING)
    carried_out(undisturbed, schedule, 4)
    carried_out(killed, schedule, 4, dies=(2, 2))
    continued(killed, "sqlite:///s.db", Search(sampler="random"), 0)
    carried_out(killed, schedule, 4)
    assert killed.trials[2].state == TrialState.FAIL
    found = [
        {
            trial.params["rate"]: (trial.state, trial.last_step)
            for trial in made.trials
            if trial.state != TrialState.FAIL
        }
        for made in (undisturbed, killed)
    ]
    assert found[0] == found[1]
    assert {state for state, _ in found[0].values()} == {TrialState.COMPLETE, TrialState.PRUNED}
