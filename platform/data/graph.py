"""Multi-modal knowledge graphs in memory: NumPy arrays only, so that workers share them without a copy."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True, eq=False)
class Features:
    """Vectors of the entities that have them: ``entities`` (n,) ascending ids, ``values`` (n, width).

    A published row of zeros stands for an absent vector, whatever the task and the modality: methods, counts and
    pictures go by `known`. It is kept here so that a dataset is what its source has.
    """

    entities: np.ndarray
    values: np.ndarray

    @property
    def known(self) -> "Features":
        """The vectors that are not zero."""
        there = self.values.any(axis=1)
        return self if there.all() else Features(self.entities[there], self.values[there])

    def __repr__(self) -> str:
        return f"Features({len(self.entities):,} entities, width {self.values.shape[1]:,})"


@dataclass(frozen=True, eq=False)
class MultiModalGraph:
    """One graph. Ids are rows of ``entities``, ``relations`` and ``attributes``.

    ``triples`` (triples, 3) head, relation, tail; ``attribute_triples`` (rows, 2) entity, attribute, as the source
    repeats them; ``pictured`` ids of entities with a published image, features or not; ``names`` surface names,
    empty where there is none.
    """

    entities: list[str]
    relations: list[str]
    triples: np.ndarray
    attributes: list[str] = field(default_factory=list)
    attribute_triples: np.ndarray = field(default_factory=lambda: np.zeros((0, 2), np.int64))
    features: Mapping[str, Features] = field(default_factory=dict)
    pictured: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    names: list[str] = field(default_factory=list)

    def keys(self, *triples: np.ndarray) -> np.ndarray:
        """Return one integer a triple, equal for equal triples of this graph's ids."""
        rows = np.concatenate(triples).astype(np.int64, copy=False)
        return (rows[:, 0] * len(self.relations) + rows[:, 1]) * len(self.entities) + rows[:, 2]

    def arrays(self) -> Arrays:
        """Return the graph as arrays; texts become bytes, one line each."""
        found = {name: _bytes(getattr(self, name)) for name in _TEXTS}
        found |= {name: getattr(self, name) for name in _IDS}
        for modality, features in sorted(self.features.items()):
            found[f"features/{modality}/entities"] = features.entities
            found[f"features/{modality}/values"] = features.values
        return found

    @classmethod
    def of(cls, arrays: Arrays) -> "MultiModalGraph":
        """Return the graph that `arrays` came from."""
        modalities = sorted({key.split("/")[1] for key in arrays if key.startswith("features/")})
        features = {m: Features(arrays[f"features/{m}/entities"], arrays[f"features/{m}/values"]) for m in modalities}
        fields: dict[str, Any] = {name: _lines(arrays[name]) for name in _TEXTS}
        fields |= {name: arrays[name] for name in _IDS}
        return cls(**fields, features=features)

    def __repr__(self) -> str:
        counts = {what: len(getattr(self, what)) for what in ("entities", "relations", "triples", "attributes")}
        told = [f"{count:,} {what}" for what, count in counts.items() if count]
        return f"MultiModalGraph({', '.join([*told, *sorted(self.features)])})"


_TEXTS = ("entities", "relations", "attributes", "names")
_IDS = ("triples", "attribute_triples", "pictured")


def _bytes(lines: list[str]) -> np.ndarray:
    return np.frombuffer("".join(line + "\n" for line in lines).encode(), np.uint8)


def _lines(array: np.ndarray) -> list[str]:
    return array.tobytes().decode().split("\n")[:-1]


def fingerprint(arrays: Arrays) -> str:
    """Return 16 hexadecimal digits that change with any value of any array."""
    state = hashlib.blake2b(digest_size=8)
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        state.update(f"{name} {array.dtype.str} {array.shape};".encode())
        state.update(array.data)
    return state.hexdigest()


def _told(graph: MultiModalGraph) -> set[str]:
    """Return the modalities of which any vector is not zero."""
    return {modality for modality, features in graph.features.items() if features.values.any()}


def _spelt(names: list[str]) -> bool:
    """Tell whether any name has a word of two letters."""
    return any(len(word) > 1 for name in names for word in name.split())


