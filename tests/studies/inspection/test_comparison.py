"""A row beside the full method: what does nothing, what does, what does more than it says."""

from typing import Any

from kgprism.platform.data.catalogue import toy
from kgprism.platform.studies.inspection.comparison import Comparison, compare
from kgprism.platform.training.probe import trace
from kgprism.platform.training.run import plan

BASE: dict[str, Any] = {"graph_width": 8, "modal_width": 8}


def compared(method: str, override: dict[str, Any], base: dict[str, Any] = BASE, asked: Any = None) -> Comparison:
    dataset = toy.aligned()
    full, row = plan(method, dataset, 1, base), plan(method, dataset, 1, base, override)
    return compare(full, row, asked or override, trace(full, dataset, 32), trace(row, dataset, 32))


def test_another_part_changes_losses_gradients_and_what_is_judged() -> None:
    found = compared("loginmea", {"fusion": "sum"})
    assert not found.inert
    assert found.verdict == "changes"
    assert (bool(found.weights), bool(found.terms), found.judged > 0, found.unasked) == (True, True, True, ())
    assert found.change > 0.01


def test_a_setting_that_nothing_uses_does_nothing_and_says_so() -> None:
    # The name's share of noise, where no names are among the modalities.
    found = compared("ibmea", {"encoders.name.beta": 0.5}, {})
    assert found.inert
    assert found.verdict == "does nothing"
    assert found.why == "gradient change 0; nothing reads encoders.name.beta"
    assert found.remarks == [f"does nothing: {found.why}"]


def test_a_rate_or_a_judge_acts_beside_a_step() -> None:
    found = compared("loginmea", {"train.learning_rate": 0.1, "eval.csls_k": 1})
    assert (found.moved, found.inert, found.verdict) == (0, False, "not in a step")
    assert set(found.beside) == {"train.learning_rate", "eval.csls_k"}


def test_weights_that_begin_without_effect_are_told() -> None:
    found = compared("eva", {"modalities": ["image"]}, {"modalities": ["image", "text"]})
    still = found.model_copy(update={"terms": (), "moved": 0, "change": 0.0, "judged": 0.0})
    assert found.verdict == "changes"
    assert (still.inert, still.verdict) == (False, "weights only")


def test_a_row_that_changes_more_than_it_says_is_told() -> None:
    found = compared("loginmea", {"fusion": "sum", "train.clip": 1.0}, asked=["fusion"])
    assert found.unasked == ("train.clip",)
    assert found.remarks == ["changes more than it says: train.clip"]
