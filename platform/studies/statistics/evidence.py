"""How much a row's difference to the full method is worth, from the ranks that are kept of every query."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

import numpy as np

from kgprism.platform.settings import METRICS, Metric
from kgprism.platform.studies.statistics.bootstrap import interval, means
from kgprism.platform.studies.statistics.ranks import Ranks, scores, value
from kgprism.platform.studies.statistics.significance import effect, holm, mcnemar
from kgprism.platform.studies.statistics.spread import spread
from kgprism.platform.studies.statistics.verdict import Verdict, verdict
from kgprism.platform.studies.store.record import Record
from kgprism.platform.studies.suites.cells import Cell
from kgprism.platform.studies.suites.protocol import Protocol

#: A row, a dataset and a seed ratio.
Place = tuple[str, str, float | None]
#: A difference below this is none that matters: one point of a hundred.
MARGIN = 0.01
#: What a run's note says where its data are not the paper's.
UNLIKE = ("left out", "differs from the published")
#: Fewer seeds are told, not starred.
ENOUGH = 3


@dataclass(frozen=True)
class Evidence:
    """What is known of a difference.

    ``interval`` is the 95 % interval of the difference, which ``covers`` other queries, or other seeds too; ``chance``
    the p-value of none, Holm's over the column's rows in ``adjusted``; ``mcnemar`` the exact one of Hits@1, queries of
    all seeds together; ``equivalent`` the p-value of at least `MARGIN`; ``effect`` the difference in standard
    deviations of a query; ``equal`` says that every query of every seed has the same rank.
    """

    interval: tuple[float, float]
    covers: str
    seeds: int
    chance: float
    mcnemar: float | None
    equivalent: float
    effect: float
    equal: bool
    adjusted: float = 1.0

    @property
    def starred(self) -> bool:
        """Whether the difference is real at the level of five in a hundred, counting all rows and enough seeds."""
        return self.seeds >= ENOUGH and self.adjusted < 0.05

    @property
    def decided(self) -> bool:
        """Whether no more seeds are needed: the difference is there, or is surely none that matters."""
        known = self.interval[0] > 0 or self.interval[1] < 0 or self.equivalent < 0.05
        return self.equal or (self.seeds >= ENOUGH and known)


def compared(
    pairs: Sequence[tuple[Record, Record]],
    protocol: Protocol | tuple[Protocol, Protocol],
    metrics: Sequence[Metric],
    ranks: Ranks | None = None,
) -> list[Evidence | None]:
    """Return the evidence of each metric, from each seed's run of a row and of the full method.

    Both are measured by one protocol, or each by its own. None where ranks of single queries are not kept of this
    direction, or where both were not asked the same queries.
    """
    read, ways = ranks or Ranks(), protocol if isinstance(protocol, tuple) else (protocol, protocol)
    mine, full = ([read(pair[side], ways[side]) for pair in pairs] for side in (0, 1))
    if not pairs or any(not len(a) or a.shape != b.shape for a, b in zip(mine, full, strict=True)):
        return [None] * len(metrics)
    crossed = len({rows.shape for rows in mine}) == 1 and all(map(_same_queries, (record for record, _ in pairs)))
    apart = [
        np.stack([scores(a, metric) - scores(b, metric) for metric in metrics], 1)
        for a, b in zip(mine, full, strict=True)
    ]
    hits = [np.concatenate([(rows <= 1).ravel() for rows in side]) for side in (mine, full)]
    equal = all(np.array_equal(a, b) for a, b in zip(mine, full, strict=True))
    drawn = means(apart, crossed=crossed)
    return [
        _evidence(metric, [rows[:, n] for rows in apart], drawn[:, n], hits, crossed, equal)
        for n, metric in enumerate(metrics)
    ]


def proofs(
    cells: Mapping[Place, Sequence[Cell]],
    records: Mapping[str, Record],
    base: Callable[[str], str],
    protocol: Callable[[str], Protocol],
    metrics: Sequence[Metric],
    ranks: Ranks | None = None,
    again: Collection[str] = (),
) -> dict[tuple[str, str, float | None, Metric], Evidence]:
    """Return the evidence of every row, panel and metric against its `base`, Holm's over the rows of a column.

    `base` tells the row that a row is compared with, "" where that is none; `protocol` by which each is measured.
    Rows that are judged `again` are a family of their own: one more leaves what is said of the trained rows as it was.
    """
    found: dict[tuple[str, str, float | None, Metric], Evidence] = {}
    ranks = ranks or Ranks()
    for (variant, dataset, ratio), own in cells.items():
        versus = base(variant)
        whole = {cell.seed: records.get(cell.run.id) for cell in cells.get((versus, dataset, ratio), ())}
        if not whole:
            continue
        both = [(records.get(cell.run.id), whole.get(cell.seed)) for cell in sorted(own, key=lambda cell: cell.seed)]
        ways = protocol(variant), protocol(versus)
        pairs = [(a, b) for a, b in both if a and b and (a.id != b.id or ways[0] != ways[1])]
        if pairs:
            each = zip(metrics, compared(pairs, ways, metrics, ranks), strict=True)
            found |= {(variant, dataset, ratio, metric): evidence for metric, evidence in each if evidence}
    for family in dict.fromkeys((key[1:], key[0] in again) for key in found):
        keys = [key for key in found if (key[1:], key[0] in again) == family]
        for key, chance in zip(keys, holm([found[key].chance for key in keys]), strict=True):
            found[key] = replace(found[key], adjusted=chance)
    return found


def judged(
    published: float,
    records: Sequence[Record],
    protocol: Protocol,
    metric: Metric,
    rounding: float,
    unlike: Sequence[str] = (),
    ranks: Ranks | None = None,
) -> Verdict | None:
    """Say whether a published number was reproduced; none where nothing is measured. `unlike` says what else is set."""
    read = ranks or Ranks()
    values = [found for one in records if (found := value(one, protocol, metric, read)) is not None]
    if not values or METRICS[metric].lowest:
        return None
    absent = dict.fromkeys(note for record in records for note in record.notes if any(w in note for w in UNLIKE))
    interval = _own_interval(records, protocol, metric, read)
    return verdict(published, fmean(values), interval, margin=MARGIN, rounding=rounding, unlike=(*unlike, *absent))


def _own_interval(
    records: Sequence[Record], protocol: Protocol, metric: Metric, read: Ranks
) -> tuple[float, float] | None:
    """Return the 95 % interval of a row's own mean, none where it has no ranks of single queries."""
    ranks = [read(record, protocol) for record in records]
    if any(not len(rows) for rows in ranks):
        return None
    crossed = len({rows.shape for rows in ranks}) == 1 and all(map(_same_queries, records))
    each = [scores(rows, metric) for rows in ranks]
    found = spread(each, crossed=crossed)
    return interval(means(each, crossed=crossed), found) if found else None


def _evidence(
    metric: Metric, apart: list[np.ndarray], drawn: np.ndarray, hits: list[np.ndarray], crossed: bool, equal: bool
) -> Evidence | None:
    found = spread(apart, crossed=crossed)
    if found is None:
        return None
    return Evidence(
        interval=interval(drawn, found),
        covers=found.covers,
        seeds=found.seeds,
        chance=found.chance(),
        mcnemar=mcnemar(*hits) if metric == "hits_at_1" else None,
        equivalent=1.0 if METRICS[metric].lowest else found.equivalent(MARGIN),
        effect=effect(apart),
        equal=equal,
    )


def _same_queries(record: Record) -> bool:
    """Whether the test queries depend on no seed: those of a published split, or of one split for all runs."""
    drawn = record.configuration.get("data.split", "published") != "published"
    return not drawn or record.configuration.get("data.split_seed") is not None
