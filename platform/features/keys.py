"""Which entity a file or a line means: by the number that the dataset's own files give it, or by its label."""

import csv
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote

from kgprism.platform.data.catalogue.feature_sets import sides
from kgprism.platform.data.catalogue.naming import HOLDOUT
from kgprism.platform.data.graph import Dataset
from kgprism.platform.data.readers import lines
from kgprism.platform.errors import DataError
from kgprism.platform.home import home

#: Where the layouts number entities, by side, and whether the number stands first.
_NUMBERED = {
    "kg1": (("kg1/entities.tsv", True), ("ent_ids_1", True)),
    "kg2": (("kg2/entities.tsv", True), ("ent_ids_2", True)),
    "kg": (("entities.tsv", True), ("entity2id.txt", False), ("entity_ids.del", True)),
}
#: What stands behind the entity where it has several pictures: 12_1.png, 12-2.png.
_COUNTED = re.compile(r"(.+)[_-]\d+")


@dataclass(frozen=True)
class Keys:
    """Of each side, what its entities are called in sources -> the row of the loaded graph."""

    known: Mapping[str, Mapping[str, int]]

    def find(self, word: str, side: str | None = None) -> list[tuple[str, int]]:
        """Return the entities that a word means, of one side or of all: side, row."""
        tried = list(dict.fromkeys((word, unquote(word))))
        found = []
        for name in [side] if side else self.known:
            rows = (self.known[name].get(one) for one in tried)
            found += [(name, row) for row in rows if row is not None][:1]
        return found

    def meant(self, word: str, side: str | None, place: str) -> tuple[str, int] | None:
        """Return the entity that a word means: the word itself, else without the number behind it.

        Raises:
            DataError: if it means an entity of each graph.
        """
        counted = _COUNTED.fullmatch(word)
        for one in (word, counted.group(1)) if counted else (word,):
            found = self.find(one, side)
            if len(found) > 1:
                told = f"{place}: both graphs have an entity '{one}'"
                raise DataError(f"{told}: put each graph's files into kg1/ and kg2/, or say kg1=... and kg2=...")
            if found:
                return found[0]
        return None


def keys_of(dataset: Dataset) -> Keys:
    """Return what the entities of a dataset are called: their numbers in its files win over labels.

    A label counts as it is, quoted as a file's name, and by what stands behind its last slash where that is nobody
    else's.
    """
    folder = home() / "data" / dataset.name.removesuffix(HOLDOUT)
    known = {}
    for side, graph in sides(dataset).items():
        rows = {label: row for row, label in enumerate(graph.entities)}
        short = _only(((label.rpartition("/")[2], row) for label, row in rows.items()))
        own = {number: rows[label] for number, label in _numbers(folder, side).items() if label in rows}
        known[side] = {**short, **{quote(label, safe=""): row for label, row in rows.items()}, **rows, **own}
    return Keys(known)


def _only(words: Iterable[tuple[str, int]]) -> dict[str, int]:
    """Return the words that stand for one row each."""
    found: dict[str, set[int]] = {}
    for word, row in words:
        for one in {word, unquote(word)}:
            found.setdefault(one, set()).add(row)
    return {word: next(iter(rows)) for word, rows in found.items() if len(rows) == 1 and word}


def _numbers(folder: Path, side: str) -> dict[str, str]:
    """Return the labels of a side by their numbers, where the layout has numbers."""
    for name, first in _NUMBERED[side]:
        if file := lines.find(folder, name):
            cells = csv.reader(lines.text(file).splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE)
            pairs = [row for row in cells if len(row) == 2]
            return {row[0 if first else 1]: row[1 if first else 0] for row in pairs}
    return {}
