"""A run's test queries by what is known of their ends: how many triples touch them, which features they have."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kgprism.platform.data.graph import CompletionGraph, Dataset, MultiModalGraph
from kgprism.platform.data.once import once_a_dataset
from kgprism.platform.settings import DIRECTIONS, Selection
from kgprism.platform.studies.reports.breakdown import Band, metrics_of, ranks_of, test_pairs
from kgprism.platform.studies.store.record import Record

#: The last degree of each band; one more band holds all above.
DEGREES = (0, 2, 5, 10, 20, 50)


@dataclass(frozen=True)
class Queries:
    """Test pairs or triples by both ends, each a graph and its entities ``(queries,)``, and the ranks of all."""

    ends: tuple[tuple[MultiModalGraph, np.ndarray], tuple[MultiModalGraph, np.ndarray]]
    ranks: dict[str, np.ndarray]
    ways: Sequence[str]

    @classmethod
    def of(cls, record: Record, dataset: Dataset, select: Selection) -> "Queries":
        """Return those of a finished run.

        Raises:
            ConfigurationError: if it made no such selection, or its data have changed.
        """
        if isinstance(dataset, CompletionGraph):
            graphs, pairs, what = (dataset.graph, dataset.graph), dataset.test[:, [0, 2]], "triples"
        else:
            graphs, pairs, what = (dataset.left, dataset.right), test_pairs(record, dataset), "pairs"
        ways = DIRECTIONS["completion" if isinstance(dataset, CompletionGraph) else "alignment"]
        ends = ((graphs[0], pairs[:, 0]), (graphs[1], pairs[:, 1]))
        return cls(
            ends, ranks_of(record, select, what, len(pairs)), [way for way in ways if way not in ("mean", "seen")]
        )

    def band(self, name: str, rows: np.ndarray) -> Band:
        """Return those queries as one."""
        return Band(name, int(rows.sum()), metrics_of(self.ranks, rows, self.ways) if rows.any() else {})


def by_degree(queries: Queries) -> list[Band]:
    """Return the queries by the smaller of both ends' numbers of triples, in training where there is a test part."""
    least = np.minimum(*(_degrees(graph)[entities] for graph, entities in queries.ends))
    found, low = [], 0
    for high in DEGREES:
        name = str(high) if low == high else f"{low} to {high}"
        found.append(queries.band(name, (low <= least) & (least <= high)))
        low = high + 1
    return [*found, queries.band(f"{low} and more", least >= low)]


@once_a_dataset
def _degrees(graph: MultiModalGraph) -> np.ndarray:
    return np.bincount(graph.triples[:, [0, 2]].ravel(), minlength=len(graph.entities))


def by_presence(queries: Queries) -> list[Band]:
    """Return for each modality the queries both of whose ends have a vector of it, and those where one is missing."""
    found = []
    for modality in sorted(set.intersection(*(set(graph.features) for graph, _ in queries.ends))):
        both = np.logical_and(*(np.isin(ids, graph.features[modality].entities) for graph, ids in queries.ends))
        found += [queries.band(f"{modality}: both", both), queries.band(f"{modality}: one is missing", ~both)]
    return found
