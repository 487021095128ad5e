"""The frozen rows of a table beside the re-tuned ones: plain data, as far as they are there."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from kgprism.platform.settings import Metric
from kgprism.platform.studies.reports.entries import Column, Entry, Row, Table
from kgprism.platform.studies.reports.fair.budget import expected, so_far
from kgprism.platform.studies.reports.fair.kept import KeptRow, basis, load
from kgprism.platform.studies.reports.fair.worth import Worth, worth
from kgprism.platform.studies.reports.words import lowest
from kgprism.platform.studies.statistics.evidence import Evidence
from kgprism.platform.studies.suites.cells import Cell
from kgprism.platform.studies.suites.manifest import SuiteManifest
from kgprism.platform.studies.suites.suite import Suite


@dataclass(frozen=True)
class Side:
    """A row's numbers, frozen or re-tuned, and its difference to its base, treated alike."""

    mean: float | None
    std: float | None
    seeds: tuple[int, ...]
    missing: int
    delta: float | None
    evidence: Evidence | None
    runs: tuple[str, ...]
    failures: tuple[str, ...]


@dataclass(frozen=True)
class Both:
    """One metric of a row, frozen and re-tuned, and what the part is worth; nothing where it has no base."""

    metric: Metric
    frozen: Side
    tuned: Side
    worth: Worth | None


@dataclass(frozen=True)
class Tuned:
    """A row on a panel.

    ``keys`` were tuned, ``left`` says of others why not. ``values`` are what its trials reached, of ``asked``, in
    ascending order where chance drew them; ``curve`` the best that is expected of 1, 2, ... of them. ``frozen`` is what
    the row as it is reaches, ``best`` what was chosen, with the settings ``chosen``: empty where nothing was better
    than the row as it is, none before the search is through. ``tied``: how many configurations, these among them, are
    as good on held-out data.
    """

    id: str
    label: str
    full: bool
    dataset: str
    seed_ratio: float | None
    keys: tuple[str, ...]
    left: Mapping[str, str]
    study: str
    asked: int
    values: tuple[float | None, ...]
    curve: tuple[float, ...]
    frozen: float | None
    best: float | None
    chosen: Mapping[str, Any] | None
    tied: int
    entries: tuple[Both, ...]

    @property
    def place(self) -> tuple[str, float | None]:
        """The panel that the row belongs to."""
        return self.dataset, self.seed_ratio


@dataclass(frozen=True)
class Fair:
    """All rows that were asked to be tuned; ``by_chance``: curves are expected ones, else the trials as they came."""

    metric: str
    seed: int
    trials: int
    by_chance: bool
    rows: tuple[Tuned, ...]

    def on(self, places: Iterable[tuple[str, float | None]]) -> "Fair":
        """Return what is about these panels."""
        kept = set(places)
        return replace(self, rows=tuple(row for row in self.rows if row.place in kept))


def fair(
    suite: Suite,
    table: Table,
    manifest: SuiteManifest,
    folder: Path,
    tabulate: Callable[[Sequence[Cell]], Table],
) -> Fair | None:
    """Return the re-tuned rows of a suite beside those of its table; none where none was ever asked for as it is now.

    Args:
        folder: where it is kept what was asked and found.
        tabulate: makes a table of the re-tuned cells as `table` was made of the frozen ones.
    """
    kept = load(folder) if suite.tuning.wanted else None
    if not kept or not kept.rows or kept.basis != basis(manifest, suite.tuning):
        return None
    known = {row.place: row for row in kept.rows}
    cells = [cell.asked() for row in kept.rows if row.chosen is not None for cell in row.cells]
    tuned = tabulate(cells)
    sides = [{row.id: row for row in one.rows} for one in (table, tuned)]
    places = [{(c.dataset, c.seed_ratio, c.metric): n for n, c in enumerate(one.columns)} for one in (table, tuned)]
    found = []
    for place in dict.fromkeys(column.place for column in table.columns):
        columns = [column for column in table.columns if column.place == place]
        for variant in suite.variants:
            if told := known.get((variant.id, *place)):
                whole = known.get((suite.base_of(variant.id), *place))
                tied = told.tied, whole.tied if whole else 1
                entries = tuple(_both(suite, variant.id, column, sides, places, tied) for column in columns)
                found.append(_tuned(sides[0][variant.id], told, suite.tuning.by_chance, entries))
    first = kept.rows[0]
    return Fair(first.metric, first.seed, suite.tuning.trials, suite.tuning.by_chance, tuple(found))


def _both(
    suite: Suite,
    row: str,
    column: Column,
    sides: Sequence[Mapping[str, Row]],
    places: Sequence[Mapping[tuple[str, float | None, Metric], int]],
    tied: tuple[int, int],
) -> Both:
    key = (column.dataset, column.seed_ratio, column.metric)
    pairs = [
        tuple(side[one].entries[place[key]] if one and key in place else _NOTHING for one in (row, suite.base_of(row)))
        for side, place in zip(sides, places, strict=True)
    ]
    (frozen, whole), (tuned, best) = pairs
    less = lowest(column.metric)
    said = worth((frozen, whole), (tuned, best), lowest=less, tied=tied) if suite.base_of(row) else None
    return Both(column.metric, _side(frozen), _side(tuned), said)


_NOTHING = Entry(None, None, (), (), (), (), 0, (), None, 0, "")


def _side(entry: Entry) -> Side:
    return Side(
        entry.mean, entry.std, entry.seeds, entry.missing, entry.delta, entry.evidence, entry.runs, entry.failures
    )


def _tuned(row: Row, told: KeptRow, by_chance: bool, entries: tuple[Both, ...]) -> Tuned:
    less = lowest(told.metric)
    curve = (expected if by_chance else so_far)(told.values, lowest=less)
    reached = [value for value in (*told.values, told.frozen) if value is not None]
    best = None if told.chosen is None or not reached else min(reached) if less else max(reached)
    return Tuned(
        id=told.variant,
        label=row.label,
        full=row.full,
        dataset=told.dataset,
        seed_ratio=told.seed_ratio,
        keys=told.keys,
        left=told.left,
        study=told.study,
        asked=told.trials,
        values=told.values,
        curve=curve,
        frozen=told.frozen,
        best=best,
        chosen=told.chosen,
        tied=told.tied,
        entries=entries,
    )
