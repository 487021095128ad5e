"""Synthetic data with known noise, made from a seed and no file.

Only draws, sums and comparisons: no matrix product, whose last bit differs between machines, so that the fingerprint
is the same everywhere.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np

from kgprism.platform.data.graph import AlignedGraphs, CompletionGraph, Features, MultiModalGraph
from kgprism.platform.data.readers.order import ranks
from kgprism.platform.data.surface_forms import with_name_features
from kgprism.platform.seeding import generator

_SEED = 20254

# The aligned pair: entities 0..399 are in both graphs, 400..439 only left, 440..479 only right.
_SHARED, _ALONE = 400, 40
_ALL = _SHARED + 2 * _ALONE
_KINDS, _GROUPS = 8, 40
_RELATIONS, _ATTRIBUTES = 20, 60
#: A side keeps this share of the triples and attributes, and adds this share of its own.
_KEPT, _STRANGE = 0.65, 0.25
_PRESENT = 0.85
_WORDS, _RENAMED, _NAMELESS = 240, 0.33, 0.05

#: Latent relation -> a graph's own one; -1: the graph lacks it. The right graph merges four and turns two around.
_LEFT_RELATION = np.array([*range(18), -1, -1])
_RIGHT_RELATION = np.array([0, 0, 1, 1, *range(2, 16), -1, 16])
_TURNED = (4, 5)


@dataclass(frozen=True, eq=False)
class _World:
    """What both graphs are views of: the triples, attributes, images, texts, names of all entities, without noise.

    ``words`` (entities, 2): places in the vocabulary.
    """

    triples: np.ndarray
    attributes: np.ndarray
    image: np.ndarray
    text: np.ndarray
    words: np.ndarray


@cache
def aligned() -> AlignedGraphs:
    """Return two graphs of 440 entities, 400 of them shared: relations and attributes renamed, images, texts, names.

    No modality is enough: images and texts are one latent vector an entity with noise of each side, entities of one
    group look alike, half of the pictures are bad, and 15 % are missing. Each side lacks a third of the triples and
    attributes and has a fifth of its own; the two relation schemas differ. Names are two words, of which each side
    replaces a third; one entity in twenty has none.
    """
    world = _world()
    mine, theirs = np.arange(_ALL - _ALONE), np.delete(np.arange(_ALL), np.s_[_SHARED : _SHARED + _ALONE])
    left, left_ids = _side("left", world, mine, _LEFT_RELATION, ())
    right, right_ids = _side("right", world, theirs, _RIGHT_RELATION, _TURNED)
    pairs = np.stack([left_ids[:_SHARED], right_ids[:_SHARED]], 1)
    return AlignedGraphs("toy", left, right, generator(_SEED, "pairs").permutation(pairs))


def _world() -> _World:
    """Draw what is true: every entity has a kind, which its relations fit, and a group, which it resembles."""
    kinds = generator(_SEED, "kinds").integers(_KINDS, size=_ALL)
    groups = generator(_SEED, "groups").integers(_GROUPS, size=_ALL)

    def looks(modality: str, width: int) -> np.ndarray:
        draw = generator(_SEED, modality)
        return draw.normal(size=(_ALL, width)) + draw.normal(size=(_GROUPS, width))[groups]

    told = generator(_SEED, "names").integers(_WORDS, size=(_ALL, 2))
    return _World(_links(kinds, groups), _traits(kinds, groups), looks("image", 64), looks("text", 32), told)


def _links(kinds: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Draw the latent triples: each relation leads from one kind to another, often inside a group, often to a hub."""
    draw = generator(_SEED, "triples")
    ends = np.stack([np.arange(_RELATIONS) % _KINDS, draw.integers(_KINDS, size=_RELATIONS)], 1)
    fame = 1 / np.sqrt(draw.permutation(np.arange(1, len(kinds) + 1)))
    found = []
    for relation, (head_kind, tail_kind) in enumerate(ends):
        tails = np.flatnonzero(kinds == tail_kind)
        for head in np.flatnonzero(kinds == head_kind):
            weights = fame[tails] * np.where(groups[tails] == groups[head], 8, 1)
            chosen = draw.choice(tails, size=draw.integers(1, 4), p=weights / weights.sum())
            found += [(head, relation, tail) for tail in chosen if tail != head]
    return np.unique(np.array(found), axis=0)


