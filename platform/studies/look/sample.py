"""Some entities as a reader sees them: picture, name, what they are joined to, who their vectors are nearest to."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from kgprism.platform.data.graph import AlignedGraphs, Dataset, MultiModalGraph
from kgprism.platform.seeding import generator
from kgprism.platform.studies.look.coverage import degrees
from kgprism.platform.studies.look.nearest import Nearest, nearest, rows_of
from kgprism.platform.studies.look.sets import VectorSet, graphs_of

#: Triples of an entity that are shown, and nearest ones of a set.
_TRIPLES, _NEAREST = 6, 5
#: The picture of an entity of a graph as an address that holds it; empty where there is none.
Picture = Callable[[int, int], str]


@dataclass(frozen=True)
class Shown:
    """An entity: its name, its label where that is another word, its picture's address."""

    name: str
    label: str
    picture: str


@dataclass(frozen=True)
class Link:
    """A triple of an entity: the relation, whether it leads away, and the name at its other end."""

    relation: str
    away: bool
    other: str


@dataclass(frozen=True)
class Close:
    """Who is nearest by a set: entities, cosines, whether each is the partner; and where the partner stands.

    ``why`` in place of entities where the entity has no vector.
    """

    name: str
    entities: tuple[tuple[Shown, float, bool], ...]
    rank: float | None
    among: int
    why: str = ""


@dataclass(frozen=True)
class Side:
    """One entity with its surroundings."""

    graph: str
    entity: Shown
    degree: int
    links: tuple[Link, ...]
    close: tuple[Close, ...]


def drawn(dataset: Dataset, count: int, seed: int) -> np.ndarray:
    """Return pairs ``(count, 2)`` of alignment, or entities ``(count, 1)`` of completion, as the seed draws them."""
    rows = dataset.pairs if isinstance(dataset, AlignedGraphs) else np.arange(len(dataset.graph.entities))[:, None]
    return rows[generator(seed, "look", "sample").permutation(len(rows))[:count]]


def sampled(dataset: Dataset, sets: Sequence[VectorSet], picture: Picture, count: int, seed: int) -> list[list[Side]]:
    """Return the drawn pairs side by side, or single entities, with the nearest by each set that can compare."""
    rows, graphs = drawn(dataset, count, seed), graphs_of(dataset)
    beside = [one for one in sets if not one.trouble]
    columns = []
    for side, (name, graph) in enumerate(graphs.items()):
        close = list(zip(*(_close(dataset, one, picture, rows, side) for one in beside), strict=True))
        known = degrees(graph)
        columns.append(
            [
                Side(
                    name,
                    shown(graph, entity, picture(side, entity)),
                    int(known[entity]),
                    tuple(_links(graph, entity)),
                    close[row] if beside else (),
                )
                for row, entity in enumerate(rows[:, side].tolist())
            ]
        )
    return [list(row) for row in zip(*columns, strict=True)]


def shown(graph: MultiModalGraph, entity: int, picture: str) -> Shown:
    """Return an entity as a page shows it."""
    label = graph.entities[entity]
    name = graph.names[entity] if graph.names else ""
    return Shown(name or label, label if name and name != label else "", picture)


def _links(graph: MultiModalGraph, entity: int) -> Iterator[Link]:
    """Yield some triples of an entity: of each relation and direction one before any has two."""
    rows = graph.triples[(graph.triples[:, [0, 2]] == entity).any(axis=1)]
    taken: dict[tuple[int, bool], int] = {}
    order: list[tuple[int, int, int, bool, int]] = []
    for head, relation, tail in rows.tolist():
        away = head == entity
        turn = taken[relation, away] = taken.get((relation, away), -1) + 1
        order.append((turn, len(order), relation, away, tail if away else head))
    for _, _, relation, away, other in sorted(order)[:_TRIPLES]:
        yield Link(graph.relations[relation], away, shown(graph, other, "").name)


def _close(dataset: Dataset, one: VectorSet, picture: Picture, rows: np.ndarray, side: int) -> list[Close]:
    """Return who is nearest to each drawn entity of a side: in the other graph, or in its own if there is one."""
    graphs, other = list(graphs_of(dataset).values()), (side + 1) % rows.shape[1]
    mine, theirs = one.known[side], one.known[other]
    assert mine is not None, one.trouble
    assert theirs is not None, one.trouble
    place = rows_of(mine, rows[:, side])
    have, alone = np.flatnonzero(place >= 0), rows.shape[1] == 1
    truth = np.full(len(have), -1) if alone else rows[have, other]
    found: dict[int, Nearest] = {}
    if len(have):
        out = rows[have, side] if alone else None
        each = nearest(mine.values[place[have]], theirs, truth, _NEAREST, out)
        found = dict(zip(have.tolist(), each, strict=True))

    def told(row: int) -> Close:
        if row not in found:
            return Close(one.name, (), None, 0, "no vector")
        near = found[row]
        partner = -1 if alone else int(rows[row, other])
        entities = tuple(
            (shown(graphs[other], entity, picture(other, entity)), cosine, entity == partner)
            for entity, cosine in zip(near.entities, near.cosines, strict=True)
        )
        return Close(one.name, entities, near.rank, near.among, "")

    return [told(row) for row in range(len(rows))]
