"""The layout of OpenKE, AdaMF and DHNS: files of ids that begin with a count; the **tail before the relation**."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from kgprism.platform.data.graph import CompletionGraph, MultiModalGraph
from kgprism.platform.data.readers import feature_files, lines, vectors
from kgprism.platform.errors import DataError

MARKS = ("entity2id.txt", "relation2id.txt", "train2id.txt", "valid2id.txt", "test2id.txt")
PARTS = ("train", "valid", "test")

#: A row, or one number alone, as only the first line may be: some copies have tabs, some spaces.
_LABEL = rf"(?:([^\n]*[^ \t\n])[ \t]++)?{lines.NUMBER}[ \t]*+"
_TRIPLE = rf"{lines.NUMBER}(?:[ \t]++{lines.NUMBER}[ \t]++{lines.NUMBER})?+[ \t]*+"


def sources(folder: Path) -> dict[str, Path]:
    """Return the files of a dataset by what they are; feature files lie beside the triples."""
    found = {"entities": lines.need(folder, MARKS[0]), "relations": lines.need(folder, MARKS[1])}
    found |= {part: lines.need(folder, f"{part}2id.txt") for part in PARTS}
    features = {modality: feature_files.find(folder, *stems) for modality, stems in vectors.STEMS.items()}
    return found | {modality: file for modality, file in features.items() if file}


def build(name: str, files: Mapping[str, Path]) -> CompletionGraph:
    """Return one graph with split triples under the published ids; row ``i`` of a feature file is entity ``i``.

    Raises:
        DataError: a count that is wrong, a part without triples, an id that is unknown or comes twice, a column too
            few, features that do not match the entities or are not finite.
    """
    entities, relations = _labels(files["entities"], "entity"), _labels(files["relations"], "relation")
    ids = pd.RangeIndex(len(entities))
    features = {m: vectors.features(files[m], m, ids)[0] for m in vectors.STEMS if m in files}
    train, valid, test = (_triples(files[part], len(entities), len(relations)) for part in PARTS)
    pictured = vectors.pictured(features)
    graph = MultiModalGraph(entities, relations, train, features=features, pictured=pictured)
    return CompletionGraph(name, graph, valid, test)


def _labels(file: Path, what: str) -> list[str]:
    """Return the labels in the order of their ids, which are 0 to n-1 but may stand in any order."""
    rows = _counted(file, lines.rows(file, _LABEL, f"{what} label, id"), what)
    labels, ids = [_bare(label) for label, _ in rows], lines.integers([number for _, number in rows])
    _check_once(file, labels, f"{what} label")
    _check_once(file, ids, f"{what} id")
    _check_known(file, ids, len(rows), f"{what} id")
    return [labels[place] for place in np.argsort(ids)]


def _triples(file: Path, entities: int, relations: int) -> np.ndarray:
    """Return ``(triples, 3)`` head, relation, tail."""
    rows = _counted(file, lines.rows(file, _TRIPLE, "head id, tail id, relation id"), "triple")
    if not rows:
        raise DataError(f"{file}:1: expected at least one triple, found none")
    found = np.stack([lines.integers([row[column] for row in rows]) for column in (0, 2, 1)], axis=1)
    for column, what in enumerate(("head entity id", "relation id (third column)", "tail entity id")):
        _check_known(file, found[:, column], relations if column == 1 else entities, what)
    return found


def _counted(file: Path, rows: list[tuple[str, ...]], what: str) -> list[tuple[str, ...]]:
    """Return the rows without the first line, which counts them."""
    # A number that stands alone fills the last group of a label's pattern and the first one of a triple's.
    alone = [sum(map(bool, row)) == 1 for row in rows]
    if not rows or not alone[0]:
        found = "nothing" if not rows else repr(" ".join(rows[0])[:80])
        raise DataError(f"{file}:1: expected the number of {what} lines, found {found}")
    if True in alone[1:]:
        line = alone.index(True, 1)
        raise DataError(f"{file}:{line + 1}: expected a {what}, found only '{''.join(rows[line])}'")
    count = int("".join(rows[0]))
    if count != len(rows) - 1:
        raise DataError(f"{file}:1: expected {count} {what} lines, as this line says, found {len(rows) - 1}")
    return rows[1:]


def _check_once(file: Path, values: Sequence[str] | np.ndarray, what: str) -> None:
    twice = pd.Index(values).duplicated()
    if twice.any():
        place = int(twice.argmax())
        raise DataError(f"{file}:{place + 2}: expected every {what} once, found '{values[place]}' again")


def _check_known(file: Path, ids: np.ndarray, known: int, what: str) -> None:
    wrong = np.flatnonzero(ids >= known)
    if len(wrong):
        raise DataError(f"{file}:{wrong[0] + 2}: unknown {what} '{ids[wrong[0]]}' (known: 0 to {known - 1})")


def _bare(label: str) -> str:
    """Return an IRI without its brackets, as the other layouts have it."""
    return label[1:-1] if label[:1] == "<" and label[-1:] == ">" else label
