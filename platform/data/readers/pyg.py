"""PyTorch Geometric's raw folders: FB15k_237, WordNet18RR and RelLinkPredDataset, which are triples of labels; DBP15K.

Completion keeps the ids that PyG gives to entities and relations, so that its tensors and ours name the same things.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from kgprism.platform.data import surface_forms
from kgprism.platform.data.graph import AlignedGraphs, CompletionGraph, MultiModalGraph
from kgprism.platform.data.readers import lines, order
from kgprism.platform.errors import DataError

PARTS = ("train", "valid", "test")
MARKS = tuple(f"{part}.txt" for part in PARTS)
RAW_MARKS = tuple(f"raw/{mark}" for mark in MARKS)
PAIRS = {"train": "train.examples.20", "test": "test.examples.1000"}
DBP15K_MARKS = ("id_features_1", "id_features_2", "triples_1", "triples_2", *PAIRS.values())
DBP15K_RAW_MARKS = tuple(f"raw/*/{mark}" for mark in DBP15K_MARKS)
GLOVE, WIDTH = "sub.glove.300d", 300

#: In the order of PyG's ids.
WORDNET = (
    *("_also_see", "_derivationally_related_form", "_has_part", "_hypernym", "_instance_hypernym", "_member_meronym"),
    *("_member_of_domain_region", "_member_of_domain_usage", "_similar_to", "_synset_domain_topic_of", "_verb_group"),
)

_TRIPLE = r"\t".join([r"([^\t\n]++)"] * 3)


def raw_sources(folder: Path) -> dict[str, Path]:
    """Return the files below PyG's own folder of a dataset."""
    return sources(folder / "raw")


def sources(folder: Path) -> dict[str, Path]:
    """Return the files of a completion dataset by what they are; dictionaries of ids are there in some copies."""
    found = {part: lines.need(folder, f"{part}.txt") for part in PARTS}
    dictionaries = {what: lines.find(folder, f"{what}.dict") for what in ("entities", "relations")}
    return found | {what: file for what, file in dictionaries.items() if file}


def build(name: str, files: Mapping[str, Path]) -> CompletionGraph:
    """Return one graph with split triples.

    Raises:
        DataError: a part without triples, a column too few, a dictionary that is wrong or lacks a label.
    """
    return labelled(name, files, {part: _triples(files[part]) for part in PARTS})


def labelled(name: str, files: Mapping[str, Path], rows: Mapping[str, np.ndarray]) -> CompletionGraph:
    """Return the graph of the labels ``(triples, 3)`` of each part."""
    wordnet = set(np.concatenate([found[:, 1] for found in rows.values()])) <= set(WORDNET)
    # By first appearance: of WordNet all heads of a file, then its tails; else line by line.
    ends = [found[:, [0, 2]] for found in rows.values()]
    seen = np.concatenate([(pairs.T if wordnet else pairs).ravel() for pairs in ends])
    entities = _dictionary(files["entities"], "entity") if "entities" in files else list(dict.fromkeys(seen))
    if "relations" in files:
        relations = _dictionary(files["relations"], "relation")
    else:
        told = dict.fromkeys(relation for found in rows.values() for relation in found[:, 1])
        relations = list(WORDNET) if wordnet else list(told)
    known = pd.Index(entities, dtype=object), pd.Index(relations, dtype=object)

    def numbered(part: str) -> np.ndarray:
        heads, kinds, tails = rows[part].T
        columns = ((heads, known[0], "entity"), (kinds, known[1], "relation"), (tails, known[0], "entity"))
        return np.stack([lines.positions(files[part], *column) for column in columns], axis=1)

    train, valid, test = map(numbered, PARTS)
    return CompletionGraph(name, MultiModalGraph(entities, relations, train), valid, test)


def _triples(file: Path) -> np.ndarray:
    """Return the labels ``(triples, 3)`` head, relation, tail."""
    found = lines.rows(file, _TRIPLE, "head, relation, tail separated by tabs")
    if not found:
        raise DataError(f"{file}:1: expected at least one triple, found none")
    return np.array(found, dtype=object)


def _dictionary(file: Path, what: str) -> list[str]:
    """Return the labels in the order of their ids, which are 0 to n-1 in any order."""
    rows = lines.rows(file, rf"{lines.NUMBER}\t{lines.TEXT}", f"{what} id, label separated by a tab")
    ids, labels = lines.integers([number for number, _ in rows]), [label for _, label in rows]
    lines.distinct(file, labels, f"{what} label")
    lines.distinct(file, ids, f"{what} id")
    lines.positions(file, ids, pd.RangeIndex(len(ids)), f"{what} id")
    return [labels[place] for place in np.argsort(ids)]


