"""The toggle mechanism: frozen settings, parts that build themselves, slots that hold one part or nothing."""

import types
import typing
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Annotated, Any, ClassVar, Literal, TypeVar, Union

from pydantic import BaseModel, ConfigDict, Field, model_validator

T = TypeVar("T")

#: ``fusion: Slot[LowRank.Config | Sum.Config] = LowRank.Config()`` - the part that sits there is told by its ``kind``.
Slot = Annotated[T, Field(discriminator="kind")]


class _Stateless:
    """Marks a field that cannot change a result and therefore stays out of a run's identity."""


#: ``device: Stateless[str] = "auto"``
Stateless = Annotated[T, _Stateless()]


class Settings(BaseModel):
    """A frozen node of the configuration tree; unknown keys are errors, and numbers are finite."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _refuse_no_numbers(cls, given: Any) -> Any:
        for key in numbers(cls) if isinstance(given, dict) else ():
            if wrong := no_number(given.get(key)):
                raise ValueError(f"{key}: {wrong}")
        return given

    @classmethod
    def stateless_keys(cls) -> set[str]:
        """Return the names of the fields that stay out of a run's identity."""
        return {
            name
            for name, field in cls.model_fields.items()
            if any(isinstance(mark, _Stateless) for mark in field.metadata)
        }


class Part(Settings):
    """Settings of a replaceable piece. A subclass names its ``kind``; what it builds is the `Module` around it."""

    #: whether this part is what its slot holds when the idea is taken out; every slot has one such part
    null: ClassVar[bool] = False
    #: the module whose settings these are
    module: ClassVar[Any] = None

    def made(self, *shapes: Any) -> Any:
        """Return the module; ``build`` of a slot's contract calls it, inside the part's own seeded block."""
        if self.module is None:
            raise TypeError(f"{type(self).__name__} has nothing to build")
        return self.module(self, *shapes)


class Nothing(Part):
    """The null part of a slot; of a slot that builds modules it is the second base, behind their contract's."""

    kind: Literal["none"] = "none"
    null: ClassVar[bool] = True


@cache
def numbers(settings: type[Settings]) -> frozenset[str]:
    """Return the keys that hold numbers, or lists of them, and no truth value."""
    fields = settings.model_fields.items()
    return frozenset(
        field.alias or name
        for name, field in fields
        if _holds(field.annotation, int, float) and not _holds(field.annotation, bool)
    )


def _holds(annotation: Any, *kinds: type) -> bool:
    inner = typing.get_args(annotation)
    return any(annotation is kind for kind in kinds) or any(_holds(part, *kinds) for part in inner)


def no_number(value: Any) -> str:
    """Say why a value is not taken for a number that Python takes for one: ``true`` is not 1, 2**64 is too large."""
    several = value.values() if isinstance(value, Mapping) else value
    for number in several if isinstance(several, Iterable) and not isinstance(several, str) else [value]:
        if isinstance(number, bool):
            return f"expected a number, got {number}"
        if isinstance(number, int) and abs(number) >= 2**63:
            return "expected a number of 64 bits at most"
    return ""


def alternatives(annotation: Any) -> list[type[Settings]]:
    """Return the settings classes that a field may hold: several for a slot, one for a nested node, none for a leaf."""
    origin = typing.get_origin(annotation)
    if origin is Annotated:
        return alternatives(typing.get_args(annotation)[0])
    if origin in (Union, types.UnionType):
        return [found for member in typing.get_args(annotation) for found in alternatives(member)]
    return [annotation] if isinstance(annotation, type) and issubclass(annotation, Settings) else []


@cache
def fields(settings: type[Settings]) -> Mapping[str, list[type[Settings]]]:
    """Return the keys of a class, and the settings classes that each may hold."""
    return {name: alternatives(field.annotation) for name, field in settings.model_fields.items()}


@cache
def kind(part: type[Settings]) -> str:
    """Return the word that selects a part in its slot."""
    return str(part.model_fields["kind"].default)


def slots(config: type[Settings], prefix: str = "") -> dict[str, list[type[Part]]]:
    """Return every slot below a configuration class: dotted key -> the parts that fit, nested slots included."""
    found: dict[str, list[type[Part]]] = {}
    for name, field in config.model_fields.items():
        members = alternatives(field.annotation)
        if any("kind" in member.model_fields for member in members):
            found[prefix + name] = typing.cast(list[type[Part]], members)
        for member in members:
            found |= slots(member, f"{prefix}{name}.")
    return found


def keys(config: type[Settings], prefix: str = "") -> list[str]:
    """Return every dotted key below a configuration class that holds a value or a part, those of all parts included."""
    found: dict[str, None] = {}
    for name, field in config.model_fields.items():
        members = alternatives(field.annotation)
        if name != "kind" and (not members or any("kind" in member.model_fields for member in members)):
            found[prefix + name] = None
        for member in members:
            found |= dict.fromkeys(keys(member, f"{prefix}{name}."))
    return list(found)
