"""A table in the forms that people need: Markdown, text, LaTeX, CSV, HTML, JSON."""

import csv
import io
import json
import math
from collections.abc import Callable

from kgprism.platform.errors import ConfigurationError, nearest
from kgprism.platform.studies.latex import latex
from kgprism.platform.studies.page import page
from kgprism.platform.studies.table import Table
from kgprism.platform.studies.words import grid, panels


def render(table: Table, form: str) -> str:
    """Return the table as ``md``, ``text``, ``latex``, ``csv``, ``html`` or ``json``.

    Raises:
        ConfigurationError: for another form.
    """
    if form not in _FORMS:
        raise ConfigurationError(f"unknown format '{form}'{nearest(form, _FORMS)}")
    return _FORMS[form](table)


def _heading(table: Table) -> str:
    return table.title or table.suite


def _markdown(table: Table) -> str:
    lines = [f"# {_heading(table)}"]
    for title, numbers in panels(table):
        head, rows = grid(table, numbers)
        rows = [row if len(row) > 1 else [f"*{row[0]}*", *[""] * (len(head) - 1)] for row in rows]
        cells = [[word.replace("|", "\\|") for word in row] for row in [head, *rows]]
        widths = [max(3, *(len(row[n]) for row in cells)) for n in range(len(head))]
        first, *body = [_aligned(row, widths) for row in cells]
        rule = [("-" * (w - 1) + ":") if n else "-" * w for n, w in enumerate(widths)]
        lines += ["", f"## {title}", "", *(f"| {' | '.join(row)} |" for row in [first, rule, *body])]
    return "\n".join([*lines, "", *(f"- {note}" for note in table.notes), ""])


def _text(table: Table) -> str:
    lines = [_heading(table)]
    for title, numbers in panels(table):
        head, rows = grid(table, numbers)
        rows = [row if len(row) > 1 else [f"{row[0]}:", *[""] * (len(head) - 1)] for row in rows]
        widths = [max(len(row[n]) for row in [head, *rows]) for n in range(len(head))]
        rule = "-" * (sum(widths) + 2 * len(widths) - 2)
        body = ["  ".join(_aligned(row, widths)).rstrip() for row in rows]
        lines += ["", title, rule, "  ".join(_aligned(head, widths)).rstrip(), rule, *body, rule]
    return "\n".join([*lines, *table.notes, ""])


def _aligned(row: list[str], widths: list[int]) -> list[str]:
    return [
        word.rjust(width) if n else word.ljust(width) for n, (word, width) in enumerate(zip(row, widths, strict=True))
    ]


def _csv(table: Table) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    head = "suite variant label group dataset seed_ratio metric published mean std runs missing delta pairs"
    writer.writerow(
        [*head.split(), "published_delta", "select", "direction", "seeds", "epochs", "ids", "same_as", "failures"]
    )
    for row in table.rows:
        for column, entry in zip(table.columns, row.entries, strict=True):
            first = [table.suite, row.id, row.label, row.group, column.dataset, column.seed_ratio, column.metric]
            numbers = [
                entry.published,
                entry.mean,
                entry.std,
                len(entry.values),
                entry.missing,
                entry.delta,
                entry.pairs,
            ]
            lists = [" ".join(map(str, many)) for many in (entry.seeds, entry.epochs, entry.runs)]
            last = [
                entry.published_delta,
                table.select,
                table.direction,
                *lists,
                entry.same_as,
                "; ".join(entry.failures),
            ]
            writer.writerow([*first, *numbers, *last])
    return out.getvalue()


def _json(table: Table) -> str:
    # NaN is no JSON: a value that is not a number is not there.
    def clean(value: object) -> object:
        if isinstance(value, dict):
            return {key: clean(inner) for key, inner in value.items()}
        if isinstance(value, list | tuple):
            return [clean(inner) for inner in value]
        return None if isinstance(value, float) and not math.isfinite(value) else value

    return json.dumps(clean(table.plain()), indent=1, ensure_ascii=False) + "\n"


_FORMS: dict[str, Callable[[Table], str]] = {
    "md": _markdown,
    "text": _text,
    "latex": latex,
    "csv": _csv,
    "html": page,
    "json": _json,
}
FORMS = tuple(_FORMS)
