"""An ablation suite: a method, one grid, variants of it or rows of others, and the published numbers beside them."""

from collections.abc import Iterator
from typing import Any, Literal

from pydantic import Field, field_validator

from kgprism.platform import configuration
from kgprism.platform.configuration import Overrides
from kgprism.platform.errors import ConfigurationError, nearest
from kgprism.platform.method import load
from kgprism.platform.part import Settings
from kgprism.platform.studies.document import Document, Place, document_names, open_document
from kgprism.platform.studies.grid import SEED_RATIO, Grid, Where

PACKAGE = "kgprism.ablations"
Metric = Literal["hits_at_1", "hits_at_3", "hits_at_10", "mrr", "mr"]


class Paper(Settings):
    """Where the published numbers stand."""

    key: str = ""
    table: str = ""
    url: str = ""


class Variant(Settings):
    """One row: the suite's method, or another one, with some keys overridden."""

    id: str = Field(min_length=1, pattern=r"^[\w.-]+$")
    label: str = ""
    method: str = ""
    preset: str | None = None
    override: dict[str, Any] = Field(default_factory=dict)
    group: str = ""
    full: bool = False

    @property
    def title(self) -> str:
        """What the table shows."""
        return self.label or self.id


class PublishedOnly(Settings):
    """A row of the paper that is shown but not run."""

    id: str = Field(min_length=1)
    label: str = ""
    group: str = ""


class Reference(Settings):
    """Published numbers of one row on one dataset, as fractions."""

    variant: str
    dataset: str
    seed_ratio: float | None = None
    values: dict[Metric, float] = Field(min_length=1)
    note: str = ""

    @field_validator("values")
    @classmethod
    def _fractions(cls, values: dict[Metric, float]) -> dict[Metric, float]:
        if any(not 0 <= value <= 1 for metric, value in values.items() if metric != "mr"):
            raise ValueError("expected fractions between 0 and 1")
        return values


class Layout(Settings):
    """How the table looks."""

    kind: Literal["table", "figure"] = "table"
    percent: bool = False
    decimals: int = Field(3, ge=0, le=6)


class Suite(Settings):
    """A suite file; `read` has checked all of its keys and names."""

    version: Literal[1] = Field(alias="schema")
    suite: str = Field(pattern=r"^[\w.-]+$")
    title: str = ""
    paper: Paper = Paper()
    method: str
    preset: str | None = None
    base: dict[str, Any] = Field(default_factory=dict)
    grid: Grid
    variants: tuple[Variant, ...] = Field(min_length=1)
    published_only: tuple[PublishedOnly, ...] = ()
    reference: tuple[Reference, ...] = ()
    metrics: tuple[Metric, ...] = ("hits_at_1", "hits_at_10", "mrr")
    notes: tuple[str, ...] = ()
    layout: Layout = Layout()

    @property
    def full(self) -> Variant:
        """The full method: the variant so marked, else the first."""
        return next((variant for variant in self.variants if variant.full), self.variants[0])

    @property
    def methods(self) -> list[str]:
        """The methods of all rows, the suite's own first."""
        return list(dict.fromkeys([self.method, *(variant.method or self.method for variant in self.variants)]))

    def composed(self, variant: Variant, preset: str | None = None) -> tuple[str, str | None]:
        """Return the method of a row and its preset; `preset` stands in place of the suite's own."""
        method = variant.method or self.method
        return method, variant.preset or ((preset or self.preset) if method == self.method else None)

    def layers(self, variant: Variant, dataset: str, seed_ratio: float | None, extra: Overrides) -> list[Overrides]:
        """Return the overrides of one cell, later ones winning: a variant keeps what makes it one, whatever is set."""
        method = variant.method or self.method
        base = self.base if method == self.method else {}
        constants = [
            constant.override
            for constant in self.grid.set
            if (constant.method or self.method) == method and constant.when.matches(dataset, seed_ratio)
        ]
        ratio = {} if seed_ratio is None else {SEED_RATIO: seed_ratio}
        return [base, *constants, ratio, extra, variant.override]


def suite_names() -> list[str]:
    """Return the names of the shipped suites."""
    return document_names(PACKAGE)


def read(name_or_path: str) -> Suite:
    """Read a suite and check it against its method's configuration; nothing is started.

    Raises:
        ConfigurationError: naming file, line, key and the nearest valid word.
    """
    document = open_document(PACKAGE, name_or_path)
    suite = document.checked(Suite)
    for place, message in _misnamed(suite):
        raise document.error(place, message)
    _configurable(document, suite)
    return suite


