"""The table of a suite: published | measured | delta against the full method; plain data, at any time."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from statistics import fmean, stdev
from typing import Any, Literal, cast

from kgprism.platform.method import load
from kgprism.platform.settings import DIRECTIONS, Selection
from kgprism.platform.studies.cells import Cell
from kgprism.platform.studies.notes import Place, group, remarks, twin
from kgprism.platform.studies.store import Record, Store
from kgprism.platform.studies.suite import Metric, Suite

Direction = Literal["l2r", "r2l", "mean", "head", "tail", "seen"]


@dataclass(frozen=True)
class Column:
    """One metric on one dataset at one seed ratio."""

    dataset: str
    seed_ratio: float | None
    metric: Metric

    @property
    def place(self) -> tuple[str, float | None]:
        """The panel that the column belongs to."""
        return self.dataset, self.seed_ratio


@dataclass(frozen=True)
class Entry:
    """What stands in one row and one column. ``values``, ``seeds``, ``epochs`` and ``runs`` go together.

    ``std`` is the sample standard deviation over seeds, none for a single one; ``delta`` is the mean of the paired
    differences against the full method over ``pairs`` seeds; ``missing`` counts asked-for seeds without a result.
    """

    published: float | None
    published_delta: float | None
    values: tuple[float, ...]
    seeds: tuple[int, ...]
    epochs: tuple[int, ...]
    runs: tuple[str, ...]
    missing: int
    failures: tuple[str, ...]
    delta: float | None
    pairs: int
    same_as: str

    @property
    def mean(self) -> float | None:
        """The mean over seeds."""
        return fmean(self.values) if self.values else None

    @property
    def std(self) -> float | None:
        """The sample standard deviation over seeds."""
        return stdev(self.values) if len(self.values) > 1 else None


@dataclass(frozen=True)
class Row:
    """One variant, or a method that the paper only quotes."""

    id: str
    label: str
    group: str
    full: bool
    measured: bool
    entries: tuple[Entry, ...]


@dataclass(frozen=True)
class Table:
    """A suite's results; ``rows[i].entries[j]`` belongs to ``columns[j]``."""

    suite: str
    title: str
    paper: Mapping[str, str]
    select: Selection
    direction: Direction
    percent: bool
    decimals: int
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...]

    def plain(self) -> dict[str, Any]:
        """Return the table as values that JSON knows, means and deviations included."""
        found = asdict(self)
        for row, shown in zip(self.rows, found["rows"], strict=True):
            for entry, plain in zip(row.entries, shown["entries"], strict=True):
                plain |= {"mean": entry.mean, "std": entry.std}
        return found


@dataclass(frozen=True)
class _Results:
    """The cells by row and panel, each with what the store has of its run."""

    cells: Mapping[Place, list[Cell]]
    records: Mapping[str, Record]
    failures: Mapping[str, str]


def tabulate(
    suite: Suite,
    cells: Iterable[Cell],
    store: Store,
    *,
    select: Selection = "valid",
    direction: Direction | None = None,
    commands: Iterable[str] = (),
) -> Table:
    """Return the table of these cells as far as they are finished.

    Rows are the suite's, columns those that the cells touch (all of the suite's where there are no cells). By default
    the direction is the first of the task's.
    """
    direction = direction or default_direction(suite)
    rows = {variant.id for variant in suite.variants}
    cells = [cell for cell in cells if cell.variant in rows]
    results = _collect(cells, store)
    places = list(dict.fromkeys((cell.dataset, cell.seed_ratio) for cell in cells)) or suite.grid.places()
    columns = tuple(Column(*place, metric) for place in places for metric in suite.metrics)

    def entries(variant: str) -> tuple[Entry, ...]:
        return tuple(_entry(suite, results, variant, column, select, direction) for column in columns)

    measured = [Row(v.id, v.title, v.group, v is suite.full, True, entries(v.id)) for v in suite.variants]
    quoted = [
        Row(v.id, v.label or v.id, v.group, False, False, tuple(_quoted(suite, v.id, c) for c in columns))
        for v in suite.published_only
    ]
    paper = suite.paper.model_dump()
    notes = remarks(suite, cells, results.records, results.failures, select, direction, commands)
    shape = (suite.layout.percent, suite.layout.decimals)
    return Table(suite.suite, suite.title, paper, select, direction, *shape, columns, (*quoted, *measured), notes)


def _collect(cells: list[Cell], store: Store) -> _Results:
    runs = dict.fromkeys(cell.run.id for cell in cells)
    records = {run_id: record for run_id in runs if (record := store.read(run_id))}
    failures = {run_id: reason for run_id in runs if run_id not in records and (reason := store.failure(run_id))}
    return _Results(group(cells), records, failures)


def default_direction(suite: Suite) -> Direction:
    """Return what the numbers of a suite's task are about unless something else is asked for."""
    return cast(Direction, DIRECTIONS[load(suite.method).task][0])


def score(record: Record, select: Selection, metric: str, direction: Direction) -> float | None:
    """Return a run's test metric; ``mean`` of both directions, or one of them."""
    return record.metric(select, f"test/{direction}/{metric}")


def _entry(
    suite: Suite, results: _Results, variant: str, column: Column, select: Selection, direction: Direction
) -> Entry:
    mine = _scores(results, variant, column, select, direction)
    whole = _scores(results, suite.full.id, column, select, direction)
    cells = results.cells.get((variant, *column.place), [])
    published, delta = _published(suite, variant, column)
    pairs = [mine[seed][0] - whole[seed][0] for seed in mine if seed in whole] if variant != suite.full.id else []
    records = [record for _, record in mine.values()]
    return Entry(
        published=published,
        published_delta=delta,
        values=tuple(value for value, _ in mine.values()),
        seeds=tuple(mine),
        epochs=tuple(record.selections[select]["epoch"] for record in records),
        runs=tuple(record.id for record in records),
        missing=len(cells) - len(mine),
        failures=tuple(dict.fromkeys(results.failures[c.run.id] for c in cells if c.run.id in results.failures)),
        delta=fmean(pairs) if pairs else None,
        pairs=len(pairs),
        same_as=twin(suite, results.cells, variant, column.place),
    )


def _scores(
    results: _Results, variant: str, column: Column, select: Selection, direction: Direction
) -> dict[int, tuple[float, Record]]:
    """Return ``{seed: (value, record)}`` of the finished runs, seeds ascending."""
    found = {}
    for cell in sorted(results.cells.get((variant, *column.place), []), key=lambda cell: cell.seed):
        record = results.records.get(cell.run.id)
        value = score(record, select, column.metric, direction) if record else None
        if record and value is not None:
            found[cell.seed] = (value, record)
    return found


def _published(suite: Suite, variant: str, column: Column) -> tuple[float | None, float | None]:
    """Return the paper's number and its distance from the paper's full method."""

    def number(row: str) -> float | None:
        matching = [r for r in suite.reference if (r.variant, r.dataset, r.seed_ratio) == (row, *column.place)]
        return matching[0].values.get(column.metric) if matching else None

    mine, whole = number(variant), number(suite.full.id)
    comparable = mine is not None and whole is not None and variant != suite.full.id
    return mine, (mine - whole if comparable and mine is not None and whole is not None else None)


def _quoted(suite: Suite, variant: str, column: Column) -> Entry:
    published, delta = _published(suite, variant, column)
    return Entry(published, delta, (), (), (), (), 0, (), None, 0, "")
