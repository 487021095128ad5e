"""A finished completion run relation by relation, from the ranks that are kept of every query."""

from dataclasses import dataclass

import numpy as np

from kgprism.platform.data.graph import CompletionGraph, Dataset
from kgprism.platform.errors import ConfigurationError
from kgprism.platform.settings import Selection
from kgprism.platform.studies.store import Record
from kgprism.platform.tasks.ranking import Ranks

SIDES = ("head", "tail")


@dataclass(frozen=True)
class Line:
    """One relation: its test triples, and its metrics by direction and their mean, such as ``mean/mrr``."""

    relation: str
    triples: int
    metrics: dict[str, float]


def by_relation(record: Record, dataset: Dataset, select: Selection) -> list[Line]:
    """Return a line for each relation of the test triples, the most frequent first.

    Raises:
        ConfigurationError: if the run is none of completion, made no such selection, or its data have changed.
    """
    if not isinstance(dataset, CompletionGraph):
        raise ConfigurationError(f"run {record.id} is no completion run: {record.dataset} has no ranks by relation")
    if select not in record.selections:
        raise ConfigurationError(f"run {record.id} has no selection '{select}' (it has {', '.join(record.selections)})")
    ranks, relations = record.ranks(select), dataset.test[:, 1]
    if len(ranks["tail/realistic"]) != len(relations):
        raise ConfigurationError(f"run {record.id} was made on other test triples than {record.dataset} has now")
    found, counts = np.unique(relations, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    return [
        Line(dataset.graph.relations[found[n]], int(counts[n]), _metrics(ranks, relations == found[n])) for n in order
    ]


def _metrics(ranks: dict[str, np.ndarray], rows: np.ndarray) -> dict[str, float]:
    sides = {
        side: Ranks(ranks[f"{side}/realistic"][rows], ranks[f"{side}/optimistic"][rows]).metrics() for side in SIDES
    }
    sides["mean"] = {key: (value + sides["tail"][key]) / 2 for key, value in sides["head"].items()}
    return {f"{side}/{key}": value for side, numbers in sides.items() for key, value in numbers.items()}
