"""What a table is made of: columns, rows, and what stands where they cross; plain data."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from statistics import fmean, stdev
from typing import TYPE_CHECKING, Any

from kgprism.platform.data.inputs.overlaps import Overlap
from kgprism.platform.settings import Metric, Selection
from kgprism.platform.studies.statistics.evidence import Evidence
from kgprism.platform.studies.statistics.verdict import Verdict
from kgprism.platform.studies.suites.protocol import HONEST, Protocol, Ties
from kgprism.platform.studies.suites.protocol import Direction as Direction

#: What marks a row that does nothing, behind its label.
IDLE = "†"

if TYPE_CHECKING:
    import pandas as pd

    from kgprism.platform.studies.reports.fair.fair import Fair


@dataclass(frozen=True)
class Column:
    """One metric on one dataset at one seed ratio."""

    dataset: str
    seed_ratio: float | None
    metric: Metric

    @property
    def place(self) -> tuple[str, float | None]:
        """The panel that the column belongs to."""
        return self.dataset, self.seed_ratio


@dataclass(frozen=True)
class Entry:
    """What stands in one row and one column. ``values``, ``seeds``, ``epochs`` and ``runs`` go together.

    ``std`` is the sample standard deviation over seeds, none for a single one; ``delta`` is the mean of the paired
    differences to the row's ``versus`` over ``pairs`` seeds; ``missing`` counts asked-for seeds without a result.
    ``evidence`` says what the difference is worth, ``verdict`` whether the published number was reproduced. ``paper``
    and ``honest`` are the same runs measured as the paper did and by `HONEST`, ``gap`` the first less the second.
    """

    published: float | None
    published_delta: float | None
    values: tuple[float, ...]
    seeds: tuple[int, ...]
    epochs: tuple[int, ...]
    runs: tuple[str, ...]
    missing: int
    failures: tuple[str, ...]
    delta: float | None
    pairs: int
    same_as: str
    evidence: Evidence | None = None
    verdict: Verdict | None = None
    paper: tuple[float, ...] = ()
    honest: tuple[float, ...] = ()
    gap: float | None = None

    @cached_property
    def mean(self) -> float | None:
        """The mean over seeds."""
        return fmean(self.values) if self.values else None

    @cached_property
    def std(self) -> float | None:
        """The sample standard deviation over seeds."""
        return stdev(self.values) if len(self.values) > 1 else None


def mean(values: Sequence[float]) -> float | None:
    """Return the mean of what is there."""
    return fmean(values) if values else None


@dataclass(frozen=True)
class Row:
    """One variant, or a method that the paper only quotes; ``versus`` is the id of the row that it is compared with."""

    id: str
    label: str
    group: str
    full: bool
    measured: bool
    entries: tuple[Entry, ...]
    versus: str = ""

    @property
    def title(self) -> str:
        """The label without the mark of a row that does nothing."""
        return self.label.removesuffix(f" {IDLE}")


@dataclass(frozen=True)
class Table:
    """A suite's results; ``rows[i].entries[j]`` belongs to ``columns[j]``; ``older_code`` made them, not today's.

    ``values`` and what is made of them are by ``select``, ``direction`` and ``ties``; with ``both`` these are the
    honest ones, and stand beside what ``paper_protocol`` makes of the same runs. ``overlaps`` tell by dataset what of
    its test can be seen elsewhere.
    """

    suite: str
    title: str
    paper: Mapping[str, str]
    select: Selection
    direction: Direction
    percent: bool
    decimals: int
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...]
    older_code: bool = False
    ties: Ties = "realistic"
    paper_protocol: Protocol | None = None
    both: bool = False
    fair: "Fair | None" = None
    overlaps: Mapping[str, tuple[Overlap, ...]] = field(default_factory=dict)

    @property
    def shown(self) -> Protocol:
        """What the values and differences were measured by."""
        return Protocol(self.select, self.direction, self.ties)

    def beside_published(self) -> "Table":
        """Return the table with the values that compare with published ones, where it shows both."""
        paper = self.paper_protocol
        if not self.both or not paper:
            return self
        rows = [replace(row, entries=tuple(replace(e, values=e.paper) for e in row.entries)) for row in self.rows]
        how: dict[str, Any] = {"select": paper.select, "direction": paper.direction, "ties": paper.ties, "both": False}
        return replace(self, rows=tuple(rows), **how)

    def plain(self) -> dict[str, Any]:
        """Return the table as values that JSON knows, means and deviations included."""
        found = asdict(self)
        for row, shown in zip(self.rows, found["rows"], strict=True):
            for entry, plain in zip(row.entries, shown["entries"], strict=True):
                plain |= {"mean": entry.mean, "std": entry.std}
                plain |= {"paper_mean": mean(entry.paper), "honest_mean": mean(entry.honest)}
        return found | {"honest_protocol": asdict(HONEST)}

    def frame(self) -> "pd.DataFrame":
        """Return a row a variant, dataset and metric."""
        import pandas as pd

        every = ((row, *pair) for row in self.rows for pair in zip(self.columns, row.entries, strict=True))
        return pd.DataFrame([_line(*one) for one in every]).astype(dict.fromkeys(_NUMBERS, float))


_NUMBERS = (
    *("seed_ratio", "published", "measured", "std", "paper", "honest", "gap"),
    *("published_delta", "delta", "low", "high", "p"),
)


def _line(row: Row, column: Column, entry: Entry) -> dict[str, Any]:
    place = {"variant": row.id, "label": row.label, "group": row.group, "full": row.full}
    place |= {"versus": row.versus}
    place |= {"dataset": column.dataset, "seed_ratio": column.seed_ratio, "metric": column.metric}
    numbers = {"published": entry.published, "measured": entry.mean, "std": entry.std, "seeds": len(entry.seeds)}
    numbers |= {"paper": mean(entry.paper), "honest": mean(entry.honest), "gap": entry.gap}
    numbers |= {"published_delta": entry.published_delta, "delta": entry.delta, "missing": entry.missing}
    low, high = entry.evidence.interval if entry.evidence else (None, None)
    numbers |= {"low": low, "high": high, "p": entry.evidence.adjusted if entry.evidence else None}
    words = {"verdict": str(entry.verdict or ""), "failures": "; ".join(entry.failures)}
    return {**place, **numbers, **words, "runs": entry.runs}
