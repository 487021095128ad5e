"""Where the command line and rows of a suite name the same setting: who wins, and which rows are left alone."""

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from kgprism.platform import configuration
from kgprism.platform.configuration import Overrides, relative
from kgprism.platform.studies.suites.rows import Variant
from kgprism.platform.studies.suites.suite import Suite

SAME = "it would make equal rows of different ones"


@dataclass(frozen=True)
class Contest:
    """``above``: by row, what is laid over its own; ``left``: by setting and reason, the rows that it leaves alone."""

    above: Mapping[str, Overrides] = field(default_factory=dict)
    left: Mapping[tuple[str, str], list[str]] = field(default_factory=dict)

    def told(self, rows: Container[str], source: str) -> list[str]:
        """Return a line for each setting that leaves some of these rows alone."""
        named = [(key, [id_ for id_ in ids if id_ in rows], reason) for (key, reason), ids in self.left.items()]
        return [f"{source} {key}: left alone in {', '.join(ids)}: {reason}" for key, ids, reason in named if ids]


def settle(
    suite: Suite,
    place: tuple[str, float | None],
    extra: Overrides,
    *,
    preset: str | None = None,
    source: str = "--set",
) -> Contest:
    """Decide for each row on one dataset at one seed ratio: what is set wins over the row's own number or word.

    Left alone are a part that the row is about, settings of a part that it does not have, and values by which rows
    would become one.
    """
    extra = _leaves(extra)
    if not any(_rivals(extra, suite.about(row)) for row in suite.variants):
        return Contest()
    above: dict[str, dict[str, Any]] = {}
    left: dict[tuple[str, str], list[str]] = {}
    for row in suite.variants:
        own = _flat(suite, row, place, (extra, {}), preset, source)
        about = suite.about(row)
        for key, reason in _judged(about, own, extra):
            if reason:
                left.setdefault((key, reason), []).append(row.id)
            elif own[key] != extra[key] or _leaves(about) != _leaves(row.override):  # elsewhere it may differ
                above.setdefault(row.id, {})[key] = extra[key]
    identities = {
        row.id: configuration.digest(
            suite.composed(row)[0],
            _flat(suite, row, place, (extra, above.get(row.id, {})), preset, source, stateless=False),
        )
        for row in suite.variants
    }
    known = list(identities.values())
    for id_ in [id_ for id_ in above if known.count(identities[id_]) > 1]:
        for key in above.pop(id_):
            left.setdefault((key, SAME), []).append(id_)
    return Contest(above, left)


def _leaves(extra: Overrides, prefix: str = "") -> dict[str, Any]:
    """Return ``{dotted key: value}`` of overrides that may hold mappings."""
    found: dict[str, Any] = {}
    for key, value in extra.items():
        name = f"{prefix}{key}".removesuffix(".kind")
        if isinstance(value, Mapping) and not relative(value):
            found |= _leaves(value, f"{name}.")
        else:
            found[name] = value
    return found


def _rivals(extra: Overrides, override: Overrides) -> dict[str, str]:
    """Return for a key that is set the key of a row that decides about it: the same, or the nearest part above it."""
    own = _leaves(override)
    found = {key: [word for word in own if key == word or key.startswith(f"{word}.")] for key in extra}
    return {key: max(words, key=len) for key, words in found.items() if words}


def _judged(about: Overrides, own: Overrides, extra: Overrides) -> Iterator[tuple[str, str]]:
    """Yield each contested key, with the reason why the row is left alone, if there is one."""
    override = _leaves(about)
    for key, word in _rivals(extra, override).items():
        if key == word and relative(override[word]):
            continue
        if f"{key}.kind" in own:
            if own[f"{key}.kind"] != extra[key]:
                yield key, "the row is about this part"
        elif key in own:
            yield key, ""
        else:
            yield key, f"{word}={own.get(f'{word}.kind')} has no such setting"


def _flat(
    suite: Suite,
    row: Variant,
    place: tuple[str, float | None],
    set_: tuple[Overrides, Overrides],
    preset: str | None,
    source: str,
    *,
    stateless: bool = True,
) -> dict[str, Any]:
    from kgprism.platform.method import load

    method, chosen = suite.composed(row, preset)
    kind = load(method)
    start = configuration.flatten(configuration.resolve(kind.Config, kind.presets[chosen] if chosen else {}))
    settings = configuration.resolve(kind.Config, start, *suite.layers(row, *place, *set_), source=source)
    return configuration.flatten(settings, stateless=stateless)
