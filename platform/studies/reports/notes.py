"""What stands under a table: which epochs, which seeds, what the data changed, what failed, how it was made."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import get_args

from kgprism.platform.settings import METRICS, Metric, Selection
from kgprism.platform.studies.reports.entries import IDLE, Column, Row
from kgprism.platform.studies.statistics.evidence import ENOUGH, MARGIN, Place
from kgprism.platform.studies.statistics.verdict import Word
from kgprism.platform.studies.store.progress import Status
from kgprism.platform.studies.store.record import Record
from kgprism.platform.studies.suites.cells import Cell
from kgprism.platform.studies.suites.protocol import HONEST, Protocol
from kgprism.platform.studies.suites.suite import Layout, Suite

SELECTION_WORDS: dict[Selection, str] = {
    "valid": "the epoch that is best on held-out data",
    "best_test": "the epoch that is best on the test data, as many papers choose it (optimistic)",
    "last": "the last epoch",
}
DIRECTION_WORDS = {
    "l2r": "left to right",
    "r2l": "right to left",
    "mean": "the mean of both directions",
    "head": "heads asked for",
    "tail": "tails asked for",
    "seen": "the mean of both directions over triples whose ends are both in train",
}


def group(cells: Iterable[Cell]) -> dict[Place, list[Cell]]:
    """Return the cells by variant, dataset and seed ratio."""
    grouped: dict[Place, list[Cell]] = {}
    for cell in cells:
        grouped.setdefault((cell.variant, cell.dataset, cell.seed_ratio), []).append(cell)
    return grouped


def twin(suite: Suite, grouped: Mapping[Place, list[Cell]], variant: str, place: tuple[str, float | None]) -> str:
    """Return the name of the first row whose runs are the very same here, such as where data lack a modality."""
    mine = {cell.run.id for cell in grouped.get((variant, *place), [])}
    for other in sorted(suite.variants, key=lambda row: row is not suite.full):
        if other.id == variant or not mine:
            return ""
        if mine <= {cell.run.id for cell in grouped.get((other.id, *place), [])}:
            return suite.named(other.id)
    return ""


def where(dataset: str, seed_ratio: float | None) -> str:
    """Name a panel: ``fb15k-db15k, 20 % seed pairs``."""
    return dataset if seed_ratio is None else f"{dataset}, {seed_ratio * 100:g} % seed pairs"


def remarks(
    suite: Suite,
    cells: Sequence[Cell],
    records: Mapping[str, Record],
    others: Mapping[str, Status],
    how: tuple[Protocol, Protocol | None, bool],
    commands: Iterable[str],
    older: bool,
    worth: Iterable[str],
) -> tuple[str, ...]:
    """Return the lines under a table, each once; `worth` are those on its differences.

    `how` is by what its values are measured, how the paper measured, and whether both are shown.
    """
    shown = [records[run_id] for run_id in dict.fromkeys(cell.run.id for cell in cells) if run_id in records]
    lines = [*_how_measured(suite, cells, shown, how), *worth]
    lines += ["These runs were made by older code: kgprism ablate would run them again."] if older and shown else []
    lines += _twins(suite, cells)
    lines += [note for cell in cells for note in cell.run.notes]
    lines += _without_result(suite, cells, others)
    lines += [f"{row.variant}, {where(row.dataset, row.seed_ratio)}: {row.note}" for row in suite.reference if row.note]
    lines += suite.notes
    lines += [f"Command: {command}" for command in commands]
    return tuple(dict.fromkeys(lines))


def _how_measured(
    suite: Suite, cells: Sequence[Cell], shown: Sequence[Record], how: tuple[Protocol, Protocol | None, bool]
) -> Iterator[str]:
    own, paper, both = how
    select = own.select
    source = " ".join(word for word in (suite.paper.key, suite.paper.table, suite.paper.url) if word)
    if source:
        yield f"Published: {source}."
    if not cells:
        yield "Nothing was run yet."
        return
    chosen = [record.selections[select]["epoch"] for record in shown if select in record.selections]
    epochs = f"; chosen: {span(chosen)}" if chosen else ""
    yield (
        f"{'honest' if both else 'Measured'}: {spelled(own)}; "
        f"{_trained(cells, shown)}{epochs}; seeds {', '.join(map(str, sorted({c.seed for c in cells})))}."
    )
    yield from _paper(suite, cells, own, paper, both)
    yield f"± is the sample standard deviation over seeds; Δ the mean paired difference {_bases(suite, cells)}."
    asked = {cell.run.id for cell in cells}
    if missing := len(asked) - len(shown):
        yield f"No result yet (—): {missing} of {len(asked)} runs."
    if without := len(shown) - len(chosen):
        so = "they have no honest number" if both else "choose last or best_test"
        yield f"{without} finished runs have no selection '{select}' (eval.valid_ratio=0?): {so}."


def _trained(cells: Iterable[Cell], shown: Iterable[Record]) -> str:
    """Say how many epochs were trained; of how many, where patience ended a run before its last."""
    last = {record.id: record.selections["last"]["epoch"] for record in shown}
    wanted = {cell.run.id: cell.run.configuration["train.epochs"] for cell in cells}
    if not last:
        return f"epochs asked for: {span(wanted.values())}"
    asked = {run: wanted[run] for run in last}
    return f"epochs trained: {span(last.values())}" + (f" of {span(asked.values())}" if asked != last else "")


def _bases(suite: Suite, cells: Iterable[Cell]) -> str:
    """Name what rows are compared with, as far as it was asked for: the full method, and what some name themselves."""
    asked, full = {cell.variant for cell in cells}, suite.full.id
    own: dict[str, list[str]] = {}
    for row in suite.variants:
        base = suite.base_of(row.id)
        if base and {base, row.id} & asked:
            own.setdefault(base, []).append(suite.named(row.id))
    rest = [f"to {suite.named(full)}"] if own.pop(full, ()) or not own else []
    told = [*rest, *(f"of {', '.join(rows)} to {suite.named(base)}" for base, rows in own.items())]
    return "; ".join(told)


def spelled(protocol: Protocol) -> str:
    """Say which epoch, whose queries, and what becomes of ties where that is not the usual."""
    ties = ", of ties the best rank" if protocol.ties == "optimistic" else ""
    word = protocol.select
    return f"{SELECTION_WORDS[word]} (select={word}), {DIRECTION_WORDS[protocol.direction]}{ties}"


def _paper(suite: Suite, cells: Sequence[Cell], own: Protocol, paper: Protocol | None, both: bool) -> Iterator[str]:
    """Say how the paper measured, and what of the table is by that."""
    if paper is None:
        return
    what = "published numbers are judged by it; Δ and what is said of it are honest" if both else ""
    what = what or f"published numbers are judged by it{'' if paper == own else ', not by what stands here'}"
    guessed = "" if suite.protocol else " (the suite does not state its protocol)"
    yield f"paper: {spelled(paper)}{guessed}: {what}."
    held = {cell.run.configuration.get("eval.valid_ratio", 0.0) for cell in cells} - {0.0}
    if held and paper.select != "valid":
        shares = " or ".join(f"{share * 100:g} %" for share in sorted(held))
        yield f"The paper holds nothing out, here {shares} of the seed pairs are: its runs trained on as many more."


def gaps_told(suite: Suite, columns: Sequence[Column], rows: Sequence[Row], paper: Protocol | None) -> Iterator[str]:
    """Say for each panel how much more the paper's protocol finds than the honest one, by the metric that decides."""
    metrics = list(dict.fromkeys(column.metric for column in columns))
    if paper in (None, HONEST) or not metrics:
        return
    metric: Metric = "mrr" if "mrr" in metrics else metrics[0]
    if (
        rows
        and not any(entry.honest for row in rows for entry in row.entries)
        and any(entry.paper for row in rows for entry in row.entries)
    ):
        yield "No run held anything out (eval.valid_ratio=0): there is no honest number beside the paper's."
    for n, column in enumerate(columns):
        told = [(suite.named(row.id), row.entries[n].gap) for row in rows if column.metric == metric]
        if some := [f"{label} {_gap(suite.layout, metric, gap)}" for label, gap in told if gap is not None]:
            title, place = METRICS[metric].title, where(*column.place)
            yield f"Selection gap, paper - honest, {title} on {place}: {', '.join(some)}."


