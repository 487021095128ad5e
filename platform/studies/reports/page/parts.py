"""A table part by part: by relation, by how alike pictures are, by degree, by what modalities both ends have."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from statistics import fmean

from kgprism.platform.data.graph import CompletionGraph, Dataset
from kgprism.platform.errors import KgprismError
from kgprism.platform.studies.reports import words
from kgprism.platform.studies.reports.breakdown import Band, by_relation, by_similarity, read_by
from kgprism.platform.studies.reports.entries import Column, Table
from kgprism.platform.studies.reports.notes import where
from kgprism.platform.studies.reports.page.queries import Queries, by_degree, by_presence
from kgprism.platform.studies.statistics.evidence import Place
from kgprism.platform.studies.store.record import Record

#: How many parts are shown, those with the most queries first.
MOST = 25
#: A part with its number of queries, and its MRR.
Part = tuple[str, int, float | None]
#: By what queries are parted, and a run's parts of each.
WAYS = ("relation", "cosine of both pictures", "degree", "modality")
Cut = dict[str, list[Part]]


@dataclass(frozen=True)
class Share:
    """One part: its number of queries, and each row's MRR, empty where there is no such query."""

    name: str
    queries: int
    values: tuple[str, ...]


@dataclass(frozen=True)
class Parts:
    """One panel by `what`; ``more`` parts with fewer queries are left out."""

    title: str
    what: str
    rows: tuple[str, ...]
    shares: tuple[Share, ...]
    more: int


def parts(table: Table, runs: Mapping[Place, Sequence[Record]], dataset: Callable[[str], Dataset]) -> list[Parts]:
    """Return each panel's MRR by relation or likeness, by degree and by modality, the mean over a row's runs.

    A panel is left out whose data are not here or have changed; so is what it cannot be parted by.
    """
    found = []
    for place in dict.fromkeys(column.place for column in table.columns):
        with suppress(KgprismError):
            data = dataset(place[0])
            rows = [(words.titled(table, row), runs.get((row.id, *place), ())) for row in table.rows]
            chosen = [(label, [one for one in some if table.select in one.selections]) for label, some in rows]
            cut = {label: [_cut(table, one, data) for one in some] for label, some in chosen if some}
            found += [one for what in WAYS if (one := _panel(table, Column(*place, "mrr"), cut, what)).shares]
    return found


def _panel(table: Table, column: Column, rows: Mapping[str, Sequence[Cut]], what: str) -> Parts:
    """Return one table of parts; none of its `shares` where nothing is parted so."""
    pooled = {label: _pooled([cut[what] for cut in some if what in cut]) for label, some in rows.items()}
    known = {label: own for label, own in pooled.items() if own}
    shares = [
        Share(
            each[0][0],
            each[0][1],
            tuple("" if value is None else words.number(table, column, value) for _, _, value in each),
        )
        for each in zip(*known.values(), strict=True)
        if each[0][1]
    ]
    return Parts(where(*column.place), what, tuple(known), tuple(shares[:MOST]), max(0, len(shares) - MOST))


def _pooled(runs: Sequence[Sequence[Part]]) -> list[Part]:
    """Return the parts of several runs as one: numbers of queries and values are means over the runs."""
    pooled = []
    for same in zip(*runs, strict=True):
        known = [value for _, _, value in same if value is not None]
        pooled.append((same[0][0], round(fmean(count for _, count, _ in same)), fmean(known) if known else None))
    return pooled


def _cut(table: Table, record: Record, data: Dataset) -> Cut:
    """Return a run by all that its queries can be parted by."""
    way = "mean" if table.direction == "seen" else table.direction

    def told(bands: Iterable[Band]) -> list[Part]:
        return [(band.band, band.pairs, band.metrics.get(f"{way}/mrr")) for band in bands]

    with suppress(KgprismError):  # without its feature set, entities are parted by the data's own vectors
        data = read_by(record, data)
    queries, found = Queries.of(record, data, table.select), Cut()
    if isinstance(data, CompletionGraph):
        lines = by_relation(record, data, table.select)
        found["relation"] = [(line.relation, line.triples, line.metrics[f"{way}/mrr"]) for line in lines]
    else:
        with suppress(KgprismError):  # there may be no pictures; whether both have one is told by modality
            found["cosine of both pictures"] = told(by_similarity(record, data, table.select)[:-2])
    return found | {"degree": told(by_degree(queries)), "modality": told(by_presence(queries))}
