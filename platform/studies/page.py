"""A table as one HTML page that needs nothing else."""

from importlib.resources import files
from typing import Any

from jinja2 import Environment, StrictUndefined

from kgprism.platform.studies.table import Entry, Row, Table
from kgprism.platform.studies.words import TITLES, delta, number, panels, standing


def page(table: Table) -> str:
    """Return the page: light and dark, head and first column stay in view, hovering shows runs and epochs."""
    template = (files("kgprism.platform.studies") / "page.html.jinja").read_text(encoding="utf-8")
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, keep_trailing_newline=True)
    columns = [TITLES[column.metric] for column in table.columns]
    return environment.from_string(template).render(
        table=table,
        panels=[(title, len(numbers)) for title, numbers in panels(table)],
        columns=columns,
        firsts={numbers[0] for _, numbers in panels(table)},
        blocks=_blocks(table),
    )


def _blocks(table: Table) -> list[tuple[str, list[tuple[Row, list[dict[str, Any]]]]]]:
    """Return the rows under their groups, neighbours of one group together."""
    best = [standing(table, n, lambda entry: entry.mean) for n in range(len(table.columns))]
    blocks: list[tuple[str, list[tuple[Row, list[dict[str, Any]]]]]] = []
    for row in table.rows:
        if not blocks or blocks[-1][0] != row.group:
            blocks.append((row.group, []))
        blocks[-1][1].append((row, [_shown(table, row, n, best[n].get(row.id, 0)) for n in range(len(row.entries))]))
    return blocks


def _shown(table: Table, row: Row, n: int, place: int) -> dict[str, Any]:
    """Return the words of one cell."""
    column, entry = table.columns[n], row.entries[n]
    return {
        "mean": number(table, column, entry.mean) if entry.mean is not None else "",
        "std": number(table, column, entry.std) if entry.std is not None else "-",
        "published": number(table, column, entry.published) if entry.published is not None else "",
        "delta": delta(table, column, row, entry) if entry.delta is not None else "",
        "falls": entry.delta is not None and (entry.delta < 0) != (column.metric == "mr"),
        "place": place,
        "failed": bool(entry.failures) and entry.mean is None,
        "same": bool(entry.same_as),
        "hint": _hint(table, n, row, entry),
    }


def _hint(table: Table, n: int, row: Row, entry: Entry) -> str:
    """Return what hovering shows: each run with its seed, epoch and value."""
    if not row.measured:
        return "published only"
    column = table.columns[n]
    each = zip(entry.seeds, entry.epochs, entry.values, entry.runs, strict=True)
    lines = [f"seed {seed} · epoch {epoch} · {number(table, column, v)} · run {run}" for seed, epoch, v, run in each]
    if entry.delta is not None:
        lines.append(f"Δ over {entry.pairs} paired seeds: {number(table, column, entry.delta, sign=True)}")
    if entry.published_delta is not None:
        lines.append(f"Δ in the paper: {number(table, column, entry.published_delta, sign=True)}")
    lines += [f"{entry.missing} runs missing"] if entry.missing else []
    lines += [f"same run as {entry.same_as}"] if entry.same_as else []
    return "\n".join([*lines, *(f"failed: {reason}" for reason in entry.failures)])
