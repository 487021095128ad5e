"""Every key of a configuration: where it stands, its default, what it may be, what it is."""

from collections.abc import Iterator
from dataclasses import dataclass
from types import NoneType
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

from kgprism.platform.configuration import flatten
from kgprism.platform.part import Settings, alternatives, kind

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

#: How a bound on a number is written.
BOUNDS = {"ge": ">=", "gt": ">", "le": "<=", "lt": "<"}
#: How a value's type is called.
TYPES = {int: "integer", float: "number", str: "word", bool: "true, false", NoneType: "none"}


@dataclass(frozen=True)
class Key:
    """What can be set: by its dotted key, in the part that has it, if it is a slot's."""

    key: str
    part: str
    default: Any
    allowed: str
    description: str
    #: all that it may be, where that is one of a few words
    words: tuple[str, ...] = ()


def keys_of(settings: Settings, prefix: str = "", part: str = "") -> Iterator[Key]:
    """Yield every key below settings, those of parts that are not chosen included, each with its default."""
    flat = flatten(settings)
    for name, field in type(settings).model_fields.items():
        held, members, about = getattr(settings, name), alternatives(field.annotation), field.description or ""
        if name == "kind":
            continue
        if not members:
            yield Key(prefix + name, part, flat[name], _allowed(field), about, _words(field.annotation))
        elif "kind" not in members[0].model_fields:
            yield from keys_of(held, f"{prefix}{name}.", part)
        else:
            words = tuple(map(kind, members))
            chosen: type[Settings] = type(held)
            yield Key(prefix + name, part, kind(chosen), ", ".join(words), about, words)
            for member in members:
                inner = held if isinstance(held, member) else member()
                yield from keys_of(inner, f"{prefix}{name}.", kind(member))


def _allowed(field: "FieldInfo") -> str:
    """Return what a setting may be: ``gcn, gat``, ``integer >= 1``, ``number > 0, < 1``."""
    marks = [(sign, getattr(mark, word, None)) for mark in field.metadata for word, sign in BOUNDS.items()]
    bounds = ", ".join(f"{sign} {bound}" for sign, bound in marks if bound is not None)
    return f"{_values(field.annotation)} {bounds}".strip()


def _values(annotation: Any) -> str:
    """Return words, or the name of a type."""
    inner = get_args(annotation)
    if get_origin(annotation) is Literal:
        return ", ".join(map(str, inner))
    if get_origin(annotation) is frozenset:
        return f"some of {_values(inner[0])}"
    return TYPES[annotation] if annotation in TYPES else " or ".join(map(_values, inner))


def _words(annotation: Any) -> tuple[str, ...]:
    """Return the words of which a value is one, none where it is a number or a set."""
    if get_origin(annotation) is Literal:
        return tuple(map(str, get_args(annotation)))
    return ("true", "false") if annotation is bool else ()
