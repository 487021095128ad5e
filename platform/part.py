"""The toggle mechanism: frozen settings, parts that build themselves, slots that hold one part or nothing."""

import types
import typing
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, TypeVar, Union

from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    from torch import nn

T = TypeVar("T")

#: ``fusion: Slot[LowRank | Concat | Nothing] = LowRank()`` - which part sits there is data, told by its ``kind``.
Slot = Annotated[T, Field(discriminator="kind")]


class _Stateless:
    """Marks a field that cannot change a result and therefore stays out of a run's identity."""


#: ``device: Stateless[str] = "auto"``
Stateless = Annotated[T, _Stateless()]


class Settings(BaseModel):
    """A frozen node of the configuration tree; unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    @classmethod
    def stateless_keys(cls) -> set[str]:
        """Return the names of the fields that stay out of a run's identity."""
        return {
            name
            for name, field in cls.model_fields.items()
            if any(isinstance(mark, _Stateless) for mark in field.metadata)
        }


class Part(Settings):
    """Settings of a replaceable piece. A subclass names its ``kind`` and builds its module from data shapes."""

    #: whether this part is what its slot holds when the idea is taken out; every slot has one such part
    null: ClassVar[bool] = False

    def build(self, *shapes: Any, **options: Any) -> "nn.Module":
        """Return the module; called inside the part's own seeded block."""
        raise TypeError(f"{type(self).__name__} has nothing to build")


class Nothing(Part):
    """The null part of every slot: it builds an identity."""

    kind: Literal["none"] = "none"
    null: ClassVar[bool] = True

    def build(self, *shapes: Any, **options: Any) -> "nn.Module":
        from torch import nn  # here, so that the command line can check a key without waiting for torch

        return nn.Identity()


def alternatives(annotation: Any) -> list[type[Settings]]:
    """Return the settings classes that a field may hold: several for a slot, one for a nested node, none for a leaf."""
    origin = typing.get_origin(annotation)
    if origin is Annotated:
        return alternatives(typing.get_args(annotation)[0])
    if origin in (Union, types.UnionType):
        return [found for member in typing.get_args(annotation) for found in alternatives(member)]
    return [annotation] if isinstance(annotation, type) and issubclass(annotation, Settings) else []


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
