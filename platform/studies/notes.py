"""What stands under a table: which epochs, which seeds, what the data changed, what failed, how it was made."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from kgprism.platform.settings import Selection
from kgprism.platform.studies.cells import Cell
from kgprism.platform.studies.store import Record
from kgprism.platform.studies.suite import Suite

Place = tuple[str, str, float | None]

_SELECTIONS: dict[Selection, str] = {
    "valid": "the epoch that is best on held-out data",
    "best_test": "the epoch that is best on the test data, as many published numbers (optimistic)",
    "last": "the last epoch",
}
_DIRECTIONS = {
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
    """Return the title of the first row whose runs are the very same here, such as where data lack a modality."""
    mine = {cell.run.id for cell in grouped.get((variant, *place), [])}
    for other in sorted(suite.variants, key=lambda row: row is not suite.full):
        if other.id == variant or not mine:
            return ""
        if mine <= {cell.run.id for cell in grouped.get((other.id, *place), [])}:
            return other.title
    return ""


def where(dataset: str, seed_ratio: float | None) -> str:
    """Name a panel: ``fb15k-db15k, 20 % seed pairs``."""
    return dataset if seed_ratio is None else f"{dataset}, {seed_ratio * 100:g} % seed pairs"


def remarks(
    suite: Suite,
    cells: Sequence[Cell],
    records: Mapping[str, Record],
    failures: Mapping[str, str],
    select: Selection,
    direction: str,
    commands: Iterable[str],
) -> tuple[str, ...]:
    """Return the lines under a table, each once."""
    shown = [records[run_id] for run_id in dict.fromkeys(cell.run.id for cell in cells) if run_id in records]
    lines = [*_made(suite, cells, shown, select, direction)]
    lines += _twins(suite, cells)
    lines += [note for cell in cells for note in cell.run.notes]
    lines += _failed(suite, cells, failures)
    lines += [f"{row.variant}, {where(row.dataset, row.seed_ratio)}: {row.note}" for row in suite.reference if row.note]
    lines += suite.notes
    lines += [f"Command: {command}" for command in commands]
    return tuple(dict.fromkeys(lines))


def _made(
    suite: Suite, cells: Sequence[Cell], shown: Sequence[Record], select: Selection, direction: str
) -> Iterator[str]:
    source = " ".join(word for word in (suite.paper.key, suite.paper.table, suite.paper.url) if word)
    if source:
        yield f"Published: {source}."
    if not cells:
        yield "Nothing was run yet."
        return
    chosen = [record.selections[select]["epoch"] for record in shown if select in record.selections]
    trained = sorted({cell.run.configuration["train.epochs"] for cell in cells})
    epochs = f"; chosen: {span(chosen)}" if chosen else ""
    yield (
        f"Measured: {_SELECTIONS[select]} (select={select}), {_DIRECTIONS[direction]}; "
        f"epochs trained: {span(trained)}{epochs}; seeds {', '.join(map(str, sorted({c.seed for c in cells})))}."
    )
    yield f"± is the sample standard deviation over seeds; Δ the mean paired difference to {suite.full.title}."
    asked = {cell.run.id for cell in cells}
    if missing := len(asked) - len(shown):
        yield f"{missing} of {len(asked)} runs have no result yet (—)."
    if without := len(shown) - len(chosen):
        yield f"{without} finished runs have no selection '{select}' (eval.valid_ratio=0?): choose last or best_test."


def span(numbers: Iterable[int]) -> str:
    """Return ``5`` or ``5 to 9``."""
    numbers = list(numbers)
    return f"{min(numbers)}" if min(numbers) == max(numbers) else f"{min(numbers)} to {max(numbers)}"


def _twins(suite: Suite, cells: Sequence[Cell]) -> Iterator[str]:
    grouped, titles = group(cells), {variant.id: variant.title for variant in suite.variants}
    for variant, dataset, ratio in grouped:
        if same := twin(suite, grouped, variant, (dataset, ratio)):
            yield f"= {titles[variant]} on {where(dataset, ratio)}: same run as {same}."


def _failed(suite: Suite, cells: Sequence[Cell], failures: Mapping[str, str]) -> Iterator[str]:
    titles = {variant.id: variant.title for variant in suite.variants}
    for cell in cells:
        if reason := failures.get(cell.run.id):
            place = where(cell.dataset, cell.seed_ratio)
            yield f"Failed: {titles[cell.variant]} on {place}, seed {cell.seed}: {reason}"
