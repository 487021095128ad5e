"""How the numbers of a table are written, the same in every form."""

from kgprism.platform.settings import METRICS
from kgprism.platform.studies.reports.entries import IDLE, Column, Entry, Row, Table, mean
from kgprism.platform.studies.statistics.evidence import Evidence
from kgprism.platform.studies.store.runs import CANNOT
from kgprism.platform.studies.suites.rows import told_apart

#: What stands where a number is not there yet.
MISSING = "—"
#: What marks a difference that is real.
STAR = "*"
#: How a metric is headed.
TITLES = {word: metric.title for word, metric in METRICS.items()}


def lowest(name: str) -> bool:
    """Tell whether less is better of a number such as ``valid/l2r/mr``; of what is no metric, more is."""
    return any(name.rpartition("/")[2] == word and metric.lowest for word, metric in METRICS.items())


def one_line(text: str) -> str:
    """Return a text in one line: in most forms a new line ends a row, a comment or an item."""
    return " ".join(text.split())


def titled(table: Table, row: Row) -> str:
    """Return a row's label, with its group where another row has the same."""
    name = told_apart(row.title, row.group, (other.title for other in table.rows))
    return name if row.title == row.label else f"{name} {IDLE}"


def compared(table: Table, row: Row) -> str:
    """Return a row's name, and what it is compared with where that is not the full method."""
    base = next((one for one in table.rows if one.id == row.versus and not one.full), None)
    return f"{titled(table, row)} vs. {titled(table, base)}" if base else titled(table, row)


def number(table: Table, column: Column, value: float | None, *, sign: bool = False) -> str:
    """Return a value as the table shows it: ``.631``, ``63.1``, ``+.012``, ranks with one decimal."""
    if value is None:
        return MISSING
    if METRICS[column.metric].lowest:
        return f"{value:{'+' if sign else ''}.1f}"
    shown = f"{value * 100 if table.percent else value:{'+' if sign else ''}.{table.decimals}f}"
    return shown if table.percent else shown.replace("0.", ".", 1) if abs(value) < 1 else shown


def measured(table: Table, column: Column, entry: Entry) -> str:
    """Return ``.631 ± .004``, ``- `` for the deviation of a single run, ``=`` before what is another row's run."""
    if entry.mean is None:
        return _without_result(entry)
    spread = "-" if entry.std is None else number(table, column, entry.std)
    some = f" ({len(entry.values)}/{len(entry.values) + entry.missing})" if entry.missing else ""
    return f"{'= ' if entry.same_as else ''}{number(table, column, entry.mean)} ± {spread}{some}"


def paper(table: Table, column: Column, entry: Entry) -> str:
    """Return what the paper's protocol makes of the runs: the mean alone, as papers print it."""
    return number(table, column, mean(entry.paper)) if entry.paper else _without_result(entry)


def honest(table: Table, column: Column, entry: Entry) -> str:
    """Return the honest number of the runs, as a mean alone."""
    return number(table, column, mean(entry.honest)) if entry.honest else _without_result(entry)


def counted(table: Table) -> list[tuple[str, str, str, str]]:
    """Return a head and rows on what of the tests can be seen elsewhere; what is nowhere is left out."""
    rows = [("Data, counted", "count", "of", "share")]
    for name, counts in table.overlaps.items():
        found = [one for one in counts if one.count]
        rows += [
            (f"{name}: {one.what}", f"{one.count:,}", f"{one.of:,}", f"{100 * one.count / one.of:.1f} %")
            for one in found
        ]
        rows += [] if found else [(f"{name}: nothing of a test is seen elsewhere", "0", "", "")]
    return rows if table.overlaps else []


def _without_result(entry: Entry) -> str:
    if entry.failures and all(reason.startswith(CANNOT) for reason in entry.failures):
        return CANNOT.rstrip(": ")
    return "failed" if entry.failures else MISSING


def delta(table: Table, column: Column, row: Row, entry: Entry) -> str:
    """Return the difference, starred where it is real; nothing in a row that is compared with none."""
    star = STAR if entry.evidence and entry.evidence.starred else ""
    return "" if not row.measured or not row.versus else number(table, column, entry.delta, sign=True) + star


def worth(table: Table, column: Column, found: Evidence) -> str:
    """Return what a difference is worth: its interval, and the chance of none over all rows."""
    low, high = (number(table, column, end, sign=True) for end in found.interval)
    equal = "; every query has the same rank" if found.equal else ""
    return f"95 % interval {low} to {high} over {found.covers}; p {found.adjusted:.2g} (Holm){equal}"


def origin(table: Table, column: Column, row: Row, entry: Entry) -> str:
    """Return where a number comes from, line by line: each run with its seed, epoch and value."""
    if not row.measured:
        return "published only"
    each = zip(entry.seeds, entry.epochs, entry.values, entry.runs, strict=True)
    lines = [f"seed {seed} · epoch {epoch} · {number(table, column, v)} · run {run}" for seed, epoch, v, run in each]
    if entry.delta is not None:
        lines.append(f"Δ over {entry.pairs} paired seeds: {number(table, column, entry.delta, sign=True)}")
    if entry.evidence:
        lines.append(worth(table, column, entry.evidence))
    if entry.gap is not None:
        lines.append(f"paper {paper(table, column, entry)}, honest {honest(table, column, entry)}")
    if entry.verdict:
        lines.append(f"published {number(table, column, entry.published)}: {entry.verdict}")
    if entry.published_delta is not None:
        lines.append(f"Δ in the paper: {number(table, column, entry.published_delta, sign=True)}")
    lines += [f"{entry.missing} runs missing"] if entry.missing else []
    lines += [f"same run as {entry.same_as}"] if entry.same_as else []
    return "\n".join(
        [*lines, *(reason if reason.startswith(CANNOT) else f"failed: {reason}" for reason in entry.failures)]
    )
