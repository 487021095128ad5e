"""Which panels of a table are shown: a panel is one dataset at one seed ratio."""

from collections.abc import Iterable
from dataclasses import replace

from kgprism.platform.errors import ConfigurationError, nearest
from kgprism.platform.studies.reports.entries import Column, Table


def only(table: Table, words: Iterable[str] | None) -> Table:
    """Return the table with the panels that are named, ``dataset`` or ``dataset@ratio``, in that order; or all.

    Raises:
        ConfigurationError: for a panel that the table does not have.
    """
    if words is None:
        return table
    names = [{_name(column), column.dataset} for column in table.columns]
    known = list(dict.fromkeys(_name(column) for column in table.columns))
    chosen: dict[int, None] = {}
    for word in words:
        found = [n for n, called in enumerate(names) if word in called]
        if not found:
            told = nearest(word, dict.fromkeys([*known, *(column.dataset for column in table.columns)]))
            raise ConfigurationError(f"--panels: {table.suite} has no panel '{word}'{told}")
        chosen |= dict.fromkeys(found)
    rows = [replace(row, entries=tuple(row.entries[n] for n in chosen)) for row in table.rows]
    columns = tuple(table.columns[n] for n in chosen)
    fair = table.fair.on(column.place for column in columns) if table.fair else None
    shown = {column.dataset for column in columns}
    overlaps = {name: counts for name, counts in table.overlaps.items() if name in shown}
    return replace(table, columns=columns, rows=tuple(rows), fair=fair, overlaps=overlaps)


def _name(column: Column) -> str:
    return column.dataset if column.seed_ratio is None else f"{column.dataset}@{column.seed_ratio:g}"
