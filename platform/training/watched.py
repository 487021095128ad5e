"""Which settings anything looks at: a copy of a configuration tree that notes the keys that are read."""

from functools import cache
from typing import Any, TypeVar

from kgprism.platform.part import Settings

S = TypeVar("S", bound=Settings)


def watched(settings: S) -> tuple[S, set[str]]:
    """Return a copy that behaves as the settings do, and the dotted keys of what was read from it so far."""
    copy, read = settings.model_copy(deep=True), set[str]()
    _watch(copy, "", read)
    return copy, read


def _watch(node: Settings, prefix: str, read: set[str]) -> None:
    for name in type(node).model_fields:
        if isinstance(below := getattr(node, name), Settings):
            _watch(below, f"{prefix}{name}.", read)
    # The copy is frozen, as are all settings.
    object.__setattr__(node, "__class__", _watching(type(node)))
    object.__setattr__(node, "__pydantic_private__", {"prefix": prefix, "read": read})


@cache
def _watching(kind: type[Settings]) -> type[Settings]:
    """Return a class of settings that notes what is read of one of its own."""

    def noting(self: Settings, name: str) -> Any:
        if name in fields:
            private = object.__getattribute__(self, "__pydantic_private__")
            private["read"].add(private["prefix"] + name)
        return object.__getattribute__(self, name)

    fields = frozenset(kind.model_fields)
    return type(kind.__name__, (kind,), {"__getattribute__": noting, "__module__": kind.__module__})
