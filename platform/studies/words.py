"""How the numbers of a table are written, the same in every form."""

from collections.abc import Callable, Iterator

from kgprism.platform.studies.notes import where
from kgprism.platform.studies.table import Column, Entry, Row, Table

#: What stands where a number is not there yet.
MISSING = "—"
#: How a metric is headed.
TITLES = {"hits_at_1": "Hits@1", "hits_at_3": "Hits@3", "hits_at_10": "Hits@10", "mrr": "MRR", "mr": "MR"}


def number(table: Table, column: Column, value: float | None, *, sign: bool = False) -> str:
    """Return a value as the table shows it: ``.631``, ``63.1``, ``+.012``, ranks with one decimal."""
    if value is None:
        return MISSING
    if column.metric == "mr":
        return f"{value:{'+' if sign else ''}.1f}"
    shown = f"{value * 100 if table.percent else value:{'+' if sign else ''}.{table.decimals}f}"
    return shown if table.percent else shown.replace("0.", ".", 1) if abs(value) < 1 else shown


def measured(table: Table, column: Column, entry: Entry) -> str:
    """Return ``.631 ± .004``, ``- `` for the deviation of a single run, ``=`` before what is another row's run."""
    if entry.mean is None:
        return "failed" if entry.failures else MISSING
    spread = "-" if entry.std is None else number(table, column, entry.std)
    some = f" ({len(entry.values)}/{len(entry.values) + entry.missing})" if entry.missing else ""
    return f"{'= ' if entry.same_as else ''}{number(table, column, entry.mean)} ± {spread}{some}"


def delta(table: Table, column: Column, row: Row, entry: Entry) -> str:
    """Return the difference to the full method; nothing in its own row."""
    return "" if row.full or not row.measured else number(table, column, entry.delta, sign=True)


def panels(table: Table) -> Iterator[tuple[str, list[int]]]:
    """Yield the title and the column numbers of each dataset and seed ratio."""
    for place in dict.fromkeys(column.place for column in table.columns):
        yield where(*place), [n for n, column in enumerate(table.columns) if column.place == place]


def standing(table: Table, n: int, value: Callable[[Entry], float | None]) -> dict[str, int]:
    """Return ``{row id: 1 or 2}`` for the best and the second best value of a column; equal ones share a place."""
    found = {row.id: number for row in table.rows if (number := value(row.entries[n])) is not None}
    order = sorted({round(number, 9) for number in found.values()}, reverse=table.columns[n].metric != "mr")
    return {row: order.index(round(number, 9)) + 1 for row, number in found.items() if round(number, 9) in order[:2]}


def quoted(table: Table) -> bool:
    """Tell whether the table has any published number; without one it shows no column for them."""
    return any(entry.published is not None for row in table.rows for entry in row.entries)


def grid(table: Table, numbers: list[int]) -> tuple[list[str], list[list[str]]]:
    """Return head and rows of one panel as plain words; a group's name is a row of its own."""
    published = quoted(table)
    head, rows, group = ["Variant"], [], ""
    for n in numbers:
        title = TITLES[table.columns[n].metric]
        head += [f"{title} published", f"{title} measured", "Δ"] if published else [title, "Δ"]
    for row in table.rows:
        if row.group and row.group != group:
            rows.append([row.group])
        group = row.group
        line = [row.label]
        for n in numbers:
            column, entry = table.columns[n], row.entries[n]
            line += [number(table, column, entry.published)] if published else []
            line += [measured(table, column, entry) if row.measured else "", delta(table, column, row, entry)]
        rows.append(line)
    return head, rows
