"""Frozen beside re-tuned rows in words, the same in every form: sections of a heading, a head and rows."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kgprism.platform.studies.reports import words
from kgprism.platform.studies.reports.entries import Column
from kgprism.platform.studies.reports.fair.fair import Both, Fair, Side, Tuned
from kgprism.platform.studies.reports.notes import where

if TYPE_CHECKING:
    from kgprism.platform.studies.reports.entries import Table


@dataclass(frozen=True)
class Section:
    """A heading, and rows as words below a head: the first word of each names it, the last is no number."""

    panel: str
    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def heading(fair: Fair) -> str:
    """Say how rows were tuned."""
    how = "random search" if fair.by_chance else "search"
    return f"Tuned row by row: {fair.trials} trials of {how} for each, with seed {fair.seed}, by {fair.metric}"


def sections(table: "Table") -> Iterator[Section]:
    """Yield for each panel its metrics, frozen beside re-tuned, and what the searches found."""
    if table.fair:
        for place in dict.fromkeys(row.place for row in table.fair.rows):
            rows = [row for row in table.fair.rows if row.place == place]
            for n, one in enumerate(rows[0].entries):
                column = Column(*place, one.metric)
                title = f"{where(*place)}: {words.TITLES[one.metric]}"
                yield Section(
                    where(*place), title, _HEAD, tuple(_line(table, column, row, row.entries[n]) for row in rows)
                )
            yield _found(table.fair, where(*place), rows)


def remarks(fair: Fair) -> list[str]:
    """Return what is to be known besides: words of the last column, keys that rows do not have."""
    told = [
        "earns its keep: re-tuned, the row is still worse than what it is compared with, re-tuned; only untuned: it "
        "was worse while frozen, re-tuned it is surely not by as much as the margin; no difference: nor was it shown "
        "to be; harmful: it is better. Each for all rows together (Holm), on three seeds or more.",
        "The row as it is stands for choice beside its trials, whose validation the settings are chosen on.",
    ]
    if any(row.tied > 1 for row in fair.rows):
        told.append(
            "tied: so many settings are best on held-out data, in MRR too; the row as it is, if it is one, "
            "else the earliest trial is taken, and what the part is worth cannot be told."
        )
    why: dict[tuple[str, str], dict[str, None]] = {}
    for row in fair.rows:
        for key, reason in row.left.items():
            why.setdefault((key, reason), {})[row.label] = None
    told += [f"{_key(key)} is not tuned ({reason}): {', '.join(rows)}" for (key, reason), rows in why.items()]
    same = [row.label for row in fair.rows if not row.keys]
    return [*told, *([f"Nothing to tune, so as frozen: {', '.join(dict.fromkeys(same))}"] if same else [])]


_HEAD = ("Variant", "frozen", "Δ", "95 %", "p (Holm)", "re-tuned", "Δ", "95 %", "p (Holm)", "the part")


def _line(table: "Table", column: Column, row: Tuned, both: Both) -> tuple[str, ...]:
    sides = [word for side in (both.frozen, both.tuned) for word in _side(table, column, row, side)]
    return (row.label, *sides, "" if both.worth is None else str(both.worth))


def _side(table: "Table", column: Column, row: Tuned, side: Side) -> list[str]:
    mean = words.number(table, column, side.mean)
    if side.mean is None:
        mean = "failed" if side.failures else words.MISSING
    elif side.std is not None:
        mean = f"{mean} ± {words.number(table, column, side.std)}"
    if side.missing and side.mean is not None:
        mean += f" ({len(side.seeds)}/{len(side.seeds) + side.missing})"
    found = side.evidence
    delta = "" if row.full else words.number(table, column, side.delta, sign=True)
    if found is None:
        return [mean, delta, "", ""]
    low, high = (words.number(table, column, end, sign=True) for end in found.interval)
    return [mean, delta + (words.STAR if found.starred else ""), f"{low} to {high}", f"{found.adjusted:.2g}"]


def _found(fair: Fair, panel: str, rows: Sequence[Tuned]) -> Section:
    """Return what validation the searches reached, at which budget, and with which settings."""
    budgets = _budgets(max(len(row.curve) for row in rows))
    what = "expected best of" if fair.by_chance else "best after"
    head = ("Variant", "trials", "as it is", *(f"{what} {n}" for n in budgets), "chosen", "settings")
    return Section(panel, f"{panel}: {fair.metric}", head, tuple(_search(row, budgets, fair.metric) for row in rows))


def _search(row: Tuned, budgets: Sequence[int], metric: str) -> tuple[str, ...]:
    if not row.keys:
        return (row.label, "0", _short(row.frozen, metric), *("" for _ in budgets), "", "nothing to tune")
    curve = [_short(row.curve[n - 1], metric) if n <= len(row.curve) else "" for n in budgets]
    trials = f"{len(row.values)}/{row.asked}" if len(row.values) < row.asked else str(row.asked)
    if row.chosen is None:
        settings = "not through yet"
    else:
        settings = ", ".join(f"{_key(key)}={_value(value)}" for key, value in row.chosen.items()) or "as it is"
        settings += f"; tied: {row.tied}" if row.tied > 1 else ""
    return (row.label, trials, _short(row.frozen, metric), *curve, _short(row.best, metric), settings)


def _budgets(most: int) -> list[int]:
    """Return 1, 2, 4, ... and the last."""
    doubled = [2**n for n in range(most.bit_length()) if 2**n < most]
    return [*doubled, most] if most else []


def _short(value: float | None, metric: str) -> str:
    if value is None:
        return words.MISSING
    return f"{value:.1f}" if words.lowest(metric) else f"{value:.3f}".replace("0.", ".", 1)


def _value(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _key(key: str) -> str:
    """Return a key as one sets it: a slot's by its name."""
    return key.removesuffix(".kind")
