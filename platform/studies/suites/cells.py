"""The cells of a suite as planned runs, and what is left of them to do."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any

from kgprism.platform.configuration import Overrides
from kgprism.platform.data.graph import Dataset
from kgprism.platform.errors import ConfigurationError, nearest
from kgprism.platform.studies.store.runs import Store
from kgprism.platform.studies.suites.contest import settle
from kgprism.platform.studies.suites.grid import SEED_RATIO
from kgprism.platform.studies.suites.rows import Variant
from kgprism.platform.studies.suites.suite import Suite
from kgprism.platform.training.run import Run, plan


@dataclass(frozen=True)
class Cell:
    """One variant on one dataset at one seed ratio with one seed; several cells may share a run."""

    variant: str
    dataset: str
    seed_ratio: float | None
    seed: int
    run: Run

    @property
    def place(self) -> tuple[str, str, float | None, int]:
        """Where the cell stands in its suite."""
        return self.variant, self.dataset, self.seed_ratio, self.seed


@dataclass(frozen=True)
class Forecast:
    """What carrying out some cells would take; ``seconds`` of one run after the other, none if nothing is known."""

    cells: int
    runs: int
    finished: int
    remaining: int
    seconds: float | None


def expand(
    suite: Suite,
    datasets: Mapping[str, Dataset],
    *,
    variants: Iterable[str] | None = None,
    seeds: int | None = None,
    overrides: Overrides | None = None,
    preset: str | None = None,
    source: str = "--set",
) -> list[Cell]:
    """Return the cells of a suite on these datasets, seed by seed, so that an early table has every row.

    Args:
        variants: ids to keep; all by default.
        seeds: how many seeds; as many as the suite says by default.
        overrides: change every cell, but not what makes a variant one (`settle`).
        preset: instead of the suite's own.
        source: what an error about the overrides calls them.

    Raises:
        ConfigurationError: an unknown variant or key, or a value out of range.
    """
    extra = dict(overrides or {})
    rows = _chosen(suite, variants)
    if SEED_RATIO in extra and suite.grid.seed_ratio:
        raise ConfigurationError(f"{source}: {SEED_RATIO} is an axis of the suite {suite.suite}, it cannot be set")
    places, some = suite.grid.places(datasets), next(iter(datasets.values()), None)
    if some is not None:  # unknown keys are the command line's, not the suite's: found here, before its layers mix in
        said: dict[str, Any] = {"preset": preset or suite.preset, "source": f"suite {suite.suite}: base"}
        plan(suite.method, some, 0, suite.base, **said, sets_here=False)
        for method in dict.fromkeys(suite.composed(row)[0] for row in rows):
            plan(method, some, 0, extra, source=source)
    # A row whose features are not here yet is refused when it is to be built, and ends no other.
    how: dict[str, Any] = {"source": source, "sets_here": False}
    above = settle(suite, places[0], extra, preset=preset, source=source).above if places else {}
    return [
        Cell(row.id, dataset, ratio, seed, plan(method, datasets[dataset], seed, *layers, preset=chosen, **how))
        for seed in suite.grid.seed.take(seeds)
        for dataset, ratio in places
        for row in rows
        for layers in [suite.layers(row, dataset, ratio, extra, above.get(row.id))]
        for method, chosen in [suite.composed(row, preset)]
    ]


def left_alone(
    suite: Suite,
    cells: Iterable[Cell],
    overrides: Overrides | None,
    *,
    preset: str | None = None,
    source: str = "--set",
) -> list[str]:
    """Return a line for each setting that leaves rows of these cells as they are, naming them and why."""
    cells = list(cells)
    if not cells or not overrides:
        return []
    first = cells[0]
    found = settle(suite, (first.dataset, first.seed_ratio), overrides, preset=preset)
    return found.told({cell.variant for cell in cells}, source)


def _chosen(suite: Suite, variants: Iterable[str] | None) -> list[Variant]:
    known = {variant.id: variant for variant in suite.variants}
    wanted = list(known if variants is None else variants)
    for word in wanted:
        if word not in known:
            raise ConfigurationError(f"suite {suite.suite} has no variant '{word}'{nearest(word, known)}")
    return [variant for id_, variant in known.items() if id_ in wanted]


def forecast(cells: Iterable[Cell], store: Store) -> Forecast:
    """Count the runs that are left, and estimate their time from stored runs of the same method and dataset."""
    cells = list(cells)
    runs = {cell.run.id: cell.run for cell in cells}
    left = [run for run_id, run in runs.items() if not store.has(run_id)]
    paces: dict[tuple[str, str], list[float]] = {}
    for record in store if left else ():
        epochs = max(1, record.selections["last"]["epoch"]) if "last" in record.selections else 1
        paces.setdefault((record.method, record.dataset), []).append(record.seconds / epochs)
    known = all((run.method, run.dataset) in paces for run in left)
    seconds = (
        sum(median(paces[run.method, run.dataset]) * run.configuration["train.epochs"] for run in left)
        if known
        else None
    )
    return Forecast(len(cells), len(runs), len(runs) - len(left), len(left), seconds)
