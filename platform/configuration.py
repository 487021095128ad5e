"""One frozen tree a run, addressed by dotted keys: overrides, flat view, identity."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import ValidationError

from kgprism.platform.errors import ConfigurationError, nearest
from kgprism.platform.part import Settings, alternatives, kind

S = TypeVar("S", bound=Settings)
Overrides = Mapping[str, Any]


def resolve(schema: type[S], *layers: Overrides, source: str = "configuration") -> S:
    """Return the validated tree: the class's defaults with layers of dotted overrides on top, later layers winning.

    ``fusion.kind`` (or just ``fusion``) puts another part into a slot and forgets the old part's keys.

    Raises:
        ConfigurationError: naming the source, the dotted key and the nearest known one.
    """
    tree: dict[str, Any] = schema().model_dump(mode="json")
    for layer in layers:
        for key in _outer_first(layer):
            _put(schema, tree, key, layer[key], source)
    try:
        return schema.model_validate(tree)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(step) for step in first["loc"])
        got = "" if isinstance(first["input"], dict) else f", got {first['input']!r}"
        message = first["msg"].removeprefix("Value error, ")
        raise ConfigurationError(f"{source}: {_dotted(tree, place)}: {message}{got}") from None


def _outer_first(layer: Overrides) -> list[str]:
    """Return the keys so that a part is chosen before anything below it is set: its keys are only known then."""
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
    node, known, walked = tree, [schema], ""
    *path, last = key.split(".")
    for step in path:
        known = _step(known, node, step, walked, key, source)
        if not known or not isinstance(node[step], dict):
            raise ConfigurationError(f"{source}: '{walked}{step}' has no keys below it, got '{key}'")
        node, walked = node[step], f"{walked}{step}."
    below = _step(known, node, last, walked, key, source)
    if last == "kind":
        _choose(known, node, value, key, source)
    elif any("kind" in member.model_fields for member in below) and not isinstance(value, Mapping):
        if not isinstance(node[last], dict):
            raise ConfigurationError(f"{source}: '{key}' cannot be chosen")
        _choose(below, node[last], value, key, source)
    elif isinstance(value, Mapping) and below:
        for inner in _outer_first(value):
            _put(schema, tree, f"{key}.{inner}", value[inner], source)
    else:
        node[last] = value


def _step(
    known: list[type[Settings]], node: Mapping[str, Any], step: str, walked: str, key: str, source: str
) -> list[type[Settings]]:
    """Return what may stand below one step, or raise with the nearest key."""
    here = [member for member in known if "kind" not in member.model_fields or kind(member) == node.get("kind")]
    for member in here:
        if step in member.model_fields:
            return alternatives(member.model_fields[step].annotation)
    rest = key.removeprefix(walked + step)
    words = {walked + name + rest for member in here for name in member.model_fields}
    raise ConfigurationError(f"{source}: unknown key '{key}'{nearest(key, words)}")


def _choose(known: list[type[Settings]], node: dict[str, Any], word: Any, key: str, source: str) -> None:
    """Put another part into a slot, with its own defaults."""
    parts = {kind(member): member for member in known}
    if word not in parts:
        raise ConfigurationError(f"{source}: {key}: unknown part '{word}'{nearest(str(word), parts)}")
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
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    found = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        if not equals or not key:
            raise ConfigurationError(f"{source}: expected key=value, got '{pair}'")
        try:
            found[key.strip()] = YAML(typ="safe", pure=True).load(text)
        except YAMLError:
            raise ConfigurationError(f"{source}: {key}: cannot read '{text}' as a YAML value") from None
    return found
