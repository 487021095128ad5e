"""An ablation suite: a method, one grid, variants of it or rows of others, and the published numbers beside them."""

from typing import Any, Literal

from pydantic import ConfigDict, Field

from kgprism.platform.configuration import Overrides
from kgprism.platform.part import Settings
from kgprism.platform.settings import DIRECTIONS, HEADLINES, Metric
from kgprism.platform.studies.suites.checks import misnamed, presets_of, resolve_all
from kgprism.platform.studies.suites.evaluations import Evaluation, without
from kgprism.platform.studies.suites.generated import Row, generated
from kgprism.platform.studies.suites.grid import SEED_RATIO, Grid
from kgprism.platform.studies.suites.protocol import Protocol, Stated
from kgprism.platform.studies.suites.reading.document import Name, document_names
from kgprism.platform.studies.suites.reading.inheritance import open_suite
from kgprism.platform.studies.suites.reading.known import Reading
from kgprism.platform.studies.suites.rows import Generator, PublishedOnly, Reference, Toggle, Variant, told_apart
from kgprism.platform.studies.suites.tuning import Tuning
from kgprism.platform.training.about import about

PACKAGE = "kgprism.ablations"


class Paper(Settings):
    """Where the published numbers stand."""

    key: str = ""
    table: str = ""
    url: str = ""


class Layout(Settings):
    """How the table looks.

    A ``figure`` is drawn besides, over the seed ratios, else over the one number in which the rows differ, else row by
    row; ``similarity`` draws it over how alike the pictures of test pairs are.
    """

    kind: Literal["table", "figure", "similarity"] = "table"
    percent: bool = False
    decimals: int = Field(3, ge=0, le=6)


def _or_taken(schema: dict[str, Any]) -> None:
    """Say to editors what may be missing where another suite has it."""
    needed = [key for key in schema["required"] if key not in ("schema", "suite")]
    schema["required"] = ["schema", "suite"]
    there = {"required": needed, "properties": {"grid": {"required": ["dataset"]}}}
    schema |= {"if": {"required": ["extends"]}, "then": {}, "else": there}


class Suite(Settings):
    """A suite file; `read` has checked all of its keys and names, and made all of its rows."""

    model_config = ConfigDict(json_schema_extra=_or_taken)

    version: Literal[1] = Field(alias="schema")
    suite: Name
    extends: str | None = None
    title: str = ""
    paper: Paper = Paper()
    method: str
    preset: str | None = None
    base: dict[str, Any] = Field(default_factory=dict)
    grid: Grid
    variants: tuple[Variant, ...] = Field(min_length=1)
    toggles: tuple[Toggle, ...] = ()
    generate: tuple[Generator, ...] = ()
    drop: tuple[str, ...] = ()
    published_only: tuple[PublishedOnly, ...] = ()
    reference: tuple[Reference, ...] = ()
    metrics: tuple[Metric, ...] = HEADLINES
    protocol: Stated | None = None
    evaluations: tuple[Evaluation, ...] = ()
    tuning: Tuning = Tuning()
    notes: tuple[str, ...] = ()
    layout: Layout = Layout()

    @property
    def full(self) -> Variant:
        """The full method: the variant so marked, else the first."""
        return next((variant for variant in self.variants if variant.full), self.variants[0])

    def base_of(self, row: str) -> str:
        """Return the row that a row's differences are to: the one it names, else the full method.

        The full method is compared with none, nor is a row that others name and that names none itself: "".
        """
        named = {variant.id: variant.versus for variant in self.variants if variant.versus}
        return named.get(row, "" if row == self.full.id or row in named.values() else self.full.id)

    def named(self, row: str) -> str:
        """Return what the table shows of a row, with its group where another has the same."""
        mine = next(variant for variant in self.variants if variant.id == row)
        return told_apart(mine.title, mine.group, (variant.title for variant in self.variants))

    @property
    def methods(self) -> list[str]:
        """The methods of all rows, the suite's own first."""
        return list(dict.fromkeys([self.method, *(variant.method or self.method for variant in self.variants)]))

    @property
    def paper_protocol(self) -> Protocol:
        """How the paper measured, as far as it is stated; else by what the suite sets, and the first direction."""
        stated = self.protocol or Stated(select=self.base.get("eval.select", "valid"))
        return stated.resolved(DIRECTIONS[about(self.method).task])

    def composed(self, variant: Variant, preset: str | None = None) -> tuple[str, str | None]:
        """Return the method of a row and its preset; `preset` stands in place of the suite's own."""
        method = variant.method or self.method
        return method, variant.preset or ((preset or self.preset) if method == self.method else None)

    def layers(
        self, variant: Variant, dataset: str, seed_ratio: float | None, extra: Overrides, above: Overrides | None = None
    ) -> list[Overrides]:
        """Return the overrides of one cell, later ones winning; `extra` is set below a row's own, `above` over it."""
        method = variant.method or self.method
        base = self.base if method == self.method else {}
        here = [constant for constant in self.grid.set if constant.when.matches(dataset, seed_ratio)]
        mine = [constant for constant in here if constant.when.variant == variant.id]
        constants = [one for one in here if one.when.variant is None and (one.method or self.method) == method]
        presets = [presets_of(method)[constant.preset] for constant in [*constants, *mine] if constant.preset]
        ratio = {} if seed_ratio is None else {SEED_RATIO: seed_ratio}
        return [
            *presets,
            base,
            *(constant.override for constant in constants),
            ratio,
            extra,
            variant.override,
            *(constant.override for constant in mine),
            above or {},
        ]

    def about(self, variant: Variant) -> Overrides:
        """Return what a row sets of its own, be it in a part of the grid."""
        parts = [constant.override for constant in self.grid.set if constant.when.variant == variant.id]
        return {key: value for part in (variant.override, *parts) for key, value in part.items()}


def suite_names() -> list[str]:
    """Return the names of the shipped suites."""
    return document_names(PACKAGE)


def read(name_or_path: str) -> Suite:
    """Read a suite and check it against its method's configuration; nothing is started.

    Raises:
        ConfigurationError: naming file, line, column, key and the nearest valid word.
    """
    reading = Reading.of(PACKAGE, name_or_path)
    if known := reading.recall(Suite):
        return known
    document = open_suite(PACKAGE, name_or_path)
    written = document.checked(Suite)
    made = generated(document, written.full, written.toggles, written.generate)
    every: list[Row] = [*((row, ("variants", n)) for n, row in enumerate(written.variants)), *made]
    for place, message in (*written.grid.twice(), *misnamed(written, every)):
        raise document.error(place, message)
    rows = [row for row in every if row[0].id not in written.drop]
    suite = _without_dropped(written, tuple(row for row, _ in rows))
    resolve_all(document, written, suite, rows)
    if "extends" not in document.content:  # else other files have a say
        reading.remember(suite, suite.methods)
    return suite


def _without_dropped(suite: Suite, rows: tuple[Variant, ...]) -> Suite:
    """Return the suite with exactly these rows, as if no other had made them, and none had ever been dropped."""
    gone = suite.drop
    grid = {"set": tuple(one for one in suite.grid.set if one.when.variant not in gone)}
    changes = {
        "grid": suite.grid.model_copy(update=grid),
        "variants": rows,
        "published_only": tuple(row for row in suite.published_only if row.id not in gone),
        "reference": tuple(row for row in suite.reference if row.variant not in gone),
        "evaluations": without(suite.evaluations, gone),
    }
    return suite.model_copy(update={**changes, "extends": None, "generate": (), "drop": ()})
