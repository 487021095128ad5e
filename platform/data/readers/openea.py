"""The layout of OpenEA: labels instead of ids, five folds of links."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from kgprism.platform.data.graph import AlignedGraphs, MultiModalGraph
from kgprism.platform.data.readers import lines, order

MARKS = ("rel_triples_1", "rel_triples_2", "ent_links")
PARTS = ("train", "valid", "test")
#: The fold that becomes the published split.
FOLD = "721_5fold/1"


def sources(folder: Path) -> dict[str, Path]:
    """Return the files of a dataset by what they are."""
    found = {mark: lines.need(folder, mark) for mark in MARKS}
    optional = {f"attr_triples_{side}": lines.find(folder, f"attr_triples_{side}") for side in ("1", "2")}
    found |= {part: file for part, file in optional.items() if file}
    if (folder / FOLD).is_dir():
        found |= {part: lines.need(folder, f"{FOLD}/{part}_links") for part in PARTS}
    return found


def build(name: str, files: Mapping[str, Path]) -> AlignedGraphs:
    """Return two graphs, their pairs and the split of fold 1, the entities in hash order."""
    left, right = (_graph(files[f"rel_triples_{side}"], files.get(f"attr_triples_{side}")) for side in ("1", "2"))
    known = pd.Index(left.entities, dtype=object), pd.Index(right.entities, dtype=object)
    published = {part: _links(files[part], *known) for part in PARTS if part in files}
    return order.aligned(name, left, right, _links(files["ent_links"], *known), published)


def _graph(triples: Path, attributes: Path | None) -> MultiModalGraph:
    found = lines.rows(triples, r"\t".join([lines.TEXT] * 3), "head, relation, tail separated by tabs")
    # A value may hold tabs of its own.
    valued = (
        lines.rows(attributes, rf"{lines.TEXT}\t{lines.TEXT}[^\n]*+", "entity, attribute, value") if attributes else []
    )
    codes, entities = lines.codes([row[0] for row in found] + [row[2] for row in found] + [row[0] for row in valued])
    relation_codes, relations = lines.codes([row[1] for row in found])
    attribute_codes, names = lines.codes([row[1] for row in valued])
    heads, tails, holders = np.split(codes, [len(found), 2 * len(found)])
    return MultiModalGraph(
        entities=entities,
        relations=relations,
        triples=np.stack([heads, relation_codes, tails], axis=1),
        attributes=names,
        attribute_triples=np.stack([holders, attribute_codes], axis=1),
    )


def _links(file: Path, left: pd.Index, right: pd.Index) -> np.ndarray:
    found = lines.rows(file, rf"{lines.TEXT}\t{lines.TEXT}", "left entity, right entity separated by a tab")
    columns = [
        lines.positions(file, [row[i] for row in found], known, "entity") for i, known in enumerate((left, right))
    ]
    return np.stack(columns, axis=1)
