"""Graphs of the published sizes made from a seed: as many of everything, skewed as theirs, and nothing to be learnt."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from kgprism.platform.data.graph import AlignedGraphs, CompletionGraph, Features, MultiModalGraph

SEED = 20254
#: How fast the n-th most frequent entity, relation or attribute falls off: n ** -SKEW.
SKEW = {"head": 0.4, "tail": 0.7, "relation": 1.0, "attribute": 1.0}


@dataclass(frozen=True)
class Side:
    """Counts of one graph; ``attributes`` different ones in ``attribute_triples`` rows, ``images`` of the entities."""

    entities: int
    relations: int
    triples: int
    attributes: int = 0
    attribute_triples: int = 0
    images: int = 0

    def scaled(self, by: float) -> "Side":
        """Return the same with fewer of everything."""
        return Side(*(max(round(count * by), min(count, 12)) for count in vars(self).values()))


#: DBP15K FR-EN, as platform/data/catalogue/published.py counts it.
FRENCH = Side(19_661, 903, 105_998, 4_547, 273_825, 14_174)
ENGLISH = Side(19_993, 1_208, 115_722, 6_422, 351_094, 13_858)
#: DB15K of DHNS: training, validation and test triples together.
DB15K = Side(12_842, 279, 79_222 + 9_902 + 9_904)


def dbp15k(scale: float = 1.0, width: int = 2048) -> AlignedGraphs:
    """Return two graphs of the sizes of DBP15K FR-EN with random images, 15,000 pairs."""
    return aligned(
        "synthetic-dbp15k", FRENCH.scaled(scale), ENGLISH.scaled(scale), max(round(15_000 * scale), 10), width
    )


def grown(entities: int, width: int = 64) -> AlignedGraphs:
    """Return two graphs of `entities` each, as dense as DBP15K's, every entity with a partner."""
    by = entities / FRENCH.entities
    fixed = {"entities": entities, "relations": FRENCH.relations, "attributes": FRENCH.attributes}
    counts = {name: count for name, count in vars(FRENCH.scaled(by)).items() if name not in fixed}
    side = Side(**fixed, **counts)
    return aligned(f"synthetic-{entities}", side, side, entities, width)


def aligned(name: str, left: Side, right: Side, pairs: int, width: int) -> AlignedGraphs:
    """Return both graphs; `width` numbers an image, none where it is 0."""
    draw = np.random.default_rng(SEED)
    graphs = [_graph(draw, word, side, width) for word, side in (("left", left), ("right", right))]
    sides = [draw.permutation(len(graph.entities))[:pairs] for graph in graphs]
    return AlignedGraphs(name, *graphs, np.stack(sides, 1))


def db15k(scale: float = 1.0, widths: Mapping[str, int] | None = None) -> CompletionGraph:
    """Return a graph of the sizes of DB15K, every entity with an image and a text."""
    draw, side = np.random.default_rng(SEED), DB15K.scaled(scale)
    triples = draw.permutation(_triples(draw, side))
    held = round(9_902 * scale), round(9_904 * scale)
    train, valid, test = np.split(triples, [len(triples) - sum(held), len(triples) - held[1]])
    widths = {"image": 4096, "text": 768} if widths is None else widths
    features = {name: _vectors(draw, side.entities, side.entities, width) for name, width in widths.items()}
    return CompletionGraph(
        "synthetic-db15k", MultiModalGraph(*_labels("thing", side), train, features=features), valid, test
    )


def _graph(draw: np.random.Generator, word: str, side: Side, width: int) -> MultiModalGraph:
    owners = draw.integers(side.entities, size=side.attribute_triples)
    held = _skewed(draw, "attribute", side.attributes, side.attribute_triples)
    features = {"image": _vectors(draw, side.entities, side.images, width)} if width else {}
    # Half of the attributes' names are the same on both sides.
    attributes = [f"attribute{n}" if n % 2 else f"{word}:attribute{n}" for n in range(side.attributes)]
    return MultiModalGraph(
        *_labels(word, side),
        _triples(draw, side),
        attributes,
        np.stack([owners, held], 1),
        features=features,
    )


def _labels(word: str, side: Side) -> tuple[list[str], list[str]]:
    return (
        [f"{word}:{number:07}" for number in range(side.entities)],
        [f"{word}:relation{number}" for number in range(side.relations)],
    )


def _triples(draw: np.random.Generator, side: Side) -> np.ndarray:
    """Draw different triples; every entity is in one at least, as far as there are enough."""
    found = np.zeros((0, 3), np.int64)
    lonely = draw.permutation(side.entities)[: side.triples]
    while len(found) < side.triples:
        count = round(1.1 * (side.triples - len(found))) + 10
        more = np.stack(
            [
                _skewed(draw, "head", side.entities, count),
                _skewed(draw, "relation", side.relations, count),
                _skewed(draw, "tail", side.entities, count),
            ],
            1,
        )
        more[: len(lonely), 0] = lonely[: len(more)]
        more = np.concatenate([found, more[more[:, 0] != more[:, 2]]])
        found, lonely = more[np.sort(np.unique(more, axis=0, return_index=True)[1])], lonely[:0]
    return found[: side.triples]


def _skewed(draw: np.random.Generator, what: str, among: int, count: int) -> np.ndarray:
    """Draw ids whose frequencies fall off as a power of their ranks, which are not the order of the ids."""
    shares = np.arange(1, among + 1) ** -SKEW[what]
    ranks = np.searchsorted(np.cumsum(shares / shares.sum())[:-1], draw.random(count))
    return np.random.default_rng([SEED, among]).permutation(among)[ranks]


def _vectors(draw: np.random.Generator, entities: int, there: int, width: int) -> Features:
    ids = np.sort(draw.permutation(entities)[:there])
    return Features(ids, draw.standard_normal((len(ids), width), np.float32))
