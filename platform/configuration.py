"""One frozen tree a run, addressed by dotted keys: overrides, flat view, identity."""

import hashlib
import json
import math
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import ValidationError

from kgprism.platform.errors import ConfigurationError, nearest, nearest_key
from kgprism.platform.part import Settings, fields, keys, kind, no_number, numbers

S = TypeVar("S", bound=Settings)
Overrides = Mapping[str, Any]


class _NowhereError(KeyError):
    """No part of a tree has such a key."""


def resolve(schema: type[S], *layers: Overrides, source: str = "configuration", start: S | None = None) -> S:
    """Return the validated tree: `start`, or the class's defaults, with layers of dotted overrides on top.

    Later layers win. ``fusion.kind`` (or just ``fusion``) puts another part into a slot and forgets the old part's
    keys. A number may be told relative to what the layers below say: ``train.epochs: {times: 0.5}``.

    Raises:
        ConfigurationError: naming the source, the dotted key and the nearest known one.
    """
    tree: dict[str, Any] = (start or schema()).model_dump(mode="json")
    for layer in layers:
        for key in _outer_first(layer, source):
            _put(schema, tree, key, layer[key], source)
    try:
        return schema.model_validate(tree)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(step) for step in first["loc"])
        got = "" if isinstance(first["input"], dict) else f", got {shown(first['input'])}"
        message = first["msg"].removeprefix("Value error, ")
        raise ConfigurationError(f"{source}: {_dotted(tree, place)}: {message}{got}") from None


def shown(value: Any) -> str:
    """Return a value as it is quoted in an error: one short line."""
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _outer_first(layer: Overrides, source: str) -> list[str]:
    """Return the keys so that a part is chosen before anything below it is set: its keys are only known then."""
    if wrong := [key for key in layer if not isinstance(key, str)]:
        raise ConfigurationError(f"{source}: expected a word as a key, got {shown(wrong[0])}")
    return sorted(layer, key=lambda key: (key.removesuffix(".kind").count("."), key != "kind", key))


def _dotted(tree: Mapping[str, Any], place: str) -> str:
    """Drop the slot tags that pydantic puts between the steps of an address."""
    steps, node = [], tree
    for step in place.split("."):
        if isinstance(node, Mapping) and step in node:
            steps.append(step)
            node = node[step]
        elif not (isinstance(node, Mapping) and node.get("kind") == step):
            steps.append(step)
    return ".".join(steps)


def _put(schema: type[Settings], tree: dict[str, Any], key: str, value: Any, source: str) -> None:
    """Write one dotted override into the plain tree, checking every step of its address."""
    try:
        _write(schema, tree, key, value, source)
    except _NowhereError:
        held = [known for known in keys(schema) if _holds(tree, known)]
        near = nearest_key(key, held, keys(schema)) or " (`kgprism methods show METHOD` lists the keys)"
        raise ConfigurationError(f"{source}: unknown key {shown(key)}{near}") from None


def _holds(tree: Mapping[str, Any], key: str) -> bool:
    """Tell whether a plain tree has a key, its parts being chosen as they are."""
    node: Any = tree
    for step in key.split("."):
        if not isinstance(node, Mapping) or step not in node:
            return False
        node = node[step]
    return True


def _write(schema: type[Settings], tree: dict[str, Any], key: str, value: Any, source: str) -> None:
    node, known, walked = tree, [schema], ""
    *path, last = key.split(".")
    for step in path:
        known = _step(known, node, step, walked, key, source)
        if not known or not isinstance(node[step], dict):
            raise ConfigurationError(f"{source}: {shown(walked + step)} has no keys below it, got {shown(key)}")
        node, walked = node[step], f"{walked}{step}."
    below = _step(known, node, last, walked, key, source)
    if last == "kind":
        _choose(known, node, value, key, source)
    elif any("kind" in fields(member) for member in below) and not isinstance(value, Mapping):
        if not isinstance(node[last], dict):
            raise ConfigurationError(f"{source}: {shown(key)} cannot be chosen")
        _choose(below, node[last], value, key, source)
    elif relative(value) and type(node[last]) in (int, float):
        node[last] = _times(node[last], value["times"], f"{source}: {key}")
    elif isinstance(value, Mapping) and below:
        for inner in _outer_first(value, source):
            _put(schema, tree, f"{key}.{inner}", value[inner], source)
    else:
        for member in known:
            if last in numbers(member) and (wrong := no_number(value)):
                raise ConfigurationError(f"{source}: {key}: {wrong}")
        node[last] = value


