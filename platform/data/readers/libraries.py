"""Completion data as LibKGE and PyKEEN keep them, ids with labels beside them; triples of labels in parquet."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd

from kgprism.platform.data.graph import CompletionGraph, MultiModalGraph
from kgprism.platform.data.readers import lines, plain, pyg
from kgprism.platform.errors import DataError, first_line

PARTS = plain.PARTS
COLUMNS = ("head", "relation", "tail")

_LIBKGE = {"entities": "entity_ids.del", "relations": "relation_ids.del"} | {part: f"{part}.del" for part in PARTS}
LIBKGE_MARKS = tuple(_LIBKGE.values())

_PYKEEN = {"entities": "training/entity_to_id.tsv", "relations": "training/relation_to_id.tsv"}
_PYKEEN |= {
    part: f"{folder}/numeric_triples.tsv"
    for part, folder in zip(PARTS, ("training", "validation", "testing"), strict=True)
}
PYKEEN_MARKS = tuple(_PYKEEN.values())

PARQUET_MARKS = tuple(f"{part}.parquet" for part in PARTS)
#: How the three columns may be headed, in any order and either case.
_HEADS = (COLUMNS, ("subject", "predicate", "object"), ("h", "r", "t"), ("s", "p", "o"))


def libkge_sources(folder: Path) -> dict[str, Path]:
    """Return the files that LibKGE's preparation leaves; the triples are those of `plain`, names are there in some."""
    found = {what: lines.need(folder, file) for what, file in _LIBKGE.items()}
    names = lines.find(folder, "entity_strings.del")
    return found | ({"names": names} if names else {})


def pykeen_sources(folder: Path) -> dict[str, Path]:
    """Return the files below a folder of PyKEEN's `Dataset.to_directory_binary`; no pickle is read."""
    return {what: lines.need(folder, file) for what, file in _PYKEEN.items()}


def pykeen_build(name: str, files: Mapping[str, Path]) -> CompletionGraph:
    """Return one graph with split triples under PyKEEN's ids.

    Raises:
        DataError: another head, ids that do not count up from 0, a label that comes twice, an unknown id.
    """
    entities, relations = _labels(files["entities"], "entity"), _labels(files["relations"], "relation")
    limits = len(entities), len(relations), len(entities)
    train, valid, test = (_triples(files[part], limits) for part in PARTS)
    return CompletionGraph(name, MultiModalGraph(entities, relations, train), valid, test)


def parquet_sources(folder: Path) -> dict[str, Path]:
    """Return the three files."""
    return {part: lines.need(folder, mark) for part, mark in zip(PARTS, PARQUET_MARKS, strict=True)}


def parquet_build(name: str, files: Mapping[str, Path]) -> CompletionGraph:
    """Return one graph with split triples, ids by first appearance.

    Raises:
        DataError: without pyarrow, or if a file is none of parquet or has not three columns of labels.
    """
    return pyg.labelled(name, files, {part: _parquet(files[part]) for part in PARTS})


def _labels(file: Path, what: str) -> list[str]:
    """Return the labels of ``id, label`` below a head."""
    labels: list[str] = []
    for line, row in _below(file, "id", "label"):
        if len(row) != 2 or row[0] != str(len(labels)):
            raise DataError(f"{file}:{line}: expected the id {len(labels)} and a label, found {row}")
        labels.append(row[1].replace("\n", " "))
    lines.distinct(file, labels, f"{what} label")
    return labels


def _triples(file: Path, limits: Sequence[int]) -> np.ndarray:
    found = []
    for line, row in _below(file, *COLUMNS):
        numbers = [int(word) if word.isdecimal() else -1 for word in row]
        if len(row) != 3 or not all(0 <= n < known for n, known in zip(numbers, limits, strict=True)):
            told = ", ".join(f"{what} 0 to {known - 1}" for what, known in zip(COLUMNS, limits, strict=True))
            raise DataError(f"{file}:{line}: expected three ids ({told}), found {row}")
        found.append(numbers)
    return np.array(found, np.int64).reshape(-1, 3)


def _below(file: Path, *head: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the number and the cells of each row below the head, as pandas writes them."""
    reader = csv.reader(io.StringIO(lines.text(file)), delimiter="\t", strict=True)
    try:
        if (found := next(reader, [])) != list(head):
            raise DataError(f"{file}:1: expected the heads {', '.join(head)}, found {found}")
        for row in reader:
            yield reader.line_num, row
    except csv.Error as error:
        raise DataError(f"{file}:{reader.line_num}: cannot be read ({error})") from None


def _parquet(file: Path) -> np.ndarray:
    """Return the labels ``(triples, 3)`` head, relation, tail."""
    if find_spec("pyarrow") is None:
        raise DataError(f"{file}: to read parquet, pip install pyarrow")
    try:
        frame = pd.read_parquet(file, engine="pyarrow")
    except (OSError, ValueError, TypeError, LookupError, RuntimeError, MemoryError, ArithmeticError) as error:
        raise DataError(f"{file}: cannot be read: {first_line(error)[:200]}") from None
    places = {str(column).lower(): place for place, column in enumerate(frame.columns)}
    head = next((words for words in _HEADS if set(words) <= places.keys()), None)
    if head is None:
        found = ", ".join(map(str, frame.columns))
        raise DataError(f"{file}: expected the columns {', '.join(COLUMNS)}, found {found[:80]}")
    rows = frame.iloc[:, [places[word] for word in head]].to_numpy(dtype=object)
    if not len(rows):
        raise DataError(f"{file}: expected at least one triple, found none")
    for number, row in enumerate(rows.tolist(), 1):
        if wrong := [cell for cell in row if not isinstance(cell, str | int) or isinstance(cell, bool)]:
            raise DataError(f"{file}: row {number}: expected three labels, found {str(wrong[0])[:40]!r}")
    return np.array([[str(cell).replace("\n", " ") for cell in row] for row in rows.tolist()], dtype=object)
