"""What training sees of a test: counted where a source publishes it so, and said in the notes of its runs."""

from collections.abc import Iterator

import numpy as np

from kgprism.platform.data.graph import AlignedGraphs, CompletionGraph
from kgprism.platform.data.inputs.together import distinct
from kgprism.platform.data.once import once_a_dataset

PARTS = ("train", "valid", "test")


@once_a_dataset
def of_pairs(graphs: AlignedGraphs, split: str) -> tuple[str, ...]:
    """Return a line for each kind of leakage that a split of this name (`data.split`) has or had to avoid."""
    found = _published(graphs) if split == "published" else _seeded(graphs, split)
    return tuple(f"{graphs.name}: {line}" for line in found)


def _seeded(graphs: AlignedGraphs, split: str) -> Iterator[str]:
    pairs = distinct(graphs.pairs)
    if repeats := len(graphs.pairs) - len(pairs):
        yield f"{repeats:,} of {len(graphs.pairs):,} pairs repeat another one: {len(pairs):,} distinct pairs are split"
    if shared := sum(len(pairs) - len(np.unique(pairs[:, side])) for side in (0, 1)):
        kept = "such pairs stay on one side of the split"
        if split == "papers":
            kept = "the papers' shuffle may train on an entity of a test pair"
        yield f"{shared:,} pairs share an entity with an earlier one: {kept}"


def _published(graphs: AlignedGraphs) -> Iterator[str]:
    parts = {name: distinct(graphs.published[name]) for name in PARTS if name in graphs.published}
    for name, rows in parts.items():
        if repeats := len(graphs.published[name]) - len(rows):
            yield f"{repeats:,} rows of the published {name} pairs repeat another one; kept as published"
    for first, second in (("train", "test"), ("valid", "test"), ("train", "valid")):
        if {first, second} <= set(parts):
            yield from _common(first, parts[first], second, parts[second])


def _common(first: str, one: np.ndarray, second: str, other: np.ndarray) -> Iterator[str]:
    whole = len(one) + len(other) - len(distinct(np.concatenate([one, other])))
    ends = np.isin(other[:, 0], one[:, 0]) | np.isin(other[:, 1], one[:, 1])
    if ends.any():
        yield (
            f"of {len(other):,} {second} pairs {whole:,} are {first} pairs too, and {int(ends.sum()) - whole:,} more "
            f"share an entity with one; kept as published"
        )


@once_a_dataset
def of_triples(dataset: CompletionGraph) -> tuple[str, ...]:
    """Return a line for each part that has triples of another one; `dataset` is what is trained on and judged."""
    keys = dataset.graph.keys
    parts = dict(zip(PARTS, map(keys, (dataset.graph.triples, dataset.valid, dataset.test)), strict=True))
    counted = {
        (first, second): len(np.intersect1d(parts[first], parts[second]))
        for first, second in (("train", "test"), ("valid", "test"), ("train", "valid"))
    }
    return tuple(
        f"{dataset.name}: {count:,} of {len(parts[second]):,} {second} triples are {first} triples too; kept as "
        "published"
        for (first, second), count in counted.items()
        if count
    )


def inverse(dataset: CompletionGraph, part: np.ndarray) -> int:
    """Return how many triples of `part` have their ends joined in train the other way round, by whatever relation."""
    entities = len(dataset.graph.entities)
    trained = dataset.graph.triples[:, 2].astype(np.int64) * entities + dataset.graph.triples[:, 0]
    return int(np.isin(part[:, 0].astype(np.int64) * entities + part[:, 2], trained).sum())