def _gap(layout: Layout, metric: Metric, gap: float) -> str:
    """Write a difference as the table does."""
    if METRICS[metric].lowest or layout.percent:
        return f"{gap:+.1f}" if METRICS[metric].lowest else f"{gap * 100:+.{layout.decimals}f}"
    return f"{gap:+.{layout.decimals}f}".replace("0.", ".", 1)


def worth_told(suite: Suite, columns: Sequence[Column], rows: Sequence[Row]) -> Iterator[str]:
    """Say what stars mean, which rows equal their base query by query, and what became of published numbers."""
    entries = [(row, column, entry) for row in rows for column, entry in zip(columns, row.entries, strict=True)]
    worth = [entry.evidence for _, _, entry in entries if entry.evidence]
    if worth:
        few = max(found.seeds for found in worth)
        yield (
            "* the difference is real: p < .05 of a t test over seeds and queries, Holm over a column's rows."
            if few >= ENOUGH
            else f"Nothing is starred: {few} seed{'s' if few > 1 else ''} of {ENOUGH} at least; intervals of one seed "
            "speak of other queries, not of other seeds."
        )
    seeds = {found.seeds for found in worth}
    if len(seeds) > 1:
        yield (
            f"Rows share {span(seeds)} seeds with what they are compared with. Where some got more because they were "
            "undecided (--seeds adaptive), p is not corrected for having looked in between."
        )
    same = dict.fromkeys((row, where(*column.place)) for row, column, e in entries if e.evidence and e.evidence.equal)
    for row, place in same:
        base = suite.named(row.versus)
        yield f"{suite.named(row.id)} on {place}: every query of every seed has the rank that {base} gives it."
    verdicts = [entry.verdict for _, _, entry in entries if entry.verdict]
    if verdicts:
        counts = Counter(found.word for found in verdicts)
        told = ", ".join(f"{counts[word]} {word}" for word in get_args(Word) if word in counts)
        why = "; ".join(list(dict.fromkeys(found.why for found in verdicts if found.why))[:3])
        yield f"Published numbers, margin {MARGIN:g}: {told}{f' ({why})' if why else ''}."


