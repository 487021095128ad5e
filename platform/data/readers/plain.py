"""The plain layout: one folder a graph, ids that are row numbers, tab-separated files, some of them optional."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from kgprism.platform.data import surface_forms
from kgprism.platform.data.graph import AlignedGraphs, CompletionGraph, Features, MultiModalGraph
from kgprism.platform.data.readers import feature_files, lines, order, vectors
from kgprism.platform.errors import DataError

MARKS = ("kg1/entities.tsv", "kg2/entities.tsv", "pairs.tsv")
COMPLETION_MARKS = ("entities.tsv", "relations.tsv", "train.tsv", "valid.tsv", "test.tsv")
SIDES = ("kg1", "kg2")
PARTS = ("train", "valid", "test")
NO_ROWS = np.zeros((0, 2), np.int64)


def sources(folder: Path) -> dict[str, Path]:
    """Return the files of an alignment dataset by what they are.

    An image pickle in the dataset's folder is keyed by the source's ids, which ``source_ids.tsv`` must then tell.
    """
    found = {"pairs": lines.need(folder, "pairs.tsv")}
    for side in SIDES:
        found |= {f"{side}/{part}": file for part, file in _graph_sources(folder / side, "triples").items()}
    splits = {f"splits/{part}": lines.find(folder, f"splits/{part}.tsv") for part in PARTS}
    found |= {part: file for part, file in splits.items() if file}
    if images := feature_files.find(folder, "*img*"):
        found |= {"images": images} | {f"{side}/ids": lines.need(folder / side, "source_ids.tsv") for side in SIDES}
    return found | surface_forms.vector_files(folder)


def completion_sources(folder: Path) -> dict[str, Path]:
    """Return the files of a completion dataset by what they are."""
    return _graph_sources(folder, *PARTS)


def _graph_sources(folder: Path, *triples: str) -> dict[str, Path]:
    found = {part: lines.need(folder, f"{part}.tsv") for part in ("entities", "relations", *triples)}
    optional = {part: lines.find(folder, f"{part}.tsv") for part in ("attributes", "names", "image_index")}
    optional |= {modality: feature_files.find(folder, *stems) for modality, stems in vectors.STEMS.items()}
    return found | {part: file for part, file in optional.items() if file}


def build(name: str, files: Mapping[str, Path]) -> AlignedGraphs:
    """Return two graphs, their pairs and published split, the entities in hash order."""
    sides = [_below(files, side) for side in SIDES]
    left, right = (_graph(side, side["triples"]) for side in sides)
    vectors.check_widths(left.features, right.features, sides[1])
    if "images" in files:
        known = [_source_ids(own["ids"], len(graph.entities)) for own, graph in zip(sides, (left, right), strict=True)]
        found = vectors.features(files["images"], "image", *known)
        left, right = (_with_images(graph, images) for graph, images in zip((left, right), found, strict=True))
    left, right = surface_forms.with_vectors(files, left, right)
    pairs = _pairs(files["pairs"], left, right)
    splits = _below(files, "splits")
    if splits and not {"train", "test"} <= set(splits):
        raise DataError(
            f"{next(iter(splits.values())).parent}: expected train.tsv and test.tsv, found only {next(iter(splits))}"
        )
    published = {part: _split(file, _pairs(file, left, right), pairs) for part, file in splits.items()}
    return order.aligned(name, left, right, pairs, published)


def _below(files: Mapping[str, Path], folder: str) -> dict[str, Path]:
    return {key.removeprefix(f"{folder}/"): file for key, file in files.items() if key.startswith(f"{folder}/")}


def completion_build(name: str, files: Mapping[str, Path]) -> CompletionGraph:
    """Return one graph with split triples; the published ids stay, they tell nothing."""
    graph = _graph(files, files["train"])
    valid, test = (_triples(files[part], graph.entities, graph.relations) for part in ("valid", "test"))
    return CompletionGraph(name, graph, valid, test)


def _graph(files: Mapping[str, Path], triples: Path) -> MultiModalGraph:
    entities, relations = _labels(files["entities"], "entity"), _labels(files["relations"], "relation")
    lines.distinct(files["entities"], entities, "entity label")
    ids = pd.RangeIndex(len(entities))
    features = {m: vectors.features(files[m], m, ids)[0] for m in vectors.STEMS if m in files}
    attributes, attribute_triples = _attributes(files["attributes"], ids) if "attributes" in files else ([], NO_ROWS)
    indexed = _column(files["image_index"], ids, "image id")[0] if "image_index" in files else ()
    return MultiModalGraph(
        entities=entities,
        relations=relations,
        triples=_triples(triples, entities, relations),
        attributes=attributes,
        attribute_triples=attribute_triples,
        features=features,
        pictured=vectors.pictured(features, indexed),
        names=_names(files["names"], ids) if "names" in files else [],
    )


def _with_images(graph: MultiModalGraph, images: Features) -> MultiModalGraph:
    features = {**graph.features, "image": images}
    return replace(graph, features=features, pictured=vectors.pictured(features, graph.pictured))


def _labels(file: Path, what: str) -> list[str]:
    """Return the texts of a file whose ids count up from 0."""
    ids, labels = _cells(file, f"{what} label")
    _check_counted(file, ids)
    return labels


def _check_counted(file: Path, ids: np.ndarray) -> None:
    wrong = np.flatnonzero(ids != np.arange(len(ids)))
    if len(wrong):
        raise DataError(f"{file}:{wrong[0] + 1}: expected the id {wrong[0]}, found {ids[wrong[0]]}")


def _cells(file: Path, what: str, rest: str = "") -> tuple[np.ndarray, list[str]]:
    """Return the columns id and text; `rest` is the pattern of what may follow and is dropped."""
    found = lines.rows(file, rf"{lines.NUMBER}\t{lines.TEXT}{rest}", f"id, {what} separated by tabs")
    return lines.integers([row[0] for row in found]), [row[1] for row in found]


def _column(file: Path, ids: pd.RangeIndex, what: str, rest: str = "") -> tuple[np.ndarray, list[str]]:
    found, texts = _cells(file, what, rest)
    return lines.positions(file, found, ids, "entity id"), texts


def _names(file: Path, ids: pd.RangeIndex) -> list[str]:
    names = [""] * len(ids)
    for entity, name in zip(*_column(file, ids, "name"), strict=True):
        names[entity] = name
    return names


def _attributes(file: Path, ids: pd.RangeIndex) -> tuple[list[str], np.ndarray]:
    entities, texts = _column(file, ids, "attribute name", rest=r"[^\n]*+")
    codes, attributes = lines.codes(texts)
    return attributes, np.stack([entities, codes], axis=1)


def _triples(file: Path, entities: list[str], relations: list[str]) -> np.ndarray:
    found = lines.numbers(file, "head id", "relation id", "tail id")
    for column, known in enumerate((entities, relations, entities)):
        what = ("head entity id", "relation id", "tail entity id")[column]
        lines.positions(file, found[:, column], pd.RangeIndex(len(known)), what)
    return found


def _pairs(file: Path, left: MultiModalGraph, right: MultiModalGraph) -> np.ndarray:
    found = lines.numbers(file, "kg1 entity id", "kg2 entity id")
    lines.positions(file, found[:, 0], pd.RangeIndex(len(left.entities)), "kg1 entity id")
    lines.positions(file, found[:, 1], pd.RangeIndex(len(right.entities)), "kg2 entity id")
    return found


def _split(file: Path, rows: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    known = set(map(tuple, pairs.tolist()))
    for line, pair in enumerate(map(tuple, rows.tolist()), 1):
        if pair not in known:
            raise DataError(f"{file}:{line}: the pair {pair[0]}, {pair[1]} is not in pairs.tsv")
    return rows


def _source_ids(file: Path, entities: int) -> pd.Index:
    """Return the source's id of every entity, in local order."""
    found = lines.numbers(file, "entity id", "source id")
    _check_counted(file, found[:, 0])
    if len(found) != entities:
        raise DataError(f"{file}: expected {entities} lines, one an entity, found {len(found)}")
    return lines.distinct(file, found[:, 1], "source id")
