"""What of a test can be seen elsewhere: in training, in another pair, in a name or a vector that both graphs share.

Runs depend on none of this: it is counted for those who read their numbers.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from kgprism.platform.data.graph import AlignedGraphs, CompletionGraph, Dataset, Features, MultiModalGraph
from kgprism.platform.data.inputs.label_text import names
from kgprism.platform.data.inputs.leakage import PARTS, inverse
from kgprism.platform.data.once import once_a_dataset
from kgprism.platform.settings import CompletionData

_Counted = tuple[str, int | np.integer, int]


@dataclass(frozen=True)
class Overlap:
    """In words what is seen, how often, and of how many."""

    what: str
    count: int
    of: int


@once_a_dataset
def overlaps(dataset: Dataset, split: str = "") -> tuple[Overlap, ...]:
    """Return what can be seen elsewhere of the test part, also what is not (a count of zero).

    `split` is ``data.split`` of alignment, ``data.valid`` of completion, as a run has it; without it is the source's
    own. Pairs of which each seed draws others are counted all together: any of them may be a test pair.
    """
    if isinstance(dataset, CompletionGraph):
        found = _of_triples(_held_out(dataset) if split == "holdout" else dataset)
    else:
        own = split in ("", "published") and "test" in dataset.published
        found = _of_split(dataset) if own else _of_pairs(dataset, dataset.pairs, "pairs")
    return tuple(Overlap(what, int(count), of) for what, count, of in found)


def _held_out(dataset: CompletionGraph) -> CompletionGraph:
    from kgprism.platform.data.inputs.training_graph import adapt  # torch, which no count needs

    return adapt(dataset, CompletionData(valid="holdout"))[0]


def _of_triples(dataset: CompletionGraph) -> Iterator[_Counted]:
    graph, test = dataset.graph, dataset.test
    train, valid, asked = map(graph.keys, (graph.triples, dataset.valid, test))
    yield "test triples that are training triples", np.isin(asked, train).sum(), len(test)
    yield "test triples that are validation triples", np.isin(asked, valid).sum(), len(test)
    yield "validation triples that are training triples", np.isin(valid, train).sum(), len(valid)
    yield "test triples that repeat another one", len(asked) - len(np.unique(asked)), len(test)
    trained = np.zeros(len(graph.entities), bool)
    trained[graph.triples[:, [0, 2]]] = True
    entities = np.unique(test[:, [0, 2]])
    yield "entities of test triples that no training triple has", (~trained[entities]).sum(), len(entities)
    yield "test triples with such an entity", (~trained[test[:, [0, 2]]]).any(axis=1).sum(), len(test)
    ends, known = (rows[:, 0].astype(np.int64) * len(trained) + rows[:, 2] for rows in (test, graph.triples))
    yield (
        "test triples whose ends are joined in training by another relation",
        (np.isin(ends, known) & ~np.isin(asked, train)).sum(),
        len(test),
    )
    yield "test triples whose ends are joined in training the other way round", inverse(dataset, test), len(test)


def _of_split(graphs: AlignedGraphs) -> Iterator[_Counted]:
    """Yield what the parts of the source's own split share, then what its test pairs have."""
    parts = {name: graphs.published[name] for name in PARTS if name in graphs.published}
    for first, second in (("train", "test"), ("valid", "test"), ("train", "valid")):
        if {first, second} <= set(parts):
            words = {"train": "training", "valid": "validation", "test": "test"}
            one, other = (_keys(graphs, parts[name]) for name in (first, second))
            what = f"{words[second]} pairs that are {words[first]} pairs"
            yield what, np.isin(other, one).sum(), len(other)
    yield from _of_pairs(graphs, parts["test"], "test pairs", np.concatenate([parts[n] for n in parts if n != "test"]))


def _of_pairs(
    graphs: AlignedGraphs, pairs: np.ndarray, what: str, others: np.ndarray | None = None
) -> Iterator[_Counted]:
    yield f"{what} that repeat another one", len(pairs) - len(np.unique(_keys(graphs, pairs))), len(pairs)
    alone = [_alone(pairs[:, side], None if others is None else others[:, side]) for side in (0, 1)]
    yield f"{what} that share an entity with another one", (~(alone[0] & alone[1])).sum(), len(pairs)
    sides = ((graphs.left, pairs[:, 0]), (graphs.right, pairs[:, 1]))
    bare = [_bare(graph, np.unique(ids)) for graph, ids in sides]
    yield f"entities of {what} that no triple has", sum(map(np.count_nonzero, bare)), sum(map(len, bare))
    left, right = (np.array(names(graph), object)[ids] for graph, ids in sides)
    named = (left != "") & (right != "")
    if named.any():
        yield f"{what} whose names are the same", (named & (left == right)).sum(), int(named.sum())
    for modality in sorted(graphs.left.features.keys() & graphs.right.features.keys()):
        left_known, right_known = graphs.left.features[modality].known, graphs.right.features[modality].known
        same, of = _same(left_known, right_known, pairs)
        if of:
            yield f"{what} with one and the same vector: {modality}", same, of


def _keys(graphs: AlignedGraphs, pairs: np.ndarray) -> np.ndarray:
    return pairs[:, 0].astype(np.int64) * len(graphs.right.entities) + pairs[:, 1]


def _alone(entities: np.ndarray, others: np.ndarray | None) -> np.ndarray:
    """Tell of each entity whether it stands in this one row only, and in no row of others."""
    _, place, often = np.unique(entities, return_inverse=True, return_counts=True)
    alone = often[place] == 1
    return alone if others is None else alone & ~np.isin(entities, others)


def _bare(graph: MultiModalGraph, entities: np.ndarray) -> np.ndarray:
    """Tell of each entity whether no triple has it."""
    touched = np.zeros(len(graph.entities), bool)
    touched[graph.triples[:, [0, 2]]] = True
    return ~touched[entities]


def _same(left: Features, right: Features, pairs: np.ndarray) -> tuple[int, int]:
    """Return how many pairs have a vector on both sides that is the same to the last bit, and how many have both."""
    if left.values.shape[1] != right.values.shape[1]:
        return 0, 0
    both = pairs[np.isin(pairs[:, 0], left.entities) & np.isin(pairs[:, 1], right.entities)]
    one, other = (np.searchsorted(f.entities, both[:, side]) for side, f in ((0, left), (1, right)))
    # By one number first: few pairs are left to compare whole.
    near = np.flatnonzero(left.values[one, 0] == right.values[other, 0])
    return int((left.values[one[near]] == right.values[other[near]]).all(axis=1).sum()), len(both)
