"""What a suite file must keep besides its form: names, places in the grid, settings that a method has."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from kgprism.platform import configuration
from kgprism.platform.configuration import Overrides
from kgprism.platform.errors import ConfigurationError, nearest
from kgprism.platform.part import Settings
from kgprism.platform.settings import DIRECTIONS
from kgprism.platform.studies.suites.evaluations import rows_again, unfit, unsound
from kgprism.platform.studies.suites.generated import Row
from kgprism.platform.studies.suites.grid import SEED_RATIO, Constant, Grid, Where
from kgprism.platform.studies.suites.reading.document import Document, Place
from kgprism.platform.studies.suites.rows import Variant
from kgprism.platform.training.about import about

if TYPE_CHECKING:
    from kgprism.platform.studies.suites.suite import Suite


def misnamed(suite: "Suite", rows: list[Row]) -> Iterator[tuple[Place, str]]:
    """Yield names that stand twice or point at nothing."""
    ids: dict[str, Place] = {}
    named = [((*place, "id"), row.id) for row, place in rows]
    named += [(("published_only", n, "id"), v.id) for n, v in enumerate(suite.published_only)]
    for place, word in named:
        if word in ids:
            yield place, f"variant '{word}' is there twice"
        ids[word] = place
    yield from unsound(suite.evaluations, [row for row, _ in rows], ids)
    ids |= {again.row.id: () for again in rows_again([row for row, _ in rows], suite.evaluations)}
    for n, metric in enumerate(suite.metrics):
        if metric in suite.metrics[:n]:
            yield ("metrics", n), f"metric '{metric}' is there twice"
    for n, word in enumerate(suite.drop):
        if not ids.get(word):
            yield ("drop", n), f"unknown variant '{word}'{nearest(word, ids)}"
    if {row.id for row, _ in rows} <= set(suite.drop):
        yield ("drop",), "every row is dropped"
    if sum(variant.full for variant in suite.variants) > 1:
        yield ("variants",), "more than one variant is marked full"
    yield from _uncompared(suite, rows)
    if not suite.grid.places():
        yield ("grid", "exclude"), "every cell of the grid is excluded"
    for n, row in enumerate(suite.reference):
        if row.variant not in ids:
            yield ("reference", n, "variant"), f"unknown variant '{row.variant}'{nearest(row.variant, ids)}"
        yield from _outside(suite.grid, Where(dataset=row.dataset, seed_ratio=row.seed_ratio), ("reference", n))
        if row.seed_ratio is None and suite.grid.seed_ratio:
            yield ("reference", n), "expected a seed_ratio, as the grid has some"
    for n, constant in enumerate(suite.grid.set):
        where: Place = ("grid", "set", n, "when")
        yield from _outside(suite.grid, constant.when, where)
        row_id = constant.when.variant
        if row_id is not None and row_id not in {row.id for row, _ in rows}:
            yield (*where, "variant"), f"unknown variant '{row_id}'{nearest(row_id, ids)}"
    for n, hidden in enumerate(suite.grid.exclude):
        yield from _outside(suite.grid, hidden, ("grid", "exclude", n))


def _uncompared(suite: "Suite", rows: list[Row]) -> Iterator[tuple[Place, str]]:
    """Yield rows that name as their base what has none to be, such as themselves, or what is not run."""
    kept = {row.id: row for row, _ in rows if row.id not in suite.drop}
    full = next((row.id for row in kept.values() if row.full), next(iter(kept), ""))
    named = {row.id: row.versus for row in kept.values() if row.versus}
    also = {row.id for row in suite.published_only}
    also |= {again.row.id for again in rows_again([*kept.values()], suite.evaluations)}
    for row, place in rows:
        if row.id not in named:
            continue
        where: Place = (*place, "versus")
        if row.versus in suite.drop:
            # Of a suite that extends another, whose row is as it should be.
            told = f"variant '{row.id}' is compared with '{row.versus}': drop both or neither"
            yield ("drop", suite.drop.index(row.versus)), told
        elif row.versus in also:
            yield where, f"variant '{row.versus}' is not run by itself"
        elif row.versus not in kept:
            yield where, f"unknown variant '{row.versus}'{nearest(row.versus, kept)}"
        elif row.id == full:
            yield where, f"variant '{row.id}' is the full method: it is compared with none"
        elif row.id in _bases(named, row.versus):
            who = "itself" if row.id == row.versus else f"'{row.versus}', which is compared with it"
            yield where, f"variant '{row.id}' names {who}"


def _bases(named: Mapping[str, str], row: str) -> Iterator[str]:
    """Yield a row, what it is compared with, what that is, and so on."""
    seen: set[str] = set()
    while row and row not in seen:
        seen.add(row)
        yield row
        row = named.get(row, "")


def _outside(grid: Grid, where: Where, place: Place) -> Iterator[tuple[Place, str]]:
    if where.dataset is not None and where.dataset not in grid.dataset:
        yield (*place, "dataset"), f"dataset '{where.dataset}' is not in the grid{nearest(where.dataset, grid.dataset)}"
    if where.seed_ratio is not None and where.seed_ratio not in grid.seed_ratio:
        words = [str(ratio) for ratio in grid.seed_ratio]
        yield (*place, "seed_ratio"), f"seed_ratio {where.seed_ratio} is not in the grid (known: {', '.join(words)})"


def resolve_all(document: Document, written: "Suite", suite: "Suite", rows: list[Row]) -> None:
    """Resolve every cell once: unknown keys, values out of range and variants that change nothing end here.

    ``written`` is the suite as the file has it.
    """
    for place, override in _overrides(written, rows):
        if SEED_RATIO in override and suite.grid.seed_ratio:
            raise document.error(
                (*place, SEED_RATIO), f"{SEED_RATIO} is an axis of the grid: set it in grid.seed_ratio"
            )
    own = _start(document, (), suite.method, suite.preset)
    _resolved(document, ("base",), *own, suite.base)
    task = about(suite.method).task
    for place, message in unfit(written.evaluations, suite.method, task):
        raise document.error(place, message)
    for n, one in enumerate(written.evaluations):
        _resolved(document, ("evaluations", n, "set"), *own, suite.base, one.set)
    ways = DIRECTIONS[task]
    if suite.protocol and suite.protocol.direction not in (None, *ways):
        unknown = f"protocol.direction: {suite.method} is measured by {', '.join(ways)}"
        raise document.error(("protocol", "direction"), unknown)
    for n, constant in enumerate(written.grid.set):
        if constant.when.variant not in written.drop:
            _resolve_constant(document, suite, constant, ("grid", "set", n))
    seen: dict[str, str] = {}
    for variant, place in sorted(rows, key=lambda row: row[0] is not suite.full):
        method, preset = suite.composed(variant)
        start = _start(document, place, method, preset)
        where: Place = (*place, "override")
        cells = [suite.layers(variant, *cell, extra={}) for cell in suite.grid.places()]
        found = [_resolved(document, where, *start, *layers, own=variant.override) for layers in cells]
        identity = configuration.digest([method, *found])
        if identity in seen:
            raise document.error(where, f"variant '{variant.id}' changes nothing: it is the same as '{seen[identity]}'")
        seen[identity] = variant.id


def _resolve_constant(document: Document, suite: "Suite", constant: Constant, where: Place) -> None:
    """Resolve what holds in a part of the grid by itself: its keys may be wrong wherever a row has them hidden."""
    row = next(
        (row for row in suite.variants if row.id == constant.when.variant), Variant(id="_", method=constant.method)
    )
    method, preset = suite.composed(row)
    start = _start(document, where, method, preset)
    if constant.preset:
        _start(document, where, method, constant.preset)
    presets = [presets_of(method)[name] for name in [constant.preset] if name]
    base = suite.base if method == suite.method else {}
    layers = (*presets, base, row.override, constant.override)
    _resolved(document, (*where, "override"), *start, *layers, own=constant.override)


def presets_of(method: str) -> Mapping[str, Overrides]:
    """Return a method's published settings by their names."""
    from kgprism.platform.method import load  # here: a suite that was read before waits for no torch

    return load(method).presets


