"""Rows that a suite does not write down: leave one part out, add one in, all subsets, a sweep over a key."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import combinations, islice
from typing import Any

from ruamel.yaml.error import StreamMark
from ruamel.yaml.nodes import MappingNode

from kgprism.platform.errors import KgprismError, nearest
from kgprism.platform.studies.suites.reading.document import Document, Place
from kgprism.platform.studies.suites.rows import Generator, Sweep, Toggle, Toggles, Variant

#: More rows than this are a mistake.
MOST_ROWS = 1000
_NOT_IN_A_NAME = re.compile(r"[^\w.-]+")
Row = tuple[Variant, Place]
Known = Mapping[str, tuple[Toggle, Place]]


def generated(
    document: Document, full: Variant, toggles: Sequence[Toggle], generators: Sequence[Generator]
) -> list[Row]:
    """Return the rows that generators make of the full row, each with the place in the file that it comes from.

    A row has the full row's method, preset and override, and below a name of its own what is switched or set. Rows
    that switch the same parts are one, named by the generator that stands first.

    Raises:
        ConfigurationError: naming file, line and column: an unknown toggle, a name that is too long, too many rows.
    """
    known: dict[str, tuple[Toggle, Place]] = {}
    for n, toggle in enumerate(toggles):
        if toggle.name in known:
            raise document.error(("toggles", n, "name"), f"toggle '{toggle.name}' is there twice")
        known[toggle.name] = toggle, ("toggles", n)
    rows: dict[Any, Row] = {}
    for n, generator in enumerate(generators):
        place: Place = ("generate", n)
        made = (
            _swept(full, generator.sweep, place)
            if generator.sweep
            else _switched(document, full, known, generator, place)
        )
        for key, (row, where) in islice(made, MOST_ROWS + 1):
            rows.setdefault(key, (_named(document, row, generator.group, where), where))
        if len(rows) > MOST_ROWS:
            raise document.error(place, f"more than {MOST_ROWS} rows")
    return list(rows.values())


def row_names(about: Mapping[str, Any]) -> list[str]:
    """Return the names of the rows of an outline, also of those that it makes, as far as they are right."""
    nowhere = Document("", {}, MappingNode("", [], StreamMark("", 0, 0, 0), None))
    listed = {key: value for key, value in about.items() if isinstance(value, list)}
    rows = [row for row in listed.get("variants", ()) if isinstance(row, dict) and isinstance(row.get("id"), str)]
    names = [row["id"] for row in rows]
    with suppress(KgprismError, ValueError, TypeError, LookupError):
        toggles = [Toggle.model_validate(one) for one in listed.get("toggles", ())]
        generators = [Generator.model_validate(one) for one in listed.get("generate", ())]
        full = Variant.model_validate(next((row for row in rows if row.get("full") is True), rows[0]))
        names += [row.id for row, _ in generated(nowhere, full, toggles, generators)]
    return [name for name in names if name not in listed.get("drop", ())]


def _switched(
    document: Document, full: Variant, known: Known, generator: Generator, place: Place
) -> Iterator[tuple[Any, tuple[dict[str, Any], Place]]]:
    """Yield rows by the set of parts that differ from the full row."""
    if generator.all_subsets:
        subsets, words = generator.all_subsets, generator.all_subsets.of
        names = _chosen(document, known, words, (*place, "all_subsets", "of"))
        for size in range(1, min(subsets.max, len(names)) + 1):
            for some in combinations(names, size):
                yield frozenset(some), _row(document, full, known, some)
    elif generator.leave_one_out:
        where = (*place, "leave_one_out")
        for n, name in enumerate(_chosen(document, known, generator.leave_one_out, where)):
            if known[name][0].out:
                yield frozenset([name]), _row(document, full, known, [name])
            elif generator.leave_one_out != "all":
                raise document.error((*where, n), f"toggle '{name}' is not in the full method: it has no 'out'")
    elif generator.add_one_in:
        names = _chosen(document, known, generator.add_one_in, (*place, "add_one_in"))
        bare = [name for name in names if known[name][0].out]
        if bare and [] not in _together(document, known, bare).values():  # nothing of the method would be left
            yield frozenset(bare), _row(document, full, known, bare, "bare", f"w/o {_listed(known, bare)}")
        for name in names:
            rest = [one for one in bare if one != name] + ([] if name in bare else [name])
            if rest:
                yield frozenset(rest), _row(document, full, known, rest, f"only-{name}", f"only {known[name][0].title}")


def _chosen(document: Document, known: Mapping[str, Any], words: Toggles, place: Place) -> list[str]:
    if words == "all":
        if not known:
            raise document.error(place, "there are no toggles")
        return list(known)
    for n, word in enumerate(words):
        if word not in known:
            raise document.error((*place, n), f"unknown toggle '{word}'{nearest(word, known)}")
        if word in words[:n]:
            raise document.error((*place, n), f"toggle '{word}' is there twice")
    return list(words)


def _row(
    document: Document, full: Variant, known: Known, names: Sequence[str], id_: str = "", label: str = ""
) -> tuple[dict[str, Any], Place]:
    """Return the row in which some parts are switched, and the place of the first of them."""
    lost = [name for name in names if known[name][0].out]
    gained = [name for name in names if name not in lost]
    words = [f"{word} {_listed(known, some)}" for word, some in (("w/o", lost), ("with", gained)) if some]
    made = id_ or "-".join([*(f"no-{name}" for name in lost), *(f"with-{name}" for name in gained)])
    first, place = known[names[0]]
    changed = {
        "id": made,
        "label": label or ", ".join(words),
        "override": {**full.override, **_together(document, known, names)},
    }
    return {**_kept(full), **changed}, (*place, "out" if first.out else "in")


def _together(document: Document, known: Known, names: Sequence[str]) -> dict[str, Any]:
    """Return what switching several parts sets: of lists that several cut down, such as modalities, what all leave."""
    override: dict[str, Any] = {}
    setter: dict[str, str] = {}
    for name in names:
        toggle, place = known[name]
        for key, value in (toggle.out or toggle.into).items():
            before = override.get(key, value)
            if (
                toggle.out
                and isinstance(before, list)
                and isinstance(value, list)
                and known[setter.get(key, name)][0].out
            ):
                override[key] = [one for one in before if one in value]
            elif before == value:
                override[key] = value
            else:
                told = f"toggles '{setter[key]}' and '{name}' both set {key}: they cannot be switched together"
                raise document.error((*place, "out" if toggle.out else "in", key), told)
            setter.setdefault(key, name)
    return override


def _listed(known: Known, names: Sequence[str]) -> str:
    return ", ".join(known[name][0].title for name in names)


def _swept(full: Variant, sweep: Sweep, place: Place) -> Iterator[tuple[Any, tuple[dict[str, Any], Place]]]:
    """Yield a row a value; each is one of its own, so that a value that stands twice is found."""
    last = sweep.key.removesuffix(".kind").rpartition(".")[2]
    for n, value in enumerate(sweep.values):
        text = _written(value)
        where = (*place, "sweep", "values", n)
        label = sweep.label.replace("{value}", text) if sweep.label else f"{last} = {text}"
        made = {"id": f"{last}-{_NOT_IN_A_NAME.sub('-', text)}", "label": label}
        yield where, ({**_kept(full), **made, "override": {**full.override, sweep.key: value}}, where)


def _written(value: Any) -> str:
    """Return a value as a label shows it."""
    if isinstance(value, list):
        return ", ".join(map(_written, value))
    if isinstance(value, dict):
        return ", ".join(f"{key} {_written(one)}" for key, one in value.items())
    return str(value).lower() if value is None or isinstance(value, bool) else str(value)


def _kept(full: Variant) -> dict[str, Any]:
    return {"method": full.method, "preset": full.preset}


def _named(document: Document, row: Mapping[str, Any], group: str, place: Place) -> Variant:
    try:
        return Variant(**row, group=group)
    except ValueError:
        told = f"the name of the row, '{row['id'][:80]}', is too long for a file's: expected shorter names"
        raise document.error(place, told) from None
