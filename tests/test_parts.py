"""Settings are frozen, slots tell what fits into them, and build the module around them."""

from typing import Literal

import pytest
from pydantic import Field, ValidationError

from kgprism.platform.module import Module
from kgprism.platform.part import Nothing, Part, Settings, Slot, Stateless, alternatives, kind, numbers, slots


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


class Mixing(Module):
    class Config(Part):
        def build(self, width: int) -> "Mixing":
            return self.made(width)


class Mixed(Mixing):
    class Config(Mixing.Config):
        kind: Literal["mixed"] = "mixed"
        depth: int = 2

    def __init__(self, settings: Config, width: int) -> None:
        super().__init__()
        self.shape = settings.depth, width


class Heir(Mixed):
    class Config(Mixed.Config):
        depth: int = 3


class NoMixing(Mixing):
    class Config(Mixing.Config, Nothing):
        pass

    def __init__(self, settings: Config, width: int) -> None:
        super().__init__()


def test_settings_build_the_module_around_them() -> None:
    built = Mixed.Config(depth=5).build(7)
    assert type(built) is Mixed
    assert built.shape == (5, 7)
    assert type(Heir.Config().build(7)) is Heir
    assert type(Mixed.Config().build(7)) is Mixed


def test_the_null_part_of_a_contract_is_one_of_its_kind() -> None:
    assert isinstance(NoMixing.Config().build(7), Mixing)
    assert kind(NoMixing.Config) == "none"
    assert NoMixing.Config.null
    assert not Mixed.Config.null


def test_a_part_that_builds_nothing_says_so() -> None:
    with pytest.raises(TypeError, match="Bias has nothing to build"):
        Bias().made()


def test_true_is_no_number_wherever_settings_are_read() -> None:
    class Numbers(Settings):
        count: int = 1
        rates: tuple[float, ...] = (0.5,)
        flag: bool = False
        either: bool | int = 0
        word: int | None = Field(None, alias="name")

    assert numbers(Numbers) == {"count", "rates", "name"}
    assert Numbers.model_validate({"count": 1e3, "flag": True, "either": True}).count == 1000
    for wrong in ({"count": True}, {"rates": [1, False]}, {"name": True}, {"count": 2**63}, {"rates": [float("inf")]}):
        with pytest.raises(ValidationError, match=r"expected a number|finite"):
            Numbers.model_validate(wrong)
