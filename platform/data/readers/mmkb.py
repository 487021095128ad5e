"""The layout of MMKB: two folders named after their graphs, one of them FB15K, with text files of labels."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from kgprism.platform.data.graph import AlignedGraphs, Features, MultiModalGraph
from kgprism.platform.data.readers import feature_files, lines, order, vectors
from kgprism.platform.errors import DataError

MARKS = ("*/*_EntityTriples.txt", "*/*_SameAsLink.txt")
_TRIPLES = "_EntityTriples.txt"
_YAGO = "http://yago-knowledge.org/resource/"
_WORD = r"(\S++)"
#: Words of a line stand between blanks or tabs; some files close a line with a full stop.
_TRIPLE = rf"{_WORD}[ \t]++{_WORD}[ \t]++{_WORD}(?:[ \t]++\.)?+[ \t]*+"


def sources(folder: Path) -> dict[str, Path]:
    """Return the files of a dataset by what they are; the image vectors where h5py is there to read them.

    Raises:
        DataError: unless there are two graphs, one of them FB15K.
    """
    found = {file.name.partition(_TRIPLES)[0]: file.parent for file in sorted(folder.glob(f"*/*{_TRIPLES}*"))}
    others = [graph for graph in found if not graph.startswith("FB15K")]
    if len(found) != 2 or len(others) != 1:
        raise DataError(f"{folder}: expected the folders FB15K and DB15K (or YAGO15K), found {', '.join(found)}")
    (right,) = others
    (left,) = found.keys() - others
    files = {"pairs": lines.need(found[right], f"{right}_SameAsLink.txt")}
    for side, graph in (("left", left), ("right", right)):
        files[f"{side}/triples"] = lines.need(found[graph], graph + _TRIPLES)
        for part in ("NumericalTriples", "ImageIndex"):
            if file := lines.find(found[graph], f"{graph}_{part}.txt"):
                files[f"{side}/{part}"] = file
        images = feature_files.find(found[graph], f"{graph.lower()}_imagedata")
        if images and f"{side}/ImageIndex" in files:
            files[f"{side}/ImageData"] = images
    return files


def build(name: str, files: Mapping[str, Path]) -> AlignedGraphs:
    """Return two graphs and the pairs of the other graph's links to FB15K, the entities in hash order."""
    left, right = (_graph(files, side) for side in ("left", "right"))
    if "right/ImageData" in files:
        vectors.check_widths(left.features, right.features, {"image": files["right/ImageData"]})
    found = lines.rows(files["pairs"], _TRIPLE, "FB15K entity, <SameAs>, entity")
    columns = [
        lines.positions(files["pairs"], [_label(row[i]) for row in found], pd.Index(known, dtype=object), "entity")
        for i, known in ((0, left.entities), (2, right.entities))
    ]
    return order.aligned(name, left, right, np.stack(columns, axis=1), {})


def _graph(files: Mapping[str, Path], side: str) -> MultiModalGraph:
    found = lines.rows(files[f"{side}/triples"], _TRIPLE, "head, relation, tail")
    codes, entities = _codes([row[0] for row in found] + [row[2] for row in found])
    relation_codes, relations = _codes([row[1] for row in found])
    known = pd.Index(entities, dtype=object)
    attributes, attribute_triples = list[str](), np.zeros((0, 2), np.int64)
    if file := files.get(f"{side}/NumericalTriples"):
        attributes, attribute_triples = _attributes(file, known)
    images, features = dict[int, str](), dict[str, Features]()
    if file := files.get(f"{side}/ImageIndex"):
        images = _images(file, known)
    if images and (file := files.get(f"{side}/ImageData")):
        features["image"] = _vectors(file, images, len(entities))
    return MultiModalGraph(
        entities=entities,
        relations=relations,
        triples=np.stack([codes[: len(found)], relation_codes, codes[len(found) :]], axis=1),
        attributes=attributes,
        attribute_triples=attribute_triples,
        features=features,
        pictured=vectors.pictured(features, list(images)),
    )


def _label(word: str) -> str:
    """Return a label without angle brackets; YAGO's files write some with and some without the namespace."""
    if not word.startswith("<"):
        return word
    bare = word.removeprefix("<").removesuffix(">")
    return bare if "://" in bare else _YAGO + bare


def _codes(words: list[str]) -> tuple[np.ndarray, list[str]]:
    """Number the labels of words; the few distinct words are rewritten, not every one."""
    codes, distinct = lines.codes(words)
    again, labels = lines.codes([_label(word) for word in distinct])
    return again[codes], labels


def _attributes(file: Path, known: pd.Index) -> tuple[list[str], np.ndarray]:
    """Read entity, attribute and value; rows that repeat all three count once, as in the published numbers."""
    found = lines.rows(file, rf"{_WORD}[ \t]++{_WORD}[ \t]++([^\n]++)", "entity, attribute, value")
    entities = lines.positions(file, [_label(row[0]) for row in found], known, "entity")
    codes, attributes = _codes([row[1] for row in found])
    once = ~pd.DataFrame(found).duplicated().to_numpy()
    return attributes, np.stack([entities[once], codes[once]], axis=1)


def _images(file: Path, known: pd.Index) -> dict[int, str]:
    """Return the image id of every entity that has one; of several the last, as in the published conversions."""
    found = lines.rows(file, rf"{_WORD}[ \t]++{_WORD}", "entity, image id")
    entities = lines.positions(file, [_label(row[0]) for row in found], known, "entity")
    return dict(zip(entities.tolist(), (row[1] for row in found), strict=True))


def _vectors(file: Path, images: Mapping[int, str], count: int) -> Features:
    """Return the vectors of a file that is keyed by image id."""
    stored = feature_files.load(file)
    if absent := [image for image in images.values() if not isinstance(stored, dict) or image not in stored]:
        raise DataError(f"{file}: image: expected a vector for {absent[0]}, found none")
    named = {entity: stored[image] for entity, image in sorted(images.items())}
    return vectors.features(file, "image", pd.RangeIndex(count), found=named)[0]
