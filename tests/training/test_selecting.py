"""Which epoch is the best."""

import pytest
from torch import nn

from kgprism.platform.settings import METRICS, AlignmentEvaluation, Metric
from kgprism.platform.tasks.task import Judgement
from kgprism.platform.training.selecting import Selecting


@pytest.mark.parametrize("metric", METRICS)
def test_the_best_epoch_has_the_highest_value_or_the_lowest_mean_rank(metric: Metric) -> None:
    selecting = Selecting(("valid", "test"), AlignmentEvaluation(metric=metric), keep_weights=False)
    for epoch, value in enumerate([0.5, 0.9, 0.2, 0.4], 1):
        judged = {split: Judgement({f"l2r/{metric}": value}, {}) for split in ("valid", "test")}
        selecting.offer(epoch, judged, nn.Linear(1, 1))
    assert selecting.chosen()["valid"].epoch == (3 if metric == "mr" else 2)
    assert selecting.chosen()["last"].epoch == 4
