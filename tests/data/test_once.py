"""What is made of a dataset is made once, and goes with it."""

import gc
import weakref
from typing import Any

import numpy as np
import pytest

from kgprism.platform.data.catalogue.toy import completion
from kgprism.platform.data.graph import CompletionGraph
from kgprism.platform.data.inputs import holdout, training_graph
from kgprism.platform.data.once import MOST, once_a_dataset
from kgprism.platform.settings import CompletionData
from kgprism.platform.training.run import plan


class Data:
    """Stands for a dataset."""


def test_a_result_is_made_once_for_each_dataset_and_setting() -> None:
    asked = []

    @once_a_dataset
    def make(data: Data, ratio: float, seed: int = 0) -> tuple[float, int]:
        asked.append(ratio)
        return ratio, seed

    one, other = Data(), Data()
    assert [make(one, 0.1), make(one, 0.1), make(one, 0.2), make(one, 0.1, seed=3), make(other, 0.1)] == [
        (0.1, 0),
        (0.1, 0),
        (0.2, 0),
        (0.1, 3),
        (0.1, 0),
    ]
    assert asked == [0.1, 0.2, 0.1, 0.1]


def test_results_are_bounded_in_number_and_go_with_their_dataset() -> None:
    asked = []

    @once_a_dataset
    def make(data: Data, number: int) -> list[int]:
        asked.append(number)
        return [number]

    data = Data()
    for number in range(MOST + 1):
        make(data, number)
    make(data, MOST)
    assert len(asked) == MOST + 1
    make(data, 0)
    assert len(asked) == MOST + 2  # the oldest one had gone
    gone = weakref.ref(data)
    del data
    gc.collect()
    assert gone() is None


def test_an_error_is_not_kept() -> None:
    tries = []

    @once_a_dataset
    def make(data: Data) -> int:
        tries.append(1)
        if len(tries) == 1:
            raise ValueError("not yet")
        return 5

    data = Data()
    with pytest.raises(ValueError, match="not yet"):
        make(data)
    assert make(data) == 5


def test_planning_many_runs_holds_out_once(monkeypatch: pytest.MonkeyPatch) -> None:
    toy = completion()
    leaky = CompletionGraph("leaky", toy.graph, toy.test.copy(), toy.test)  # its own object: nothing is known of it
    drawn: list[int] = []
    choose = holdout._chosen

    def counted(*given: Any) -> np.ndarray:
        drawn.append(1)
        return choose(*given)

    monkeypatch.setattr(holdout, "_chosen", counted)
    runs = [plan("ikrl", leaky, seed, {"train.learning_rate": rate}) for seed in range(2) for rate in (0.1, 0.2, 0.3)]
    assert len(drawn) == 1
    assert len({run.id for run in runs}) == 6
    plan("ikrl", leaky, 0, {"data.holdout": 0.2})
    assert len(drawn) == 2


@pytest.mark.parametrize("data", [CompletionData(text="labels"), CompletionData(valid="holdout", text="labels")])
def test_text_of_names_is_made_once(data: CompletionData) -> None:
    toy = completion()
    first, notes = training_graph.adapt(toy, data)
    again, same = training_graph.adapt(toy, data)
    assert first is again
    assert notes == same
    wider, _ = training_graph.adapt(toy, data.model_copy(update={"text_width": 64}))
    assert wider.graph.features["text"].values.shape[1] == 64