def idle_told(suite: Suite, dead: Mapping[tuple[str, str], str]) -> Iterator[str]:
    """Say of each row that does nothing why."""
    for (row, dataset), why in dead.items():
        yield f"{IDLE} {suite.named(row)} on {dataset} does nothing at first: {why} (kgprism inspect)."


def span(numbers: Iterable[int]) -> str:
    """Return ``5`` or ``5 to 9``."""
    numbers = list(numbers)
    return f"{min(numbers)}" if min(numbers) == max(numbers) else f"{min(numbers)} to {max(numbers)}"


def _twins(suite: Suite, cells: Sequence[Cell]) -> Iterator[str]:
    grouped = group(cells)
    for variant, dataset, ratio in grouped:
        if same := twin(suite, grouped, variant, (dataset, ratio)):
            yield f"= {suite.named(variant)} on {where(dataset, ratio)}: same run as {same}."


def _without_result(suite: Suite, cells: Sequence[Cell], others: Mapping[str, Status]) -> Iterator[str]:
    """Say of each run that is under way, was interrupted, failed or cannot start what became of it, seeds together."""
    seeds: dict[tuple[str, str], list[int]] = {}
    for cell in cells:
        found = others.get(cell.run.id)
        if found and found.state != "to run":
            state, _, told = str(found).partition(": ")
            place = f"{state.capitalize()}: {suite.named(cell.variant)} on {where(cell.dataset, cell.seed_ratio)}"
            seeds.setdefault((place, told), []).append(cell.seed)
    for (place, told), some in seeds.items():
        yield f"{place}, seed{'s' if len(some) > 1 else ''} {', '.join(map(str, some))}{': ' if told else ''}{told}"
