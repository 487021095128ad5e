"""An honest validation part where the published one lies in train or test: a share of train (completion spec 0.1)."""

from dataclasses import replace

import numpy as np

from kgprism.platform.data.graph import CompletionGraph
from kgprism.platform.data.once import once_a_dataset
from kgprism.platform.errors import ConfigurationError
from kgprism.platform.seeding import generator


@once_a_dataset
def contaminated(dataset: CompletionGraph) -> tuple[int, int]:
    """Return how many distinct validation triples are in train, and how many are in test."""
    keys = dataset.graph.keys
    valid = np.unique(keys(dataset.valid))
    in_train, in_test = (np.isin(valid, keys(part)).sum() for part in (dataset.graph.triples, dataset.test))
    return int(in_train), int(in_test)


@once_a_dataset
def holdout(dataset: CompletionGraph, ratio: float, seed: int) -> CompletionGraph:
    """Return the dataset with about `ratio` of its distinct training triples as its validation part.

    Every relation gives its share, and every entity and relation of train keeps a triple there, so that fewer than
    asked for may be held out. No held-out triple is a test triple. The order of the source's lines does not matter.
    What the published validation part alone holds is known to be true, no more: it filters rankings.

    Raises:
        ConfigurationError: if nothing can be held out.
    """
    graph = dataset.graph
    keys = graph.keys(graph.triples)
    distinct, first = np.unique(keys, return_index=True)
    held = _chosen(graph.triples[first], ~np.isin(distinct, graph.keys(dataset.test)), ratio, seed)
    if not len(held):
        raise ConfigurationError(f"data.holdout: no training triple of {dataset.name} can be spared at {ratio:g}")
    rest = graph.triples[~np.isin(keys, distinct[held])]
    return replace(
        dataset, graph=replace(graph, triples=rest), valid=graph.triples[first[held]], known=_beyond(dataset)
    )


def _chosen(triples: np.ndarray, free: np.ndarray, ratio: float, seed: int) -> np.ndarray:
    """Return the ascending places of the triples to hold out, drawn among the `free` ones."""
    counts = np.bincount(triples[:, 1])
    quota = _quotas(counts, ratio).tolist()
    # What train still holds of each entity and relation; a self-loop is one triple of its entity.
    ends = np.concatenate([triples[:, 0], triples[triples[:, 0] != triples[:, 2], 2]])
    degree, left = np.bincount(ends).tolist(), counts.tolist()
    order = generator(seed, "holdout").permutation(np.flatnonzero(free))
    held = []
    for place, (head, relation, tail) in zip(order.tolist(), triples[order].tolist(), strict=True):
        if quota[relation] and left[relation] > 1 and degree[head] > 1 and degree[tail] > 1:
            held.append(place)
            quota[relation] -= 1
            left[relation] -= 1
            for entity in {head, tail}:
                degree[entity] -= 1
    return np.sort(np.array(held, np.int64))


def _quotas(counts: np.ndarray, ratio: float) -> np.ndarray:
    """Share out ``ratio * sum(counts)`` in proportion, the remainders to those that rounding down cost most."""
    exact = ratio * counts
    quota = np.floor(exact).astype(np.int64)
    rest = round(ratio * int(counts.sum())) - int(quota.sum())
    quota[np.argsort(quota - exact, kind="stable")[:rest]] += 1
    return quota


def _beyond(dataset: CompletionGraph) -> np.ndarray:
    """Return the distinct true triples that are in neither train nor test."""
    keys = dataset.graph.keys
    rows = np.concatenate([dataset.known, dataset.valid])
    distinct, first = np.unique(keys(rows), return_index=True)
    return rows[first[~np.isin(distinct, keys(dataset.graph.triples, dataset.test))]]
