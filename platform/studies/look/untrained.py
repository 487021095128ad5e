"""What vectors find before anything is trained: the true partner of each test pair, by cosine alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement

import numpy as np

from kgprism.platform.data.graph import AlignedGraphs, Features
from kgprism.platform.data.inputs.split import split, usual
from kgprism.platform.errors import ConfigurationError, DataError
from kgprism.platform.seeding import generator
from kgprism.platform.settings import AlignmentData
from kgprism.platform.studies.look.nearest import ranks, rows_of
from kgprism.platform.studies.look.sets import VectorSet

#: Products of two numbers that a set and a direction may cost; of more pairs some are drawn.
_PRODUCTS = 4e10


@dataclass(frozen=True, eq=False)
class Asked:
    """The pairs ``(pairs, 2)`` that are asked for, in words where they come from, and which rows of them are ranked."""

    pairs: np.ndarray
    words: str
    chosen: np.ndarray


@dataclass(frozen=True)
class Scores:
    """What the vectors of a set find of the ranked pairs in one direction; a pair without both vectors is a miss.

    ``both``: how many have both; ``first_of_both``: Hits@1 among these alone.
    """

    both: int
    hits_at_1: float
    hits_at_10: float
    mrr: float
    first_of_both: float | None


@dataclass(frozen=True)
class Found:
    """A set's scores, left to right and right to left; ``trouble`` in place of them where there are none."""

    name: str
    there: Scores | None
    back: Scores | None
    trouble: str = ""


@dataclass(frozen=True)
class Untrained:
    """All sets; ``either`` of two names: the share of ranked pairs that the one or the other finds first."""

    asked: Asked
    found: tuple[Found, ...]
    either: dict[tuple[str, str], float]


def asked(graphs: AlignedGraphs, sets: Sequence[VectorSet], seed: int) -> Asked:
    """Return the test pairs; all pairs where there are too few to part."""
    try:
        pairs = split(graphs, AlignmentData(), 0.0, seed).test
        own = usual(graphs) == "published"
        words = "test pairs of the source's own split" if own else f"test pairs of seed {seed}"
    except (ConfigurationError, DataError):
        pairs, words = graphs.pairs, "pairs, as they are too few for a split"
    candidates = max((len(np.unique(pairs[:, side])) for side in (0, 1)), default=0)
    width = max((one.width for one in sets if not one.trouble), default=0)
    most = max(int(_PRODUCTS / max(candidates * width, 1)), 100)
    chosen = np.arange(len(pairs))
    if len(pairs) > most:
        chosen = np.sort(generator(seed, "look", "ranked").permutation(len(pairs))[:most])
    return Asked(pairs, words, chosen)


def untrained(graphs: AlignedGraphs, sets: Sequence[VectorSet], seed: int) -> Untrained:
    """Rank each test pair's partner among the partners of all test pairs, set by set, in both directions."""
    pairs = asked(graphs, sets, seed)
    found, first = [], {}
    for one in sets:
        left, right = one.known
        if left is None or right is None or one.trouble or not len(pairs.chosen):
            found.append(Found(one.name, None, None, one.trouble or "no pairs"))
            continue
        there = rank(pairs.pairs, left, right, pairs.chosen)
        back = rank(pairs.pairs[:, ::-1], right, left, pairs.chosen)
        found.append(Found(one.name, _scores(there), _scores(back)))
        first[one.name] = there <= 1
    twos = combinations_with_replacement(first, 2)
    either = {(a, b): float((first[a] | first[b]).mean()) for a, b in twos}
    return Untrained(pairs, tuple(found), either | {(b, a): share for (a, b), share in either.items()})


def rank(pairs: np.ndarray, left: Features, right: Features, chosen: np.ndarray) -> np.ndarray:
    """Return the rank of the partner of each chosen pair ``(chosen,)`` among all pairs' right entities with a vector.

    Infinite where one of the two has no vector.
    """
    known = np.unique(pairs[:, 1])
    rows = rows_of(right, known)
    known, candidates = known[rows >= 0], right.values[rows[rows >= 0]]
    mine, theirs = rows_of(left, pairs[chosen, 0]), rows_of(right, pairs[chosen, 1])
    both = np.flatnonzero((mine >= 0) & (theirs >= 0))
    found = np.full(len(chosen), np.inf)
    if len(both):
        truth = np.searchsorted(known, pairs[chosen[both], 1])
        found[both] = ranks(left.values[mine[both]], candidates, truth)
    return found


def _scores(found: np.ndarray) -> Scores:
    both = found[np.isfinite(found)]
    return Scores(
        both=len(both),
        hits_at_1=float((found <= 1).mean()),
        hits_at_10=float((found <= 10).mean()),
        mrr=float((1 / found).mean()),
        first_of_both=float((both <= 1).mean()) if len(both) else None,
    )
