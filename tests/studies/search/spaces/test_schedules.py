"""A schedule that can stop no trial is told, and only such a one."""

from pathlib import Path
from typing import Any

import pytest

from kgprism.platform.data.catalogue import toy
from kgprism.platform.studies.search.request import request
from kgprism.platform.studies.search.spaces import space as spaces
from kgprism.platform.studies.search.spaces.schedules import Halving, Hyperband, Median, Patient, idle

ASHA, MEDIAN = Halving(min=5, max=100), Median(min=5, startup=4)


@pytest.mark.parametrize(
    ("schedule", "every", "epochs", "told"),
    [
        (ASHA, 50, 6, "the first evaluation is at epoch 50, trials have 6"),
        (ASHA, 50, 50, "the first evaluation is at epoch 50, trials have 50"),
        (ASHA, 50, 51, ""),
        (Halving(min=100, max=200), 50, 60, "its min is epoch 100, trials have 60"),
        (Halving(min=51, max=200), 50, 60, "the first evaluation from epoch 51 on is at epoch 100, trials have 60"),
        (Halving(min=5, max=6), 50, 60, ""),  # behind its max the rungs that no evaluation was at still stop
        (Hyperband(min=5, max=50), 50, 60, "the first evaluation from epoch 5 on is at epoch 50, its max is epoch 50"),
        (Hyperband(min=5, max=51), 50, 60, ""),
        (MEDIAN, 3, 6, "the first evaluation from epoch 5 on is at epoch 6, trials have 6"),
        (MEDIAN, 5, 6, ""),
        (Median(min=1, startup=5), 1, 6, "5 must have ended before (startup), the search has 5"),
    ],
)
def test_a_schedule_that_never_acts_says_why(schedule: Any, every: int, epochs: int, told: str) -> None:
    said = f"schedule {schedule.kind}: no trial can be stopped: {told}" if told else ""
    assert idle(schedule, every=every, epochs=epochs, trials=5) == said
    assert idle(Patient(), every=every, epochs=epochs, trials=5) == ""


FILE = """schema: 1
space: tiny
method: loginmea
params: {train.epochs: {type: int, low: 10, high: 80}}
schedule: {kind: asha, min: 40, max: 100}
"""


def test_tuned_epochs_count_with_the_most_that_they_can_be(tmp_path: Path) -> None:
    (tmp_path / "tiny.yaml").write_text(FILE)
    space = spaces.read(str(tmp_path / "tiny.yaml"))

    def told(**given: Any) -> str:
        settings = {key.replace("_", ".", 1): value for key, value in given.items()}
        return request(space, toy.aligned(), overrides=settings).region.idle(5)

    assert told() == ""  # judged at 50 of 80
    assert told(train_epochs=30).endswith("the first evaluation is at epoch 50, trials have 30")
    assert told(eval_every=70) == ""
    assert told(eval_every=90).endswith("the first evaluation is at epoch 90, trials have 80")
    staged = {"pseudo_pairs.stage": "second_stage", "pseudo_pairs.start": 45, "eval.every": 90}
    assert request(space, toy.aligned(), overrides=staged).region.idle(5) == ""
