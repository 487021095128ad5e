"""What of a test can be seen elsewhere, counted by hand."""

from dataclasses import replace

import numpy as np

from kgprism.platform.data.graph import AlignedGraphs, CompletionGraph, Features, MultiModalGraph
from kgprism.platform.data.inputs.overlaps import overlaps


def counts(dataset: AlignedGraphs | CompletionGraph, split: str = "") -> dict[str, tuple[int, int]]:
    return {one.what: (one.count, one.of) for one in overlaps(dataset, split)}


def side(names: list[str], triples: list[list[int]], pictures: dict[int, list[float]]) -> MultiModalGraph:
    features = Features(np.array(sorted(pictures)), np.array([pictures[entity] for entity in sorted(pictures)]))
    labels = [f"Q{n}" for n in range(len(names))]
    return MultiModalGraph(labels, ["r"], np.array(triples), names=names, features={"image": features})


#: Five entities a side; the last of the left has no triple; the second has a picture of zeros, which is none.
LEFT = side(
    ["Paris", "Rome", "", "Oslo", "Bern"],
    [[0, 0, 1], [2, 0, 3]],
    {0: [1.0, 2.0], 1: [0.0, 0.0], 2: [1.0, 3.0], 3: [5.0, 5.0]},
)
RIGHT = side(
    ["Paris", "Roma", "Lima", "Oslo", "Berne"],
    [[0, 0, 1], [2, 0, 3], [3, 0, 4]],
    {0: [1.0, 2.0], 1: [0.0, 0.0], 2: [1.0, 4.0], 3: [5.0, 5.0]},
)
PAIRS = np.array([[0, 0], [1, 1], [2, 2], [3, 3], [4, 4]])
GRAPHS = AlignedGraphs("mine", LEFT, RIGHT, PAIRS)


def test_pairs_that_each_seed_splits_anew_are_counted_all_together() -> None:
    assert counts(GRAPHS) == {
        "pairs that repeat another one": (0, 5),
        "pairs that share an entity with another one": (0, 5),
        "entities of pairs that no triple has": (1, 10),
        "pairs whose names are the same": (2, 4),
        "pairs with one and the same vector: image": (2, 3),
    }
    twice = replace(GRAPHS, pairs=np.concatenate([PAIRS, [[0, 0], [1, 2]]]))
    found = counts(twice)
    assert found["pairs that repeat another one"] == (1, 7)
    # Both rows of (0, 0), and the three that meet at 1 and 2.
    assert found["pairs that share an entity with another one"] == (5, 7)


def test_a_published_split_is_compared_part_by_part() -> None:
    parts = {"train": PAIRS[:3], "valid": PAIRS[2:3], "test": np.concatenate([PAIRS[2:], [[3, 4]]])}
    split = replace(GRAPHS, published=parts)
    found = counts(split)
    assert found["test pairs that are training pairs"] == (1, 4)
    assert found["test pairs that are validation pairs"] == (1, 4)
    assert found["validation pairs that are training pairs"] == (1, 1)
    assert found["test pairs that share an entity with another one"] == (4, 4)
    assert found["entities of test pairs that no triple has"] == (1, 6)
    assert counts(split, "published") == found
    assert "pairs that repeat another one" in counts(split, "seeded")


def test_graphs_without_names_or_vectors_of_one_width_say_nothing_of_them() -> None:
    wide = replace(RIGHT, names=[""] * 5, features={"image": Features(np.array([0]), np.ones((1, 3)))})
    assert len(counts(replace(GRAPHS, right=wide))) == 3


def test_triples_are_compared_across_parts_and_directions() -> None:
    graph = MultiModalGraph(list("abcdef"), ["r", "s"], np.array([[0, 0, 1], [1, 0, 2], [2, 0, 3]]))
    valid = np.array([[0, 0, 1], [3, 0, 4]])
    # Trained, validated, another relation, turned round, an end that no training triple has, and that again.
    test = np.array([[0, 0, 1], [3, 0, 4], [0, 1, 1], [3, 0, 2], [5, 0, 0], [5, 0, 0]])
    found = counts(CompletionGraph("mine", graph, valid, test))
    assert found == {
        "test triples that are training triples": (1, 6),
        "test triples that are validation triples": (2, 6),
        "validation triples that are training triples": (1, 2),
        "test triples that repeat another one": (1, 6),
        "entities of test triples that no training triple has": (2, 6),
        "test triples with such an entity": (3, 6),
        "test triples whose ends are joined in training by another relation": (1, 6),
        "test triples whose ends are joined in training the other way round": (1, 6),
    }
