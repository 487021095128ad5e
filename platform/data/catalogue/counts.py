"""What a dataset holds: the papers' statistics, its peculiarities, and how it compares with what was published."""

from collections.abc import Iterator, Sized
from dataclasses import dataclass

import numpy as np

from kgprism.platform.data.catalogue import feature_sets, published
from kgprism.platform.data.catalogue.naming import HOLDOUT
from kgprism.platform.data.graph import AlignedGraphs, CompletionGraph, Dataset, MultiModalGraph
from kgprism.platform.data.inputs.few import few
from kgprism.platform.data.inputs.holdout import contaminated
from kgprism.platform.data.inputs.leakage import PARTS, inverse
from kgprism.platform.data.inputs.split import usual
from kgprism.platform.data.once import once_a_dataset
from kgprism.platform.data.readers.vectors import STEMS

#: One row of the papers' table: ``graph`` names it, the other cells are counts.
Row = dict[str, str | int]

Found = Iterator[tuple[str, str, int | np.integer]]


@dataclass(frozen=True)
class Problem:
    """One peculiarity that was found `count` times; the data are usable, but the reader should know."""

    place: str
    kind: str
    count: int


@dataclass(frozen=True)
class Comparison:
    """One published number and ours; ``known`` is the reason where both differ and the reason is known."""

    quantity: str
    published: int
    measured: int
    known: str

    @property
    def agrees(self) -> bool:
        """Whether the number is the published one, or differs for the known reason."""
        return self.measured == self.published or bool(self.known)


def statistics(dataset: Dataset) -> list[Row]:
    """Return the papers' table: a row a graph, with the pairs on the first one; one row with the splits otherwise."""
    if isinstance(dataset, CompletionGraph):
        sizes = {"train": len(dataset.graph.triples), "valid": len(dataset.valid), "test": len(dataset.test)}
        every = dataset.graph.keys(dataset.graph.triples, dataset.valid, dataset.test)
        return [{"graph": "graph"} | _columns(dataset.graph) | {"triples": len(np.unique(every))} | sizes]
    left: Row = {"graph": "left"} | _columns(dataset.left) | {"pairs": len(dataset.pairs)}
    return [left, {"graph": "right"} | _columns(dataset.right)]


def compare(dataset: Dataset) -> list[Comparison]:
    """Set every published number of a benchmark against ours; nothing for the user's own data."""
    measured: dict[str, int] = {}
    for row in statistics(dataset):
        prefix = "" if row["graph"] == "graph" else f"{row['graph']}/"
        measured |= {prefix * (column != "pairs") + column: int(n) for column, n in row.items() if column != "graph"}
    found = []
    for quantity, number in published.expected(dataset.name).items():
        # Data of the other task under a benchmark's name have none of its quantities.
        ours = measured.get(quantity, 0)
        reason = "" if ours == number else published.known(dataset.name, quantity, ours)
        found.append(Comparison(quantity, number, ours, reason))
    return found


@once_a_dataset
def differences(dataset: Dataset) -> tuple[str, ...]:
    """Return a line if a benchmark's name stands for other data than the published ones."""
    wrong = [line for line in compare(dataset) if not line.agrees]
    if not wrong:
        return ()
    told = [f"{line.quantity} {line.measured:,} (published: {line.published:,})" for line in wrong[:3]]
    told += [f"{len(wrong) - 3} more"] if len(wrong) > 3 else []
    name = dataset.name
    return (
        f"{name} differs from the published dataset: {', '.join(told)}; published numbers are not about these data",
    )


def problems(dataset: Dataset) -> list[Problem]:
    """Return every peculiarity that occurs at least once."""
    found = _completion(dataset) if isinstance(dataset, CompletionGraph) else _aligned(dataset)
    return [Problem(place, kind, int(count)) for place, kind, count in found if count]


