"""All that the page of a dataset shows."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kgprism.platform.data.catalogue import counts
from kgprism.platform.data.graph import AlignedGraphs, Dataset, MultiModalGraph
from kgprism.platform.data.inputs.overlaps import Overlap, overlaps
from kgprism.platform.studies.look.coverage import Bucket, coverage
from kgprism.platform.studies.look.pictures import Pictures
from kgprism.platform.studies.look.quality import Quality, groups, quality
from kgprism.platform.studies.look.sample import Picture, Shown, Side, sampled, shown
from kgprism.platform.studies.look.sets import VectorSet, graphs_of, vector_sets
from kgprism.platform.studies.look.untrained import Untrained, untrained

#: Groups of equal vectors or pictures that are shown, members of each, and outliers.
_GROUPS, _MEMBERS, _OUTLIERS = 5, 8, 6


@dataclass(frozen=True)
class Twins:
    """Entities that share something: how many groups and entities there are, and the largest groups in part."""

    groups: int
    entities: int
    largest: tuple[tuple[int, tuple[Shown, ...]], ...]


@dataclass(frozen=True)
class OfGraph:
    """What is known of one graph's vectors of a set, ``set`` being `pictures` where these are meant."""

    set: str
    graph: str
    quality: Quality | None
    twins: Twins
    outliers: tuple[tuple[Shown, float], ...] = ()


@dataclass(frozen=True)
class Look:
    """A dataset at a glance; ``pictures`` counts those of each graph, if any were given; ``refused`` is unreadable."""

    name: str
    aligned: bool
    fingerprint: str
    seed: int
    statistics: list[counts.Row]
    sets: tuple[VectorSet, ...]
    of_graphs: tuple[OfGraph, ...]
    untrained: Untrained | None
    coverage: dict[str, tuple[Bucket, ...]]
    sample: list[list[Side]]
    drawn_of: int
    overlaps: tuple[Overlap, ...]
    pictures: dict[str, int]
    refused: tuple[str, ...]


def look(dataset: Dataset, *, images: Sequence[str | Path] = (), sample: int = 8, seed: int = 0) -> Look:
    """Look at a dataset; `images` are sources of pictures as ``kgprism data features`` takes them.

    Raises:
        DataError: if a source of pictures cannot be read, or is of no graph.
    """
    graphs = graphs_of(dataset)
    sets, refused = vector_sets(dataset)
    pictures = Pictures(dataset, images)
    return Look(
        name=dataset.name,
        aligned=isinstance(dataset, AlignedGraphs),
        fingerprint=dataset.fingerprint,
        seed=seed,
        statistics=counts.statistics(dataset),
        sets=tuple(sets),
        of_graphs=(
            *_of_graphs(graphs, sets, pictures.address),
            *(_of_pictures(graphs, pictures) if images else ()),
        ),
        untrained=untrained(dataset, sets, seed) if isinstance(dataset, AlignedGraphs) else None,
        coverage={name: coverage(g, [s.known[n] for s in sets]) for n, (name, g) in enumerate(graphs.items())},
        sample=sampled(dataset, sets, pictures.address, sample, seed),
        drawn_of=len(dataset.pairs) if isinstance(dataset, AlignedGraphs) else len(dataset.graph.entities),
        overlaps=overlaps(dataset),
        pictures=dict(zip(graphs, map(len, pictures.places), strict=True)) if images else {},
        refused=(*refused, *(f"{place}: {reason}" for place, reason in pictures.refused.items())),
    )


def _of_graphs(graphs: dict[str, MultiModalGraph], sets: Sequence[VectorSet], picture: Picture) -> list[OfGraph]:
    found = []
    for one in sets:
        for side, (name, graph) in enumerate(graphs.items()):
            given = one.sides[side]
            if given is None:
                found.append(OfGraph(one.name, name, None, Twins(0, 0, ())))
                continue
            measured = quality(given, len(graph.entities))
            far = tuple((_shown(graph, side, e, picture), n) for e, n in measured.outliers[:_OUTLIERS])
            found.append(OfGraph(one.name, name, measured, _twins(graph, side, measured.twins, picture), far))
    return found


def _of_pictures(graphs: dict[str, MultiModalGraph], pictures: Pictures) -> list[OfGraph]:
    return [
        OfGraph("pictures", name, None, _twins(graph, side, groups(pictures.contents(side)), pictures.address))
        for side, (name, graph) in enumerate(graphs.items())
    ]


def _twins(graph: MultiModalGraph, side: int, shared: tuple[tuple[int, ...], ...], picture: Picture) -> Twins:
    largest = tuple(
        (len(some), tuple(_shown(graph, side, entity, picture) for entity in some[:_MEMBERS]))
        for some in shared[:_GROUPS]
    )
    return Twins(len(shared), sum(map(len, shared)), largest)


def _shown(graph: MultiModalGraph, side: int, entity: int, picture: Picture) -> Shown:
    return shown(graph, entity, picture(side, entity))
