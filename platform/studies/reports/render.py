"""A table in the forms that people need: Markdown, text, LaTeX, CSV, HTML, JSON."""

import csv
import io
import json
import math
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from kgprism.platform.errors import ConfigurationError, nearest
from kgprism.platform.studies.reports.documents import latex, markdown
from kgprism.platform.studies.reports.entries import Table, mean
from kgprism.platform.studies.reports.forms import FORMS
from kgprism.platform.studies.reports.text import text
from kgprism.platform.studies.reports.view import View, view

if TYPE_CHECKING:
    from kgprism.platform.studies.reports.page.behind import Behind
    from kgprism.platform.studies.statistics.evidence import Evidence


def render(table: Table, form: str, behind: "Behind | None" = None) -> str:
    """Return the table as ``md``, ``text``, ``latex``, ``csv``, ``html`` or ``json``.

    A page shows the runs too that stand `behind` it.

    Raises:
        ConfigurationError: for another form.
    """
    if form not in FORMS:
        raise ConfigurationError(f"unknown format '{form}'{nearest(form, FORMS)}")
    if form == "html":
        from kgprism.platform.studies.reports.page.page import page

        return page(view(table), behind)
    return _WRITERS[form](view(table))


def _csv(view: View) -> str:
    out, table = io.StringIO(), view.table
    writer = csv.writer(out, lineterminator="\n")
    head = "suite variant label group dataset seed_ratio metric published mean std runs missing delta pairs"
    writer.writerow(
        [
            *head.split(),
            "published_delta",
            "select",
            "direction",
            "seeds",
            "epochs",
            "ids",
            "same_as",
            "failures",
            "older_code",
            *["paper", "honest", "gap", "ties"],
            *["low", "high", "p", "p_holm", "p_mcnemar", "p_equivalent", "effect", "covers", "starred", "verdict"],
            *["versus", "tuned", "settings", "worth"],
        ]
    )
    lines = (line for block in view.blocks for line in block.lines)
    for row, cell in ((line.row, cell) for line in lines for cell in line.cells):
        column, entry = cell.column, cell.entry
        first = [table.suite, row.id, row.label, row.group, column.dataset, column.seed_ratio, column.metric]
        numbers = [entry.published, entry.mean, entry.std, len(entry.values), entry.missing, entry.delta, entry.pairs]
        lists = [" ".join(map(str, many)) for many in (entry.seeds, entry.epochs, entry.runs)]
        last = [entry.published_delta, table.select, table.direction, *lists, entry.same_as, "; ".join(entry.failures)]
        last.append("yes" if table.older_code and entry.runs else "")
        protocols = [mean(entry.paper), mean(entry.honest), entry.gap, table.ties]
        how = [row.versus, "frozen" if table.fair else "", "", ""]
        writer.writerow([*first, *numbers, *last, *protocols, *_worth(entry.evidence, entry.verdict), *how])
    writer.writerows(_retuned(table))
    return out.getvalue()


def _retuned(table: Table) -> Iterator[list[object]]:
    """Yield a row, as the others are, for each that is through with its search; nothing published is about it."""
    rows = {row.id: row for row in table.rows}
    for row in table.fair.rows if table.fair else ():
        for both in row.entries if row.chosen is not None else ():
            side = both.tuned
            first = [table.suite, row.id, row.label, rows[row.id].group, *row.place, both.metric]
            pairs = side.evidence.seeds if side.evidence else ""
            numbers = [None, side.mean, side.std, len(side.seeds), side.missing, side.delta, pairs]
            last = [None, table.select, table.direction, " ".join(map(str, side.seeds)), "", " ".join(side.runs), ""]
            last += ["; ".join(side.failures), "yes" if table.older_code and side.runs else ""]
            how = [rows[row.id].versus, "re-tuned", json.dumps(row.chosen), str(both.worth or "")]
            yield [*first, *numbers, *last, *[None] * 3, table.ties, *_worth(side.evidence), *how]


def _worth(found: "Evidence | None", verdict: object = None) -> list[object]:
    """Return what a difference is worth and what is said of the published number."""
    tests = [found.chance, found.adjusted, found.mcnemar, found.equivalent, found.effect] if found else [None] * 5
    interval = found.interval if found else (None, None)
    words = [found.covers, "yes" if found.starred else ""] if found else ["", ""]
    return [*interval, *tests, *words, str(verdict or "")]


def _json(view: View) -> str:
    # NaN is no JSON: a value that is not a number is not there.
    def clean(value: object) -> object:
        if isinstance(value, dict):
            return {key: clean(inner) for key, inner in value.items()}
        if isinstance(value, list | tuple):
            return [clean(inner) for inner in value]
        return None if isinstance(value, float) and not math.isfinite(value) else value

    return json.dumps(clean(view.table.plain()), indent=1, ensure_ascii=False) + "\n"


_WRITERS: dict[str, Callable[[View], str]] = {"text": text, "md": markdown, "latex": latex, "csv": _csv, "json": _json}
