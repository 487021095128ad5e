"""Whether a part still earns its keep once the row without it is tuned too."""

from dataclasses import dataclass
from typing import Literal

from kgprism.platform.studies.reports.entries import Entry
from kgprism.platform.studies.statistics.evidence import ENOUGH

Word = Literal["earns its keep", "only untuned", "no difference", "harmful", "cannot tell"]
#: A row beside its base: surely worse or better, surely not by as much as the margin, or not known.
_State = Literal["worse", "better", "alike", "open"]


@dataclass(frozen=True)
class Worth:
    """What is said of a part, and why where it cannot be told."""

    word: Word
    why: str = ""

    def __str__(self) -> str:
        return f"{self.word}: {self.why}" if self.why else self.word


def worth(
    frozen: tuple[Entry, Entry],
    tuned: tuple[Entry, Entry],
    *,
    lowest: bool = False,
    tied: tuple[int, int] = (1, 1),
) -> Worth:
    """Say what a part is worth, from the entries of a row and of its base, frozen and re-tuned.

    Earns its keep: without it, the re-tuned row is worse than its re-tuned base, counting all rows of the table.
    Only untuned: the frozen row was, the re-tuned one is surely not by as much as the margin. No difference: it was not
    shown to be worse when frozen either. Harmful: the re-tuned row is better. Cannot tell: neither is sure, or held-out
    data choose none of some configurations, `tied`, of the row or of its base.
    """
    for many, whose in zip(tied, ("", " (of what it is compared with)"), strict=True):
        if many > 1:
            return Worth("cannot tell", f"{many} settings tie on held-out data{whose}")
    before, _ = _state(*frozen, lowest)
    now, why = _state(*tuned, lowest)
    if now == "worse":
        return Worth("earns its keep")
    if now == "better":
        return Worth("harmful")
    if now == "alike":
        return Worth("only untuned" if before == "worse" else "no difference")
    return Worth("cannot tell", f"worse when frozen, but re-tuned {why}" if before == "worse" else why)


def _state(row: Entry, base: Entry, lowest: bool) -> tuple[_State, str]:
    """Return how a row is beside its base, and why that is not known."""
    if row.runs and row.runs == base.runs:
        return "alike", ""
    if not row.values or not base.values:
        return "open", "no run has finished" if not row.values else "no run of what it is compared with has finished"
    found = row.evidence
    if found is None or row.delta is None:
        return "open", "no seed in common" if not row.pairs else "ranks of single queries are not kept"
    if found.equal:
        return "alike", ""
    if found.seeds < ENOUGH:
        return "open", f"{found.seeds} seed{'s' if found.seeds > 1 else ''} of {ENOUGH} at least"
    if found.equivalent < 0.05:
        return "alike", ""
    if found.starred:
        return ("worse" if (row.delta < 0) != lowest else "better"), ""
    low, high = found.interval
    if low > 0 or high < 0:
        return "open", f"p {found.adjusted:.2g} over all rows"
    return "open", "the interval holds 0 and more than the margin"
