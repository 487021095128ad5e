"""Finished runs part by part, from the ranks that are kept of every query: by relation, by how alike pictures are."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any, TypeVar

import numpy as np

from kgprism.platform import configuration
from kgprism.platform.data.catalogue import choice
from kgprism.platform.data.graph import AlignedGraphs, CompletionGraph, Dataset, Features
from kgprism.platform.data.inputs.split import split
from kgprism.platform.data.once import once_a_dataset
from kgprism.platform.errors import ConfigurationError, nearest
from kgprism.platform.method import load
from kgprism.platform.settings import DIRECTIONS, AlignmentData, Selection
from kgprism.platform.studies.store.record import Record
from kgprism.platform.tasks.ranking import Ranks

D = TypeVar("D", bound=Dataset)

#: Figure 5 of IBMEA parts its test pairs by thresholds that cannot be read in print; these stand in (spec 9.3).
BOUNDS = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7)


@dataclass(frozen=True)
class Line:
    """One relation: its test triples, and its metrics by direction and their mean, such as ``mean/mrr``."""

    relation: str
    triples: int
    metrics: dict[str, float]


@dataclass(frozen=True)
class Band:
    """Test pairs that are about as alike: their number, and metrics by direction; none where there is no pair."""

    band: str
    pairs: int
    metrics: dict[str, float]


def by_relation(record: Record, dataset: Dataset, select: Selection) -> list[Line]:
    """Return a line for each relation of the test triples, the most frequent first.

    Raises:
        ConfigurationError: if the run is none of completion, made no such selection, or its data have changed.
    """
    if not isinstance(dataset, CompletionGraph):
        raise ConfigurationError(f"run {record.id} is no completion run: {record.dataset} has no ranks by relation")
    relations = dataset.test[:, 1]
    ranks = ranks_of(record, select, "triples", len(relations))
    found, counts = np.unique(relations, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    return [
        Line(
            dataset.graph.relations[found[n]],
            int(counts[n]),
            metrics_of(ranks, relations == found[n], ("head", "tail")),
        )
        for n in order
    ]


def by_similarity(
    record: Record,
    dataset: Dataset,
    select: Selection,
    *,
    modality: str = "image",
    bounds: Sequence[float] = BOUNDS,
) -> list[Band]:
    """Return the test pairs whose raw vectors have a cosine below each of `bounds`, then all, then those without one.

    Pairs below a bound are below the next one as well.

    Raises:
        ConfigurationError: if the run is none of alignment, made no such selection, its data have changed, or they have
            no vectors of that modality.
        DataError: if it read a feature set that cannot be read any more.
    """
    if not isinstance(dataset, AlignedGraphs):
        raise ConfigurationError(f"run {record.id} is no alignment run: {record.dataset} has no pairs to compare")
    dataset = read_by(record, dataset)
    known = set(dataset.left.features) & set(dataset.right.features)
    if modality not in known:
        raise ConfigurationError(f"{record.dataset} has no vectors of '{modality}'{nearest(modality, known)}")
    test = test_pairs(record, dataset)
    ranks = ranks_of(record, select, "pairs", len(test))
    alike = _alike(dataset, modality, test)
    bands = {f"< {bound:g}": alike < bound for bound in sorted(bounds)}
    bands |= {"both have one": ~np.isnan(alike), "one is missing": np.isnan(alike)}
    ways = DIRECTIONS["alignment"][:2]
    return [
        Band(band, int(rows.sum()), metrics_of(ranks, rows, ways) if rows.any() else {}) for band, rows in bands.items()
    ]


def pooled(runs: Sequence[Sequence[Band]]) -> list[Band]:
    """Return the bands of several runs as one: pairs are added up, metrics are means over the runs that have any."""
    found = []
    for bands in zip(*runs, strict=True):
        metrics = [band.metrics for band in bands if band.metrics]
        means = {key: fmean(row[key] for row in metrics) for key in (metrics[0] if metrics else {})}
        found.append(Band(bands[0].band, sum(band.pairs for band in bands), means))
    return found


def read_by(record: Record, dataset: D) -> D:
    """Return a dataset with the vectors that a run read in it.

    Raises:
        DataError: if they are of a feature set that cannot be read any more.
    """
    return choice.chosen(_settings(record), dataset)


def test_pairs(record: Record, dataset: AlignedGraphs) -> np.ndarray:
    """Return the pairs ``(pairs, 2)`` that a run was judged on."""
    settings = _settings(record)
    return _test_pairs(dataset, settings.data.model_dump_json(), settings.eval.valid_ratio, record.seed)


def _settings(record: Record) -> Any:
    return configuration.resolve(load(record.method).Config, record.configuration, source=f"run {record.id}")


@once_a_dataset
def _test_pairs(dataset: AlignedGraphs, settings: str, valid_ratio: float, seed: int) -> np.ndarray:
    return split(dataset, AlignmentData.model_validate_json(settings), valid_ratio, seed).test


def _alike(dataset: AlignedGraphs, modality: str, test: np.ndarray) -> np.ndarray:
    """Return the cosine of each test pair's vectors ``(pairs,)``."""
    pairs, cosines = _cosines_of_all(dataset, modality)
    known, asked = (rows[:, 0].astype(np.int64) * (1 << 32) + rows[:, 1] for rows in (pairs, test))
    return np.asarray(cosines[np.searchsorted(known, asked)])


@once_a_dataset
def _cosines_of_all(dataset: AlignedGraphs, modality: str) -> tuple[np.ndarray, np.ndarray]:
    """Return all pairs that a split can hold ``(pairs, 2)``, ascending, and each one's cosine: many runs share them."""
    pairs = np.unique(np.concatenate([dataset.pairs, *dataset.published.values()]), axis=0)
    return pairs, _cosines(dataset.left.features[modality], dataset.right.features[modality], pairs)


def _cosines(left: Features, right: Features, pairs: np.ndarray) -> np.ndarray:
    """Return the cosine of each pair's vectors ``(pairs,)``; NaN where one is missing, 0 where one is zero."""
    sides = [_unit_rows(features, pairs[:, side]) for side, features in enumerate((left, right))]
    return np.asarray((sides[0] * sides[1]).sum(1))


def _unit_rows(features: Features, entities: np.ndarray) -> np.ndarray:
    """Return the entities' vectors at length one, ``(entities, width)``; NaN for those that have none."""
    place = np.searchsorted(features.entities, entities).clip(max=len(features.entities) - 1)
    rows = features.values[place].astype(np.float32)
    rows /= np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    rows[features.entities[place] != entities] = np.nan
    return rows


def ranks_of(record: Record, select: Selection, queries: str, count: int) -> dict[str, np.ndarray]:
    """Return the ranks of a selection, and refuse those of other queries than there are now."""
    if select not in record.selections:
        raise ConfigurationError(f"run {record.id} has no selection '{select}' (it has {', '.join(record.selections)})")
    ranks = record.ranks(select)
    if any(len(found) != count for found in ranks.values()):
        raise ConfigurationError(f"run {record.id} was made on other test {queries} than {record.dataset} has now")
    return ranks


def metrics_of(ranks: dict[str, np.ndarray], rows: np.ndarray, sides: Sequence[str]) -> dict[str, float]:
    """Return the metrics of some queries, by side and as the mean of both."""
    found = {
        side: Ranks(ranks[f"{side}/realistic"][rows], ranks[f"{side}/optimistic"][rows]).metrics() for side in sides
    }
    one, other = (found[side] for side in sides)
    found["mean"] = {key: (value + other[key]) / 2 for key, value in one.items()}
    return {f"{side}/{key}": value for side, numbers in found.items() for key, value in numbers.items()}