def _traits(kinds: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Draw the latent attributes: the kind's, the group's and some of each entity's own."""
    draw = generator(_SEED, "attributes")
    likely = 0.02 + 0.4 * (draw.random((_KINDS, _ATTRIBUTES)) < 0.1)[kinds]
    likely += 0.4 * (draw.random((_GROUPS, _ATTRIBUTES)) < 0.04)[groups]
    return np.argwhere(draw.random(likely.shape) < likely)


def _side(
    side: str, world: _World, members: np.ndarray, schema: np.ndarray, turned: tuple[int, ...]
) -> tuple[MultiModalGraph, np.ndarray]:
    """Return one graph of the pair and the ids of its members there."""
    draw = generator(_SEED, side)
    labels = _labels(draw, side, len(members))
    ids = ranks(side, labels)
    local = np.full(_ALL, -1)
    local[members] = ids
    rows = _with_strange(draw, members, world.triples)
    rows = rows[(local[rows[:, [0, 2]]] >= 0).all(1) & (schema[rows[:, 1]] >= 0) & (rows[:, 0] != rows[:, 2])]
    rows = np.where(np.isin(rows[:, 1:2], turned), rows[:, ::-1], rows)[_kept(draw, rows)]
    names = draw.permutation(schema.max() + 1)
    held = _with_strange(draw, members, world.attributes)
    held = held[(local[held[:, 0]] >= 0) & (draw.random(len(held)) < _KEPT)]
    other = draw.permutation(_ATTRIBUTES)
    order = np.argsort(ids)
    noise = np.where(draw.random((len(members), 1)) < 0.5, 1.0, 3.0)
    features = {
        "image": _seen(draw, world.image[members[order]], noise),
        "text": _seen(draw, world.text[members[order]], 1.8),
    }
    graph = MultiModalGraph(
        entities=[labels[place] for place in order],
        relations=[f"{side}:relation{number}" for number in range(len(names))],
        triples=np.unique(np.stack([local[rows[:, 0]], names[schema[rows[:, 1]]], local[rows[:, 2]]], 1), axis=0),
        attributes=[f"{side}:attribute{number}" for number in range(_ATTRIBUTES)],
        attribute_triples=draw.permutation(np.stack([local[held[:, 0]], other[held[:, 1]]], 1)),
        features=features,
        names=_names(side, world.words[members[order]]),
    )
    return with_name_features(graph, _word_vectors()), ids


def _names(side: str, told: np.ndarray) -> list[str]:
    """Spell the words ``(members, 2)``, some of them replaced, some names left out."""
    draw = generator(_SEED, side, "names")
    told = np.where(draw.random(told.shape) < _RENAMED, draw.integers(_WORDS, size=told.shape), told)
    kept = draw.random(len(told)) >= _NAMELESS
    spelt = [" ".join(map(_spelt, row)) for row in told.tolist()]
    return [name if there else "" for name, there in zip(spelt, kept, strict=True)]


def _spelt(word: int) -> str:
    """Return two syllables, different for every word; words of near numbers share one."""
    syllables = [consonant + vowel for consonant in "bdklmnrs" for vowel in "aiu"]
    return syllables[word // len(syllables)] + syllables[word % len(syllables)]


def _word_vectors() -> dict[str, np.ndarray]:
    """Return a vector for nine words in ten, as a file of word vectors would have."""
    draw = generator(_SEED, "word vectors")
    vectors, known = draw.normal(size=(_WORDS, 24)).astype(np.float32), draw.random(_WORDS) < 0.9
    return {_spelt(word): vectors[word] for word in np.flatnonzero(known).tolist()}


def _labels(draw: np.random.Generator, prefix: str, count: int) -> list[str]:
    return [f"{prefix}:{code:05x}" for code in draw.permutation(16**5)[:count]]


def _kept(draw: np.random.Generator, rows: np.ndarray) -> np.ndarray:
    """Draw which triples a side keeps; the first one of every entity always stays."""
    kept = draw.random(len(rows)) < _KEPT
    kept[_first(rows[:, [0, 2]]) // 2] = True
    return kept


def _with_strange(draw: np.random.Generator, members: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Add rows that are true in one graph only: another entity's relation and tail, or attribute."""
    strange = rows[draw.choice(len(rows), size=int(_STRANGE * len(rows)), replace=False)]
    strange = np.concatenate([draw.choice(members, size=(len(strange), 1)), strange[:, 1:]], 1)
    return np.concatenate([rows, strange])


def _seen(draw: np.random.Generator, values: np.ndarray, noise: np.ndarray | float) -> Features:
    """Return noisy vectors of the entities that happen to have one."""
    there = np.flatnonzero(draw.random(len(values)) < _PRESENT)
    return Features(there, (values + noise * draw.normal(size=values.shape))[there].astype(np.float32))


_THINGS, _SORTS, _PLACES, _LINKS = 300, 5, 12, 12


@cache
def completion() -> CompletionGraph:
    """Return a graph of 300 entities and 12 relations whose triples follow rules that compose.

    Entities have a sort and a place on a ring; a relation leads from one sort to another, a fixed step round the ring,
    so that chains of relations are steps too. One triple in twenty breaks the rules. Images tell the place, texts the
    sort and the place, both with noise. Every entity and relation is in the training triples.
    """
    draw = generator(_SEED, "completion")
    labels = _labels(draw, "thing", _THINGS)
    sorts, places = draw.permutation(np.arange(_THINGS) % _SORTS), draw.integers(_PLACES, size=_THINGS)
    labels = [labels[place] for place in np.argsort(ranks("thing", labels))]
    triples = _lawful(draw, sorts, places)
    odd = triples[draw.choice(len(triples), size=len(triples) // 20, replace=False)]
    odd = np.concatenate([odd[:, :2], draw.integers(_THINGS, size=(len(odd), 1))], 1)
    triples = draw.permutation(np.unique(np.concatenate([triples, odd]), axis=0))
    train, valid, test = _split(triples)
    features = {
        "image": _seen(draw, draw.normal(size=(_PLACES, 32))[places], 1.0),
        "text": _seen(draw, draw.normal(size=(_SORTS, 32))[sorts] + draw.normal(size=(_PLACES, 32))[places], 1.0),
    }
    graph = MultiModalGraph(labels, [f"relation{number}" for number in range(_LINKS)], train, features=features)
    return CompletionGraph("toy-completion", graph, valid, test)


def _lawful(draw: np.random.Generator, sorts: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Draw the triples of every relation: from sort to sort, one fixed step round the ring."""
    found = []
    for relation in range(_LINKS):
        (source, target), step = draw.integers(_SORTS, size=2), draw.integers(_PLACES)
        fits = (sorts[:, None] == source) & (sorts == target) & ((places[:, None] + step) % _PLACES == places)
        heads, tails = np.nonzero(fits & (draw.random(fits.shape) < 0.8))
        found.append(np.stack([heads, np.full(len(heads), relation), tails], 1))
    return np.concatenate(found)


def _split(triples: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return 80, 10 and 10 % of the triples; the first one of every entity and relation is for training."""
    first = np.unique(np.r_[_first(triples[:, [0, 2]]) // 2, _first(triples[:, 1])])
    free = np.setdiff1d(np.arange(len(triples)), first)
    tenth = len(triples) // 10
    held = generator(_SEED, "split").permutation(free)[: 2 * tenth]
    return np.delete(triples, held, axis=0), triples[held[:tenth]], triples[held[tenth:]]


def _first(values: np.ndarray) -> np.ndarray:
    return np.unique(values, return_index=True)[1]