def coverage(dataset: Dataset) -> list[Row]:
    """Return a row a graph with names: ``graph``, ``entities``, how many have ``names`` and how many ``vectors``."""
    sides = {"left": dataset.left, "right": dataset.right} if isinstance(dataset, AlignedGraphs) else {}
    return [
        {
            "graph": side,
            "entities": len(graph.entities),
            "names": sum(map(bool, graph.names)),
            "vectors": len(graph.features["name"].known.entities) if "name" in graph.features else 0,
        }
        for side, graph in sides.items()
        if any(graph.names)
    ]


def own_split(dataset: Dataset) -> list[str]:
    """Return what split of pairs the source has, and whether runs take it; nothing where it has none."""
    if not isinstance(dataset, AlignedGraphs) or usual(dataset) != "published":
        return []
    parts = {part: len(dataset.published[part]) for part in PARTS if part in dataset.published}
    if dataset.name in published.BENCHMARKS:
        taken = "runs draw one by data.seed_ratio, as the papers do; data.split=published takes it"
    else:
        taken = "runs take it, unless data.seed_ratio, data.split_seed or data.split is set"
    sizes = ", ".join(f"{count:,} {part}" for part, count in parts.items())
    return [f"split of the source: {sizes} pairs; {taken}", *few(dataset.name, parts.get("valid", 0), "pairs")]


def advice(dataset: Dataset) -> list[str]:
    """Return what a dataset lacks and what to do about it, a line each."""
    sides = (
        {"left ": dataset.left, "right ": dataset.right} if isinstance(dataset, AlignedGraphs) else {"": dataset.graph}
    )
    zeros = [line for side, graph in sides.items() for line in _zeros(side, graph)]
    if not isinstance(dataset, CompletionGraph):
        spelt = "char" in dataset.modalities and "name" not in dataset.modalities
        line = f"no word vectors of names: kgprism data import {dataset.name} --from DIR --glove FILE --replace"
        return zeros + ([f"{line} (modality name; char needs none)"] if spelt else [])
    found = zeros
    made = {one.modality for one in feature_sets.surveyed(dataset.name)[0]}
    absent = {
        modality: stem for modality, (_, stem) in STEMS.items() if modality not in {*dataset.graph.features, *made}
    }
    if absent:
        source = dataset.name.removesuffix(HOLDOUT)
        line = f"no {' and '.join(absent)} features: put the authors' {' and '.join(absent.values())} (.pth, .npz, "
        line += f".npy, .safetensors) beside the triples, or make some: kgprism data features {source}"
        by_name = ", or make text features of the names: --set data.text=labels (not comparable with the papers)"
        found.append(line + by_name * ("text" in absent))
    in_train, in_test = contaminated(dataset)
    if in_train or in_test:
        found.append(
            f"{in_train:,} distinct validation triples are in train, {in_test:,} in test: runs hold out a share of "
            f"train instead (data.valid=auto), as the dataset {dataset.name}_holdout does"
        )
    return found


def _zeros(side: str, graph: MultiModalGraph) -> Iterator[str]:
    for modality, features in sorted(graph.features.items()):
        every = len(features.entities)
        if zeros := every - len(features.known.entities):
            yield f"{zeros:,} of {every:,} {side}{modality} vectors are rows of zeros: taken for missing"


def _columns(graph: MultiModalGraph) -> Row:
    lists: tuple[Sized, ...] = (
        graph.entities,
        graph.relations,
        graph.triples,
        graph.attributes,
        graph.attribute_triples,
    )
    return dict(zip(published.COLUMNS, [*map(len, lists), len(_pictured(graph))], strict=True))


def _pictured(graph: MultiModalGraph) -> np.ndarray:
    """Return the entities with an image, published as a file or as a vector."""
    vectors = graph.features["image"].known.entities if "image" in graph.features else np.zeros(0, np.int64)
    return np.union1d(graph.pictured, vectors)


