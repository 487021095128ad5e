"""Settings are frozen, slots tell what fits into them, the null part is an identity."""

from typing import Literal

import pytest
import torch
from pydantic import ValidationError

from kgprism.platform.part import Nothing, Part, Settings, Slot, Stateless, alternatives, kind, slots


class Bias(Part):
    kind: Literal["bias"] = "bias"


class Gate(Part):
    kind: Literal["gate"] = "gate"
    bias: Slot[Bias | Nothing] = Nothing()


class Plain(Settings):
    width: int = 4
    gate: Slot[Gate | Nothing] = Gate()


class Tree(Settings):
    inner: Plain = Plain()
    rate: float = 0.5
    gate: Slot[Bias | Nothing] = Nothing()
    optional: Plain | None = None
    verbose: Stateless[bool] = False


def test_slots_are_found_at_every_depth() -> None:
    found = {key: [kind(part) for part in parts] for key, parts in slots(Tree).items()}
    assert found == {
        "gate": ["bias", "none"],
        "inner.gate": ["gate", "none"],
        "inner.gate.bias": ["bias", "none"],
        "optional.gate": ["gate", "none"],
        "optional.gate.bias": ["bias", "none"],
    }


def test_alternatives_of_a_leaf_a_node_and_a_slot() -> None:
    fields = Tree.model_fields
    assert alternatives(fields["rate"].annotation) == []
    assert alternatives(fields["inner"].annotation) == [Plain]
    assert alternatives(fields["gate"].annotation) == [Bias, Nothing]


def test_settings_are_frozen_and_refuse_unknown_keys() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Tree().rate = 1.0  # type: ignore[misc]
    with pytest.raises(ValidationError, match="Extra inputs"):
        Tree(rat=1.0)  # type: ignore[call-arg]


def test_stateless_marks_survive_constraints() -> None:
    assert Tree.stateless_keys() == {"verbose"}


def test_the_null_part_builds_an_identity() -> None:
    values = torch.arange(6.0).reshape(2, 3)
    assert torch.equal(Nothing().build(3, 4)(values), values)
    assert Nothing.null
    assert not Gate.null


def test_a_part_that_builds_nothing_says_so() -> None:
    with pytest.raises(TypeError, match="Bias"):
        Bias().build()