@dataclass(frozen=True, eq=False)
class AlignedGraphs:
    """Two graphs and the pairs between them: ``pairs`` (pairs, 2) left id, right id, in the source's order.

    ``published`` holds the source's own split, if any: ``train``, ``test`` and sometimes ``valid``.
    """

    name: str
    left: MultiModalGraph
    right: MultiModalGraph
    pairs: np.ndarray
    published: Mapping[str, np.ndarray] = field(default_factory=dict)

    def arrays(self) -> Arrays:
        """Return everything but the name as arrays."""
        found = {f"left/{key}": value for key, value in self.left.arrays().items()}
        found |= {f"right/{key}": value for key, value in self.right.arrays().items()}
        found |= {f"published/{key}": value for key, value in self.published.items()}
        return found | {"pairs": self.pairs}

    @classmethod
    def of(cls, name: str, arrays: Arrays) -> "AlignedGraphs":
        """Return the graphs that `arrays` came from."""

        def below(prefix: str) -> Arrays:
            return {key.removeprefix(prefix): array for key, array in arrays.items() if key.startswith(prefix)}

        left, right = MultiModalGraph.of(below("left/")), MultiModalGraph.of(below("right/"))
        return cls(name, left, right, arrays["pairs"], below("published/"))

    @cached_property
    def fingerprint(self) -> str:
        """Changes with any triple, pair, label or feature."""
        return fingerprint(self.arrays())

    @property
    def modalities(self) -> set[str]:
        """What a method can be given besides the graph itself."""
        attributes = len(self.left.attribute_triples) and len(self.right.attribute_triples)
        shared = self.left.features.keys() & self.right.features.keys() & (_told(self.left) | _told(self.right))
        found = {"relation"} | shared | ({"attribute"} if attributes else set())
        return found | ({"char"} if _spelt(self.left.names) and _spelt(self.right.names) else set())

    def __repr__(self) -> str:
        sides = (self.left, self.right)
        entities, triples = (" + ".join(f"{len(getattr(g, w)):,}" for g in sides) for w in ("entities", "triples"))
        counts = f"{entities} entities, {triples} triples, {len(self.pairs):,} pairs"
        return f"AlignedGraphs({self.name!r}: {counts}; {', '.join(sorted(self.modalities))})"


@dataclass(frozen=True, eq=False)
class CompletionGraph:
    """One graph whose triples are split: ``graph.triples`` holds the training triples, then come valid and test.

    ``known`` are further true triples that belong to no split; they only filter rankings.
    """

    name: str
    graph: MultiModalGraph
    valid: np.ndarray
    test: np.ndarray
    known: np.ndarray = field(default_factory=lambda: np.zeros((0, 3), np.int64))

    def arrays(self) -> Arrays:
        """Return everything but the name as arrays."""
        found = {f"graph/{k}": v for k, v in self.graph.arrays().items()} | {"valid": self.valid, "test": self.test}
        return found | ({"known": self.known} if len(self.known) else {})

    @classmethod
    def of(cls, name: str, arrays: Arrays) -> "CompletionGraph":
        """Return the graph that `arrays` came from."""
        graph = {key.removeprefix("graph/"): array for key, array in arrays.items() if key.startswith("graph/")}
        own = {key: arrays[key] for key in ("valid", "test", "known") if key in arrays}
        return cls(name, MultiModalGraph.of(graph), **own)

    @cached_property
    def fingerprint(self) -> str:
        """Changes with any triple, label or feature."""
        return fingerprint(self.arrays())

    @property
    def modalities(self) -> set[str]:
        """What a method can be given besides the graph itself."""
        return _told(self.graph)

    def __repr__(self) -> str:
        parts = f"{len(self.graph.triples):,} + {len(self.valid):,} + {len(self.test):,} triples"
        counts = f"{len(self.graph.entities):,} entities, {len(self.graph.relations):,} relations, {parts}"
        return f"CompletionGraph({self.name!r}: {counts}; {', '.join(sorted(self.modalities)) or 'graph'})"


Dataset = AlignedGraphs | CompletionGraph


def dataset_of(name: str, arrays: Arrays) -> Dataset:
    """Return the dataset that `arrays` came from, whichever kind it is."""
    return AlignedGraphs.of(name, arrays) if "pairs" in arrays else CompletionGraph.of(name, arrays)