def _repeats(values: np.ndarray) -> int:
    return len(values) - len(np.unique(values))


def _graph(graph: MultiModalGraph, place: str) -> Found:
    triples, entities = graph.triples, len(graph.entities)
    yield place, "duplicate triples", _repeats(graph.keys(triples))
    yield place, "self-loops", np.count_nonzero(triples[:, 0] == triples[:, 2])
    yield place, "entities without triples", entities - len(np.unique(triples[:, [0, 2]]))
    yield place, "relations without triples", len(graph.relations) - len(np.unique(triples[:, 1]))
    if len(graph.attribute_triples):
        yield place, "entities without attributes", entities - len(np.unique(graph.attribute_triples[:, 0]))
    pictured = _pictured(graph)
    if len(pictured):
        yield place, "entities without images", entities - len(pictured)
        vectors = len(graph.features["image"].known.entities) if "image" in graph.features else 0
        yield place, "images without a vector", len(pictured) - vectors


def _aligned(graphs: AlignedGraphs) -> Found:
    yield from _graph(graphs.left, "left")
    yield from _graph(graphs.right, "right")
    pairs = _pair_keys(graphs, graphs.pairs)
    distinct = np.unique(pairs)
    yield "pairs", "duplicate pairs", _repeats(pairs)
    yield "pairs", "left entities with several partners", _several(distinct // len(graphs.right.entities))
    yield "pairs", "right entities with several partners", _several(distinct % len(graphs.right.entities))
    yield "pairs", "equal labels in both graphs", len(set(graphs.left.entities) & set(graphs.right.entities))
    parts = {name: _pair_keys(graphs, rows) for name, rows in graphs.published.items()}
    yield from _overlaps(parts)
    if parts:
        every = np.concatenate(list(parts.values()))
        yield "splits", "pairs of a split that are no pairs", len(np.setdiff1d(every, pairs))
        yield "splits", "pairs in no split", len(np.setdiff1d(pairs, every))


def _pair_keys(graphs: AlignedGraphs, pairs: np.ndarray) -> np.ndarray:
    return pairs[:, 0].astype(np.int64) * len(graphs.right.entities) + pairs[:, 1]


def _several(values: np.ndarray) -> int:
    """Return how many values occur more than once."""
    return int(np.count_nonzero(np.unique(values, return_counts=True)[1] > 1))


def _overlaps(parts: dict[str, np.ndarray]) -> Found:
    names = list(parts)
    for place, first in enumerate(names):
        for second in names[place + 1 :]:
            yield (
                "splits",
                f"distinct rows in both {first} and {second}",
                len(np.intersect1d(parts[first], parts[second])),
            )


def _completion(dataset: CompletionGraph) -> Found:
    graph = dataset.graph
    yield from _graph(graph, "train")
    rows = {"train": graph.triples, "valid": dataset.valid, "test": dataset.test}
    parts = {name: graph.keys(triples) for name, triples in rows.items()}
    for name, triples in rows.items():
        yield name, "part without any triple", not len(triples)
    for name in ("valid", "test"):
        yield name, "duplicate triples", _repeats(parts[name])
        yield name, "self-loops", np.count_nonzero(rows[name][:, 0] == rows[name][:, 2])
        unseen = ~np.isin(rows[name][:, [0, 2]], graph.triples[:, [0, 2]]).all(1)
        yield name, "triples with an entity that is not in train", np.count_nonzero(unseen)
        unseen = ~np.isin(rows[name][:, 1], graph.triples[:, 1])
        yield name, "triples with a relation that is not in train", np.count_nonzero(unseen)
        yield name, "triples whose ends are joined in train the other way round", inverse(dataset, rows[name])
    yield from _overlaps(parts)
    others = np.concatenate([parts["train"], parts["test"]])
    if np.isin(parts["valid"], others).any():
        yield "splits", "distinct rows of valid that are new", len(np.setdiff1d(parts["valid"], others))