def _misnamed(suite: Suite) -> Iterator[tuple[Place, str]]:
    """Yield names that stand twice or point at nothing."""
    ids: dict[str, Place] = {}
    rows = [(("variants", n, "id"), v.id) for n, v in enumerate(suite.variants)]
    rows += [(("published_only", n, "id"), v.id) for n, v in enumerate(suite.published_only)]
    for place, word in rows:
        if word in ids:
            yield place, f"variant '{word}' is there twice"
        ids[word] = place
    if sum(variant.full for variant in suite.variants) > 1:
        yield ("variants",), "more than one variant is marked full"
    if not suite.grid.places():
        yield ("grid", "exclude"), "every cell of the grid is excluded"
    for n, row in enumerate(suite.reference):
        if row.variant not in ids:
            yield ("reference", n, "variant"), f"unknown variant '{row.variant}'{nearest(row.variant, ids)}"
        yield from _outside(suite.grid, Where(dataset=row.dataset, seed_ratio=row.seed_ratio), ("reference", n))
        if row.seed_ratio is None and suite.grid.seed_ratio:
            yield ("reference", n), "expected a seed_ratio, as the grid has some"
    for n, constant in enumerate(suite.grid.set):
        yield from _outside(suite.grid, constant.when, ("grid", "set", n, "when"))
    for n, hidden in enumerate(suite.grid.exclude):
        yield from _outside(suite.grid, hidden, ("grid", "exclude", n))


def _outside(grid: Grid, where: Where, place: Place) -> Iterator[tuple[Place, str]]:
    if where.dataset is not None and where.dataset not in grid.dataset:
        yield (*place, "dataset"), f"dataset '{where.dataset}' is not in the grid{nearest(where.dataset, grid.dataset)}"
    if where.seed_ratio is not None and where.seed_ratio not in grid.seed_ratio:
        words = [str(ratio) for ratio in grid.seed_ratio]
        yield (*place, "seed_ratio"), f"seed_ratio {where.seed_ratio} is not in the grid (known: {', '.join(words)})"


def _configurable(document: Document, suite: Suite) -> None:
    """Resolve every cell once: unknown keys, values out of range and variants that change nothing end here."""
    for place, override in _overrides(suite):
        if SEED_RATIO in override and suite.grid.seed_ratio:
            raise document.error(
                (*place, SEED_RATIO), f"{SEED_RATIO} is an axis of the grid: set it in grid.seed_ratio"
            )
    own = _start(document, (), suite.method, suite.preset)
    _resolved(document, ("base",), *own, suite.base)
    for n, constant in enumerate(suite.grid.set):
        other = constant.method not in ("", suite.method)
        whose = _start(document, ("grid", "set", n), constant.method, None) if other else own
        _resolved(document, ("grid", "set", n, "override"), *whose, {} if other else suite.base, constant.override)
    seen: dict[str, str] = {}
    for n in sorted(range(len(suite.variants)), key=lambda n: suite.variants[n] is not suite.full):
        variant, place = suite.variants[n], ("variants", n, "override")
        method, preset = suite.composed(variant)
        start = _start(document, ("variants", n), method, preset)
        cells = [suite.layers(variant, *cell, extra={}) for cell in suite.grid.places()]
        identity = configuration.digest([method, *(_resolved(document, place, *start, *layers) for layers in cells)])
        if identity in seen:
            raise document.error(place, f"variant '{variant.id}' changes nothing: it is the same as '{seen[identity]}'")
        seen[identity] = variant.id


def _start(document: Document, place: Place, method: str, preset: str | None) -> tuple[type[Settings], dict[str, Any]]:
    """Return a method's schema and what its preset starts from."""
    try:
        kind = load(method)
    except ConfigurationError as error:
        raise document.error((*place, "method"), str(error)) from None
    if preset is not None and preset not in kind.presets:
        unknown = f"{method} has no preset '{preset}'{nearest(preset, kind.presets)}"
        raise document.error((*place, "preset"), unknown)
    start = configuration.resolve(kind.Config, kind.presets[preset] if preset else {})
    return kind.Config, configuration.flatten(start)


def _overrides(suite: Suite) -> Iterator[tuple[Place, Overrides]]:
    yield ("base",), suite.base
    yield from ((("grid", "set", n, "override"), c.override) for n, c in enumerate(suite.grid.set))
    yield from ((("variants", n, "override"), v.override) for n, v in enumerate(suite.variants))


def _resolved(document: Document, place: Place, schema: type[Settings], *layers: Overrides) -> dict[str, Any]:
    """Return the stateful configuration; an error names the line of the last layer's key that it is about."""
    try:
        settings = configuration.resolve(schema, *layers, source="")
    except ConfigurationError as error:
        message = str(error).removeprefix(": ")
        named = [key for key in layers[-1] if key in message]
        raise document.error((*place, max(named, key=len)) if named else place, message) from None
    return configuration.flatten(settings, stateless=False)
