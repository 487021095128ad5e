"""The layout of DBP15K as EVA and MCLEA distribute it: one id space for both graphs, attributes by entity label."""

import glob
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from kgprism.platform.data import surface_forms
from kgprism.platform.data.graph import AlignedGraphs, Features, MultiModalGraph
from kgprism.platform.data.readers import feature_files, lines, order, vectors
from kgprism.platform.errors import DataError, first_line

MARKS = ("ent_ids_1", "ent_ids_2", "triples_1", "triples_2", "ill_ent_ids")
SIDES = ("1", "2")


def sources(folder: Path) -> dict[str, Path]:
    """Return the files of a dataset by what they are; pickle and names may also lie one folder above, as published."""
    found = {mark: lines.need(folder, mark) for mark in MARKS}
    attributes = {f"training_attrs_{side}": lines.find(folder, f"training_attrs_{side}") for side in SIDES}
    found |= {part: file for part, file in attributes.items() if file}
    beside = f"{glob.escape(folder.name.lower())}_*img*"
    if images := feature_files.find(folder, "*img*") or feature_files.find(folder.parent, beside):
        found["images"] = images
    names = [*sorted(folder.glob("dbp_*.json")), *sorted(folder.glob("translated_ent_name/dbp_*.json"))]
    names += folder.parent.glob(f"translated_ent_name/dbp_{folder.name}.json")
    found |= {"names": names[0]} if names else {}
    return found | surface_forms.vector_files(folder)


def build(name: str, files: Mapping[str, Path]) -> AlignedGraphs:
    """Return two graphs and their pairs, the entities in hash order; relations are labelled by their published ids."""
    entities = [_entities(files[f"ent_ids_{side}"]) for side in SIDES]
    ids = [lines.distinct(files[f"ent_ids_{side}"], own[0], "id") for side, own in zip(SIDES, entities, strict=True)]
    if len(shared := ids[0].intersection(ids[1])):
        raise DataError(f"{files['ent_ids_2']}: expected ids that ent_ids_1 does not have, found {shared[0]} in both")
    features: list[dict[str, Features]] = [{}, {}]
    if "images" in files:
        features = [{"image": found} for found in vectors.features(files["images"], "image", *ids)]
    names = _names(files["names"], ids[0].union(ids[1])) if "names" in files else {}
    left, right = (
        _graph(files, side, own, labels, found, names)
        for side, own, (_, labels), found in zip(SIDES, ids, entities, features, strict=True)
    )
    left, right = surface_forms.with_vectors(files, left, right)
    pairs = lines.numbers(files["ill_ent_ids"], "left entity id", "right entity id")
    for column, what in enumerate(("left entity id", "right entity id")):
        pairs[:, column] = lines.positions(files["ill_ent_ids"], pairs[:, column], ids[column], what)
    return order.aligned(name, left, right, pairs, {})


def _entities(file: Path) -> tuple[np.ndarray, list[str]]:
    found = lines.rows(file, rf"{lines.NUMBER}\t{lines.TEXT}", "entity id, entity label separated by tabs")
    return lines.integers([number for number, _ in found]), [label for _, label in found]


def _graph(
    files: Mapping[str, Path],
    side: str,
    ids: pd.Index,
    labels: list[str],
    features: Mapping[str, Features],
    names: Mapping[int, str],
) -> MultiModalGraph:
    triples = lines.numbers(files[f"triples_{side}"], "head id", "relation id", "tail id")
    for column, what in ((0, "head entity id"), (2, "tail entity id")):
        triples[:, column] = lines.positions(files[f"triples_{side}"], triples[:, column], ids, what)
    relations, triples[:, 1] = np.unique(triples[:, 1], return_inverse=True)
    known = lines.distinct(files[f"ent_ids_{side}"], labels, "entity label")
    attributes, attribute_triples = list[str](), np.zeros((0, 2), np.int64)
    if file := files.get(f"training_attrs_{side}"):
        attributes, attribute_triples = _attributes(file, known)
    return MultiModalGraph(
        entities=labels,
        relations=[str(relation) for relation in relations],
        triples=triples,
        attributes=attributes,
        attribute_triples=attribute_triples,
        features=features,
        pictured=vectors.pictured(features),
        names=[names.get(number, "") for number in ids] if names else [],
    )


def _attributes(file: Path, labels: pd.Index) -> tuple[list[str], np.ndarray]:
    """Read one line an entity: its label, then its attributes."""
    found = lines.rows(file, r"([^\t\n]++)((?:\t[^\t\n]*+)*+)", "entity label, attribute, attribute and so on by tabs")
    entities = lines.positions(file, [label for label, _ in found], labels, "entity")
    listed = [[attribute for attribute in rest.split("\t") if attribute] for _, rest in found]
    codes, attributes = lines.codes([attribute for row in listed for attribute in row])
    return attributes, np.stack([np.repeat(entities, [len(row) for row in listed]), codes], axis=1)


def _names(file: Path, ids: pd.Index) -> dict[int, str]:
    """Read ``[[entity id, [word, word]], ...]``, the translated names of both graphs; a name may also be one string."""
    try:
        listed = json.loads(lines.text(file))
    except (ValueError, RecursionError) as error:
        raise DataError(f"{file}: {_NAMES} ({first_line(error)})") from None
    if not isinstance(listed, list):
        raise DataError(f"{file}: {_NAMES}, found {type(listed).__name__}")
    names = dict(_name(file, place, entry) for place, entry in enumerate(listed))
    if stray := names.keys() - set(ids):
        raise DataError(f"{file}: unknown entity id {min(stray)}")
    return names


_NAMES = "expected [[entity id, [word, ...]], ...]"


def _name(file: Path, place: int, entry: Any) -> tuple[int, str]:
    """Return the entity and the name of an entry."""
    entity, words = entry if isinstance(entry, list) and len(entry) == 2 else (None, None)
    if isinstance(entity, str) and re.fullmatch("[0-9]{1,18}", entity):
        entity = int(entity)
    words = [words] if isinstance(words, str) else words
    if not isinstance(entity, int) or isinstance(entity, bool) or not isinstance(words, list):
        raise DataError(f"{file}: {_NAMES}, found {_shown(entry)} in place {place}")
    if wrong := [word for word in words if not isinstance(word, str)]:
        raise DataError(f"{file}: entity {entity}: expected words, found {_shown(wrong[0])}")
    # A name is one line, in letters that UTF-8 has: half a surrogate pair is none.
    return entity, " ".join(words).replace("\n", " ").encode(errors="replace").decode()


def _shown(found: Any) -> str:
    return f"{str(found)[:40]!r} ({type(found).__name__})"