def _start(document: Document, place: Place, method: str, preset: str | None) -> tuple[type[Settings], dict[str, Any]]:
    """Return a method's schema and what its preset starts from."""
    from kgprism.platform.method import load

    try:
        kind = load(method)
    except ConfigurationError as error:
        raise document.error((*place, "method"), str(error)) from None
    if preset is not None and preset not in kind.presets:
        unknown = f"{method} has no preset '{preset}'{nearest(preset, kind.presets)}"
        raise document.error((*place, "preset"), unknown)
    start = configuration.resolve(kind.Config, kind.presets[preset] if preset else {})
    return kind.Config, configuration.flatten(start)


def _overrides(suite: "Suite", rows: list[Row]) -> Iterator[tuple[Place, Overrides]]:
    yield ("base",), suite.base
    yield from ((("grid", "set", n, "override"), c.override) for n, c in enumerate(suite.grid.set))
    yield from (((*place, "override"), row.override) for row, place in rows)


def _resolved(
    document: Document, place: Place, schema: type[Settings], *layers: Overrides, own: Overrides | None = None
) -> dict[str, Any]:
    """Return the stateful configuration; an error names the place of its key in `own`, or in the last layer."""
    try:
        settings = configuration.resolve(schema, *layers, source="")
    except ConfigurationError as error:
        message = str(error).removeprefix(": ")
        named = [key for key in (layers[-1] if own is None else own) if key in message]
        named.sort(key=lambda key: (message.index(key), -len(key)))  # a hint names other keys behind it
        raise document.error((*place, named[0]) if named else place, message) from None
    return configuration.flatten(settings, stateless=False)
