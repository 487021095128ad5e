"""The table of a suite: published | measured | delta to the full method or another row; plain data, at any time."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import Any, Literal, cast

from kgprism.platform.errors import ConfigurationError
from kgprism.platform.settings import DIRECTIONS, Selection
from kgprism.platform.studies.evaluation.rows import Joined, joined
from kgprism.platform.studies.inspection.inspection import inert, kept
from kgprism.platform.studies.inspection.overlaps import kept_overlaps
from kgprism.platform.studies.reports.entries import IDLE, Column, Direction, Entry, Row, Table
from kgprism.platform.studies.reports.fair.fair import fair
from kgprism.platform.studies.reports.notes import gaps_told, group, idle_told, remarks, twin, worth_told
from kgprism.platform.studies.statistics.evidence import Place, judged, proofs
from kgprism.platform.studies.statistics.ranks import Ranks, value
from kgprism.platform.studies.statistics.verdict import Verdict
from kgprism.platform.studies.store.progress import Status, status
from kgprism.platform.studies.store.record import Record
from kgprism.platform.studies.store.runs import Store
from kgprism.platform.studies.suites.asked import options as options_told
from kgprism.platform.studies.suites.asked import settings_told
from kgprism.platform.studies.suites.cells import Cell, left_alone
from kgprism.platform.studies.suites.manifest import code_of, load_manifest
from kgprism.platform.studies.suites.protocol import HONEST, Protocol
from kgprism.platform.studies.suites.suite import Suite
from kgprism.platform.training.about import about

#: Which numbers a table shows, where it is not said by epoch and direction.
Shown = Literal["paper", "honest", "both"]


@dataclass(frozen=True)
class _Results:
    """The cells by row and panel, each with what the store has of its run, and how they are measured."""

    rows: Joined
    cells: Mapping[Place, list[Cell]]
    others: Mapping[str, Status]
    shown: Protocol
    paper: Protocol
    ranks: Ranks = field(default_factory=Ranks)

    @property
    def suite(self) -> Suite:
        """The suite, with the rows that are judged again."""
        return self.rows.suite

    @property
    def records(self) -> Mapping[str, Record]:
        """The finished runs by their identity."""
        return self.rows.records

    def values(self, variant: str, column: Column, protocol: Protocol) -> dict[int, tuple[float, Record]]:
        """Return ``{seed: (value, record)}`` of the finished runs, seeds ascending."""
        found, protocol = {}, self.rows.protocol(variant, protocol)
        for cell in sorted(self.cells.get((variant, *column.place), []), key=lambda cell: cell.seed):
            record = self.records.get(cell.run.id)
            number = value(record, protocol, column.metric, self.ranks) if record else None
            if record and number is not None:
                found[cell.seed] = (number, record)
        return found


def tabulate(
    suite: Suite,
    cells: Iterable[Cell],
    store: Store,
    *,
    select: Selection | None = None,
    direction: str | None = None,
    protocol: Shown | None = None,
    commands: Iterable[str] = (),
    older: bool = False,
    unlike: Iterable[str] = (),
) -> Table:
    """Return the table of these cells as far as they are finished.

    Rows are the suite's, columns those that the cells touch (all of the suite's where there are no cells). Either epoch
    and direction are chosen, by default the best validation epoch and the first of the task's directions, or a
    `protocol` says both, and what ties count; where nothing is said, a suite that states its paper's shows it beside
    the honest one. A table of runs that are `older` than today's code says so. Where settings are `unlike` the suite's
    own, no published number is judged.

    Raises:
        ConfigurationError: for a direction of another task, or a protocol besides an epoch or a direction.
    """
    own, word = _wanted(suite, select, direction, protocol)
    known = {variant.id for variant in suite.variants}
    cells = [cell for cell in cells if cell.variant in known]
    results = _collect(suite, cells, store, own, word)
    both = word == "both" and results.shown == HONEST != results.paper
    places = list(dict.fromkeys((cell.dataset, cell.seed_ratio) for cell in cells)) or suite.grid.places()
    columns = tuple(Column(*place, metric) for place in places for metric in suite.metrics)

    dead = inert(kept(suite, cells, store.folder.parent / "inspections"))
    marks = {row for row, _ in dead}
    rows = _measured(results, columns, tuple(unlike), marks)
    quoted = [
        Row(v.id, v.label or v.id, v.group, False, False, tuple(_quoted(suite, v.id, c) for c in columns))
        for v in suite.published_only
    ]
    told = results.paper if suite.protocol or both else None
    gaps = gaps_told(results.suite, columns, rows, told)
    worth = [*gaps, *worth_told(results.suite, columns, rows), *idle_told(suite, dead), *results.rows.notes]
    shown = results.shown
    notes = remarks(results.suite, cells, results.records, results.others, (shown, told, both), commands, older, worth)
    head = (suite.suite, suite.title, suite.paper.model_dump(), shown.select, shown.direction)
    shape = (suite.layout.percent, suite.layout.decimals)
    made = Table(*head, *shape, columns, (*quoted, *rows), notes, older)
    counts = kept_overlaps(cells, store.folder.parent / "inspections")
    return replace(made, ties=shown.ties, paper_protocol=told, both=both, overlaps=counts)


def _wanted(
    suite: Suite, select: Selection | None, direction: str | None, word: Shown | None
) -> tuple[Protocol, Shown | None]:
    """Return by what numbers are measured where no protocol is asked for, and the protocols that are."""
    way, own = known_direction(suite, direction), select or direction
    if word and own:
        raise ConfigurationError(f"protocol {word} says epoch and direction itself: leave '{own}' out, or it")
    return Protocol(select or "valid", way), "both" if suite.protocol and not own and not word else word


def _measured(
    results: _Results, columns: Sequence[Column], unlike: tuple[str, ...], marks: Collection[str]
) -> list[Row]:
    """Return the rows that are run, each cell with what its difference is worth; those that do nothing are marked."""
    suite = results.suite
    metrics = suite.metrics

    def by(row: str) -> Protocol:
        return results.rows.protocol(row, results.shown)

    worth = proofs(results.cells, results.records, suite.base_of, by, metrics, results.ranks, results.rows.again)

    def entries(variant: str) -> tuple[Entry, ...]:
        found = [(column, _entry(results, variant, column)) for column in columns]
        return tuple(
            replace(
                entry,
                evidence=worth.get((variant, *column.place, column.metric)),
                verdict=_verdict(results, column, entry, variant, unlike),
            )
            for column, entry in found
        )

    return [
        Row(
            v.id,
            f"{v.title} {IDLE}" if v.id in marks else v.title,
            v.group,
            v is suite.full,
            True,
            entries(v.id),
            versus=suite.base_of(v.id),
        )
        for v in suite.variants
    ]


def asked_table(
    suite: Suite,
    folder: Path,
    store: Store,
    *,
    select: Selection | None = None,
    direction: str | None = None,
    protocol: Shown | None = None,
    called: str = "",
) -> Table:
    """Return the table of all that was last asked of a suite, whose manifest is in `folder`, whatever the code was.

    `called` is the suite's name or file on the command line, for the notes that name the tables of other settings.

    Raises:
        ConfigurationError: for a direction of another task.
        DataError: if the manifest or a run was damaged from outside.
    """
    asked = load_manifest(folder)
    options: dict[str, Any] = {"select": select, "direction": direction, "protocol": protocol}
    if asked:
        options |= {"commands": asked.commands, "older": asked.code != code_of(suite)}
        options |= {"unlike": filter(None, [options_told(asked.preset, asked.overrides)])}
    table = tabulate(suite, asked.cells if asked else [], store, **options)
    if asked and suite.tuning.wanted:
        alike: dict[str, Any] = {"select": select, "direction": direction, "protocol": protocol}
        again = partial(tabulate, suite, store=store, **alike)
        table = replace(table, fair=fair(suite, table, asked, folder, again))
    # Overrides of older code may be none of today's.
    left = (
        left_alone(suite, asked.cells, asked.overrides, preset=asked.preset) if asked and not options["older"] else []
    )
    return replace(table, notes=(*settings_told(folder, asked, called or suite.suite), *left, *table.notes))


def _collect(suite: Suite, cells: list[Cell], store: Store, own: Protocol, word: Shown | None) -> _Results:
    runs = dict.fromkeys(cell.run.id for cell in cells)
    records = {run_id: record for run_id in runs if (record := store.read(run_id))}
    others = {run_id: status(store, run_id) for run_id in runs if run_id not in records}
    paper = suite.paper_protocol if suite.protocol or word else own
    # Of runs that all held nothing out there is no honest number, and none takes its place.
    honest = not records or any(HONEST.select in record.selections for record in records.values())
    shown = {None: own, "paper": paper, "honest": HONEST, "both": HONEST if honest else paper}[word]
    rows = joined(suite, cells, records, store.folder.parent / "evaluations")
    return _Results(rows, group(rows.cells), others, shown, paper)


def known_direction(suite: Suite, word: str | None) -> Direction:
    """Return what the numbers of a suite are about: the first of its task's directions, unless another is asked for.

    Raises:
        ConfigurationError: naming the task's.
    """
    task = about(suite.method).task
    ways = DIRECTIONS[task]
    if word is not None and word not in ways:
        raise ConfigurationError(f"direction '{word}': {suite.suite} is about {task}, which has {', '.join(ways)}")
    return cast(Direction, word or ways[0])


def _entry(results: _Results, variant: str, column: Column) -> Entry:
    suite, shown = results.suite, results.shown
    mine, whole = results.values(variant, column, shown), results.values(suite.base_of(variant), column, shown)
    paper, honest = (results.values(variant, column, one) for one in (results.paper, HONEST))
    cells = results.cells.get((variant, *column.place), [])
    published, delta = _published(suite, variant, column)
    pairs = [mine[seed][0] - whole[seed][0] for seed in mine if seed in whole]
    gaps = [paper[seed][0] - honest[seed][0] for seed in paper if seed in honest]
    records = [record for _, record in mine.values()]
    reasons = [results.others[c.run.id].reason for c in cells if c.run.id in results.others]
    return Entry(
        published=published,
        published_delta=delta,
        values=tuple(number for number, _ in mine.values()),
        seeds=tuple(mine),
        epochs=tuple(record.selections[shown.select]["epoch"] for record in records),
        runs=tuple(record.id for record in records),
        missing=len(cells) - len(mine),
        failures=tuple(dict.fromkeys(filter(None, reasons))),
        delta=fmean(pairs) if pairs else None,
        pairs=len(pairs),
        same_as=twin(suite, results.cells, variant, column.place),
        paper=tuple(number for number, _ in paper.values()),
        honest=tuple(number for number, _ in honest.values()),
        gap=fmean(gaps) if gaps else None,
    )


def _verdict(results: _Results, column: Column, entry: Entry, variant: str, unlike: tuple[str, ...]) -> Verdict | None:
    """Judge a published number by what its own protocol makes of the runs."""
    if entry.published is None:
        return None
    layout = results.suite.layout
    rounding = 10.0 ** -(layout.decimals + 2 * layout.percent)
    records = [record for _, record in results.values(variant, column, results.paper).values()]
    protocol = results.rows.protocol(variant, results.paper)
    return judged(entry.published, records, protocol, column.metric, rounding, unlike, results.ranks)


def _published(suite: Suite, variant: str, column: Column) -> tuple[float | None, float | None]:
    """Return the paper's number and its distance from what its row is compared with."""

    def number(row: str) -> float | None:
        matching = [r for r in suite.reference if (r.variant, r.dataset, r.seed_ratio) == (row, *column.place)]
        return matching[0].values.get(column.metric) if matching else None

    mine, whole = number(variant), number(suite.base_of(variant))
    return mine, None if mine is None or whole is None else mine - whole


def _quoted(suite: Suite, variant: str, column: Column) -> Entry:
    published, delta = _published(suite, variant, column)
    return Entry(published, delta, (), (), (), (), 0, (), None, 0, "")