def relative(value: Any) -> bool:
    """Tell whether an override is a multiple of what is there: ``{times: 0.5}``."""
    return isinstance(value, Mapping) and set(value) == {"times"}


def _times(number: float, factor: Any, place: str) -> float:
    if type(factor) not in (int, float) or not 0 <= factor < math.inf:
        raise ConfigurationError(f"{place}: times: expected a number from 0 on, got {shown(factor)}")
    product = number * factor
    # Half of one epoch is one epoch: a count that is something does not become nothing.
    return product if isinstance(number, float) else max(round(product), min(number, 1) if factor else 0)


def _step(
    known: list[type[Settings]], node: Mapping[str, Any], step: str, walked: str, key: str, source: str
) -> list[type[Settings]]:
    """Return what may stand below one step, or raise with the parts that have the step."""
    here = [member for member in known if "kind" not in fields(member) or kind(member) == node.get("kind")]
    for member in here:
        if step in fields(member):
            return fields(member)[step]
    if others := [kind(member) for member in known if member not in here and step in fields(member)]:
        held = f"{walked.removesuffix('.')}={node.get('kind')} has no {step}"
        have = f"{', '.join(others)} {'has' if len(others) == 1 else 'have'}"
        raise ConfigurationError(f"{source}: unknown key {shown(key)}: {held}; {have}")
    raise _NowhereError


def _choose(known: list[type[Settings]], node: dict[str, Any], word: Any, key: str, source: str) -> None:
    """Put another part into a slot, with its own defaults."""
    parts = {kind(member): member for member in known}
    if not isinstance(word, str) or word not in parts:
        told = shown(str(word))
        raise ConfigurationError(f"{source}: {key}: unknown part {told}{nearest(str(word), parts)}")
    if node.get("kind") != word:
        node.clear()
        node.update(parts[word]().model_dump(mode="json"))


def flatten(settings: Settings, prefix: str = "", *, stateless: bool = True) -> dict[str, Any]:
    """Return ``{dotted key: plain value}``; with ``stateless=False`` only what can change a result."""
    skipped = set() if stateless else type(settings).stateless_keys()
    plain = settings.model_dump(mode="json")
    flat: dict[str, Any] = {}
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        if name in skipped:
            continue
        if isinstance(value, Settings):
            flat |= flatten(value, f"{prefix}{name}.", stateless=stateless)
        else:
            # A set has no order of its own; an identity needs one.
            flat[prefix + name] = sorted(plain[name]) if isinstance(value, frozenset) else plain[name]
    return flat


def digest(*values: Any) -> str:
    """Return 16 hexadecimal digits for plain values; the same on every machine."""
    text = json.dumps(values, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def parse(pairs: list[str], source: str = "--set") -> dict[str, Any]:
    """Read ``key=value`` words, the values as YAML 1.2 (``1e-3`` is a number, ``off`` a word)."""
    from kgprism.platform.plain_yaml import read_yaml

    found = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        if not equals or not key:
            raise ConfigurationError(f"{source}: expected key=value, got {shown(pair)}")
        try:
            found[key.strip()], _ = read_yaml(text)
        except ConfigurationError as error:
            reason = str(error).rpartition("not YAML: ")[2]
            raise ConfigurationError(
                f"{source}: {shown(key)}: cannot read {shown(text)} as a YAML value ({reason})"
            ) from None
    return found
