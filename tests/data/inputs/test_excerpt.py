"""An excerpt has everything of each kind that the whole has, under ids of its own."""

from dataclasses import replace

import numpy as np
import pytest

from kgprism.platform.data.catalogue import toy
from kgprism.platform.data.graph import AlignedGraphs, CompletionGraph, Dataset, MultiModalGraph
from kgprism.platform.data.inputs import excerpt as excerpts


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, count in (("_TRIPLES", 40), ("_PAIRS", 20), ("_ENTITIES", 4)):
        monkeypatch.setattr(excerpts, name, count)


def said(graph: MultiModalGraph) -> dict[str, set]:
    """Return all that a graph says, in words instead of ids."""
    name = graph.entities
    found: dict[str, set] = {
        "triples": {(name[h], graph.relations[r], name[t]) for h, r, t in graph.triples},
        "attributes": {(name[e], graph.attributes[a]) for e, a in graph.attribute_triples},
        "pictured": {name[e] for e in graph.pictured},
        "names": set(zip(name, graph.names, strict=True)) if graph.names else set(),
    }
    for modality, features in graph.features.items():
        rows = zip(features.entities, features.values, strict=True)
        found[modality] = {(name[e], tuple(values)) for e, values in rows}
    return found


def compare(part: MultiModalGraph, whole: MultiModalGraph) -> None:
    assert len(part.entities) < len(whole.entities)
    mine, all_of_it = said(part), said(whole)
    for what, facts in all_of_it.items():
        assert mine[what] <= facts
        assert bool(mine[what]) == bool(facts), what


def test_of_two_graphs() -> None:
    whole = toy.aligned()
    whole = replace(whole, published={"train": whole.pairs[300:], "test": whole.pairs[:300]})
    part = excerpts.excerpt(whole)
    assert isinstance(part, AlignedGraphs)
    compare(part.left, whole.left)
    compare(part.right, whole.right)
    assert (part.name, part.modalities) == (whole.name, whole.modalities)
    for mine, theirs in (
        (part.pairs, whole.pairs),
        *((part.published[k], whole.published[k]) for k in whole.published),
    ):
        words = {(whole.left.entities[a], whole.right.entities[b]) for a, b in theirs}
        assert {(part.left.entities[a], part.right.entities[b]) for a, b in mine} <= words
        assert len(mine) >= 20


def test_of_one_graph() -> None:
    whole = toy.completion()
    part = excerpts.excerpt(whole)
    assert isinstance(part, CompletionGraph)
    compare(part.graph, whole.graph)
    assert part.modalities == whole.modalities
    for mine, theirs in ((part.valid, whole.valid), (part.test, whole.test)):
        assert 0 < len(mine) < len(theirs)
        assert mine.max() < len(part.graph.entities)


@pytest.mark.parametrize("whole", [toy.aligned(), toy.completion()], ids=["alignment", "completion"])
def test_what_the_whole_lacks_the_excerpt_lacks(whole: Dataset) -> None:
    def bare(graph: MultiModalGraph) -> MultiModalGraph:
        return MultiModalGraph(graph.entities, graph.relations, graph.triples)

    if isinstance(whole, AlignedGraphs):
        part = excerpts.excerpt(AlignedGraphs("bare", bare(whole.left), bare(whole.right), whole.pairs))
        assert part.modalities == {"relation"}
    else:
        part = excerpts.excerpt(CompletionGraph("bare", bare(whole.graph), whole.valid[:0], whole.test))
        assert (part.modalities, len(part.valid)) == (set(), 0)
        assert np.unique(part.graph.triples[:, [0, 2]]).max() < len(part.graph.entities)
