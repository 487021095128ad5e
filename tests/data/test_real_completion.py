"""The real completion benchmarks: the golden numbers of the specification (0.1 and 0.8), from the files."""

from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from kgprism.platform.data.catalogue import counts
from kgprism.platform.data.graph import CompletionGraph, MultiModalGraph
from kgprism.platform.data.inputs import label_text
from kgprism.platform.data.inputs.holdout import contaminated, holdout
from kgprism.platform.data.readers import layouts

real_only = pytest.mark.real

#: Entities, relations, train, valid, test, entities in train, relations in train; test triples with an unseen entity,
#: and with an unseen relation.
SIZES = {
    "DB15K": (12842, 279, 79222, 9904, 9902, 12785, 273, 77, 7),
    "MKG-W": (15000, 169, 34196, 4276, 4274, 14509, 168, 306, 0),
    "MKG-Y": (15000, 28, 21310, 2665, 2663, 14388, 28, 388, 0),
}
#: Distinct (head, relation) and (relation, tail) of train, which size NSCaching's caches.
CACHES = {"DB15K": (53538, 21567), "MKG-W": (29023, 7570), "MKG-Y": (10474, 12313)}
#: Mean and largest number of neighbours, isolated entities, mean size of SANS's neighbourhood of two hops.
NEIGHBOURS = {"DB15K": (10.2, 6777, 57, 4175), "MKG-W": (4.2, 3534, 491, 966), "MKG-Y": (2.45, 78, 612, 11.6)}


def read(folder: Path) -> CompletionGraph:
    dataset = layouts.read("real", folder)
    assert isinstance(dataset, CompletionGraph)
    return dataset


def caches(graph: MultiModalGraph) -> tuple[int, int]:
    return tuple(len(np.unique(graph.triples[:, columns], axis=0)) for columns in ([0, 1], [1, 2]))


def neighbours(graph: MultiModalGraph) -> tuple[np.ndarray, float]:
    """Return every entity's number of neighbours and the mean number of nonzeros in the rows of ``A A + A``."""
    ends = np.unique(np.concatenate([graph.triples[:, [0, 2]], graph.triples[:, [2, 0]]]), axis=0)
    size = len(graph.entities)
    adjacency = csr_matrix((np.ones(len(ends), bool), ends.T), (size, size))
    # A thousand rows at a time: the whole product of DB15K has 54 million cells.
    cells = sum((adjacency[i : i + 1000] @ adjacency + adjacency[i : i + 1000]).nnz for i in range(0, size, 1000))
    return np.diff(adjacency.indptr), cells / size


def test_the_measures_below_on_a_graph_one_can_draw() -> None:
    # 0 - 1 - 2 in a row by two relations, 3 with a self-loop, 4 alone.
    triples = np.array([(0, 0, 1), (0, 1, 1), (1, 0, 0), (1, 0, 2), (3, 0, 3)])
    graph = MultiModalGraph(list("abcde"), ["r", "s"], triples)
    assert caches(graph) == (4, 5)
    degrees, reach = neighbours(graph)
    assert degrees.tolist() == [1, 2, 1, 1, 0]
    # Two hops: 0, 1 and 2 see all three, 3 itself, 4 nothing.
    assert reach == (3 * 3 + 1) / 5


@real_only
@pytest.mark.parametrize("name", SIZES)
def test_sizes_and_unseen_entities_and_relations(real: Path, name: str) -> None:
    dataset = read(real / name)
    graph, train = dataset.graph, dataset.graph.triples
    problems = {(p.place, p.kind): p.count for p in counts.problems(dataset)}
    assert (
        len(graph.entities),
        len(graph.relations),
        *(len(part) for part in (train, dataset.valid, dataset.test)),
        len(graph.entities) - problems.get(("train", "entities without triples"), 0),
        len(graph.relations) - problems.get(("train", "relations without triples"), 0),
        problems["test", "triples with an entity that is not in train"],
        problems.get(("test", "triples with a relation that is not in train"), 0),
    ) == SIZES[name]
    assert ("splits", "distinct rows in both train and test") not in problems


@real_only
def test_db15k_is_contaminated_and_the_others_are_clean(real: Path) -> None:
    dataset = read(real / "DB15K")
    assert contaminated(dataset) == (6584, 824)
    problems = {(p.place, p.kind): p.count for p in counts.problems(dataset)}
    assert len(dataset.valid) - problems["valid", "duplicate triples"] == 7481
    assert problems["splits", "distinct rows of valid that are new"] == 73
    assert problems["train", "self-loops"] == 768
    (row,) = counts.statistics(dataset)
    assert row["triples"] == 79222 + 9902 + 73 == 89197
    assert [contaminated(read(real / name)) for name in ("MKG-W", "MKG-Y")] == [(0, 0), (0, 0)]


@real_only
@pytest.mark.parametrize("name", ["DB15K", "MKG-Y"])
def test_both_layouts_hold_the_same_graph(real: Path, name: str) -> None:
    plain, published = read(real / name), read(real / "raw/openke" / name)
    for one, other in ((plain.graph.triples, published.graph.triples), (plain.valid, published.valid)):
        assert np.array_equal(one, other)
    assert np.array_equal(plain.test, published.test)
    assert plain.graph.entities == published.graph.entities
    assert plain.graph.relations == published.graph.relations
    # The labels say the very names that the plain layout lists, so that text features are the same.
    assert label_text.names(plain.graph) == label_text.names(published.graph)


@real_only
@pytest.mark.parametrize("name", CACHES)
def test_distinct_keys_and_neighbourhoods(real: Path, name: str) -> None:
    graph = read(real / name).graph
    assert caches(graph) == CACHES[name]
    degrees, reach = neighbours(graph)
    mean, largest, isolated, around = NEIGHBOURS[name]
    assert round(degrees.mean(), 2 if name == "MKG-Y" else 1) == mean
    assert (degrees.max(), (degrees == 0).sum()) == (largest, isolated)
    assert round(reach, 1 if name == "MKG-Y" else 0) == around


@real_only
@pytest.mark.parametrize("name", SIZES)
def test_a_tenth_of_train_can_be_held_out(real: Path, name: str) -> None:
    before = read(real / name)
    after = holdout(before, 0.1, 0)
    assert abs(len(after.valid) / len(before.graph.triples) - 0.1) < 0.001
    assert contaminated(after) == (0, 0)
    assert len(after.graph.triples) + len(after.valid) == len(before.graph.triples)
    for columns in ([0, 2], [1]):
        assert np.array_equal(np.unique(before.graph.triples[:, columns]), np.unique(after.graph.triples[:, columns]))
    share = np.bincount(after.valid[:, 1], minlength=len(before.graph.relations))
    wanted = 0.1 * np.bincount(before.graph.triples[:, 1], minlength=len(share))
    assert (share <= np.ceil(wanted)).all()
    assert (wanted - share).max() < 6
    assert len(after.known) == (73 if name == "DB15K" else len(before.valid))


@real_only
@pytest.mark.parametrize("name", SIZES)
def test_every_entity_has_a_name_to_make_text_of(real: Path, name: str) -> None:
    text = label_text.ngrams(read(real / name).graph, 384)
    assert text.values.shape == (SIZES[name][0], 384)
    assert np.allclose(np.linalg.norm(text.values, axis=1), 1, atol=1e-5)