def dbp15k_raw_sources(folder: Path) -> dict[str, Path]:
    """Return the files of the one pair of languages below PyG's own folder.

    Raises:
        DataError: if there are several pairs, each a dataset.
    """
    pairs = sorted(path.parent for path in folder.glob(f"raw/*/{DBP15K_MARKS[0]}*"))
    if len(pairs) > 1:
        words = ", ".join(pair.name for pair in pairs)
        raise DataError(f"{folder}: holds {len(pairs)} datasets ({words}): name one of them, such as {pairs[-1]}")
    return dbp15k_sources(pairs[0])


def dbp15k_sources(folder: Path) -> dict[str, Path]:
    """Return the files of one pair of languages by what they are; word vectors lie one folder above, as published."""
    found = {mark: lines.need(folder, mark) for mark in DBP15K_MARKS}
    glove = next((file for file in (folder / GLOVE, folder.parent / GLOVE) if file.is_file()), None)
    return found | ({"glove": glove} if glove else {}) | surface_forms.vector_files(folder)


def dbp15k_build(name: str, files: Mapping[str, Path]) -> AlignedGraphs:
    """Return two graphs, their pairs and split, the entities in hash order and labelled by their published ids.

    Names are what PyG makes features of; entities without one are unknown words there.
    """
    (left_ids, left), (right_ids, right) = (_graph(files, side) for side in ("1", "2"))
    if "name_vectors" not in files and "glove" in files:
        known = _word_vectors(files["glove"], surface_forms.vocabulary(left, right))
        left, right = surface_forms.with_name_features(left, known), surface_forms.with_name_features(right, known)
    left, right = surface_forms.with_vectors(files, left, right)
    published = {part: _pairs(files[file], left_ids, right_ids) for part, file in PAIRS.items()}
    return order.aligned(name, left, right, np.concatenate(list(published.values())), published)


def _graph(files: Mapping[str, Path], side: str) -> tuple[pd.Index, MultiModalGraph]:
    file = files[f"id_features_{side}"]
    rows = lines.rows(file, rf"{lines.NUMBER}(?:\t{lines.TEXT})?+", "entity id, name separated by a tab")
    ids = lines.distinct(file, lines.integers([number for number, _ in rows]), "entity id")
    triples = lines.numbers(files[f"triples_{side}"], "head id", "relation id", "tail id")
    for column, what in ((0, "head entity id"), (2, "tail entity id")):
        triples[:, column] = lines.positions(files[f"triples_{side}"], triples[:, column], ids, what)
    relations, triples[:, 1] = np.unique(triples[:, 1], return_inverse=True)
    labels, names = [str(number) for number in ids], [name.strip() for _, name in rows]
    return ids, MultiModalGraph(labels, [str(relation) for relation in relations], triples, names=names)


def _pairs(file: Path, left: pd.Index, right: pd.Index) -> np.ndarray:
    """Return the pairs ``(pairs, 2)`` among the examples: the others, marked 0, are what they are compared with."""
    found = lines.numbers(file, "left entity id", "right entity id", "1 for a pair or 0")
    columns = ((found[:, 0], left, "left entity id"), (found[:, 1], right, "right entity id"))
    return np.stack([lines.positions(file, *column) for column in columns], axis=1)[found[:, 2] != 0]


def _word_vectors(file: Path, wanted: set[str]) -> dict[str, np.ndarray]:
    """Return the vectors ``(300,)`` of `wanted` words. A line of numbers alone is PyG's vector of all other words."""
    found: dict[str, np.ndarray] = {}
    with file.open(encoding="utf-8", errors="replace") as stream:
        for number, line in enumerate(stream, 1):
            word, *numbers = line.strip().split(" ")
            if len(numbers) == WIDTH - 1 or (len(numbers) == WIDTH and word not in wanted):
                continue
            vector = _vector(numbers)
            if vector is None:
                raise DataError(f"{file}:{number}: expected a word and {WIDTH} numbers, found {line[:60].rstrip()!r}")
            found[word] = vector
    return found


def _vector(numbers: list[str]) -> np.ndarray | None:
    try:
        found = np.array(numbers, np.float32)
    except ValueError:
        return None
    return found if found.shape == (WIDTH,) and np.isfinite(found).all() else None
