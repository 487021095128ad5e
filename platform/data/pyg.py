"""A dataset as PyTorch Geometric's ``HeteroData`` and back; nothing is lost on the way."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch_geometric.data import HeteroData

from kgprism.platform.data.graph import AlignedGraphs, CompletionGraph, Dataset, Features, MultiModalGraph
from kgprism.platform.errors import DataError

_SIDES = ("left", "right")
_RELATES, _HAS, _SAME = "relates", "has", "same_as"
#: What tensors hold, as NumPy's kinds of types and the number of axes.
_ENDS, _IDS, _MARKS, _VECTORS = (
    ("integers (2, n)", "iu", 2),
    ("integers (n,)", "iu", 1),
    ("bools (n,)", "b", 1),
    ("floats (n, width)", "f", 2),
)


def to_pyg(dataset: Dataset) -> HeteroData:
    """Return a dataset as ``HeteroData``, in memory of its own; `from_pyg` gives it back with the same fingerprint.

    A relation is a number on an edge, as `RGCNConv` and PyG's own knowledge graphs have it. As edge types of their own
    the thousands of relations would be as many modules of a `HeteroConv`, and the triples would lose their order.

    Raises:
        DataError: for anything but a dataset.
    """
    if not isinstance(dataset, AlignedGraphs | CompletionGraph):
        raise DataError(f"expected a dataset or its name, got {type(dataset).__name__}")
    data = HeteroData(name=dataset.name)
    if isinstance(dataset, CompletionGraph):
        _put(data, "entity", dataset.graph)
        parts = {"valid": dataset.valid, "test": dataset.test} | (
            {"known": dataset.known} if len(dataset.known) else {}
        )
        for part, triples in parts.items():
            _put_triples(data["entity", _RELATES, "entity"], triples, f"{part}_")
        return data
    for side in _SIDES:
        _put(data, side, getattr(dataset, side))
    same = data["left", _SAME, "right"]
    same.edge_label_index = _tensor(dataset.pairs.T)
    for part, pairs in dataset.published.items():
        same[f"{part}_edge_label_index"] = _tensor(pairs.T)
    return data


def _put(data: HeteroData, kind: str, graph: MultiModalGraph) -> None:
    nodes, edges = data[kind], data[kind, _RELATES, kind]
    nodes.num_nodes, nodes.label = len(graph.entities), list(graph.entities)
    if graph.names:
        nodes.name = list(graph.names)
    for modality, features in graph.features.items():
        shape = (len(graph.entities), features.values.shape[1])
        nodes[f"x_{modality}"] = torch.zeros(shape, dtype=_tensor(features.values[:0]).dtype)
        nodes[f"x_{modality}"][_tensor(features.entities)] = _tensor(features.values)
        nodes[f"{modality}_mask"] = _mask(features.entities, len(graph.entities))
    nodes.pictured = _mask(graph.pictured, len(graph.entities))
    _put_triples(edges, graph.triples, "")
    edges.relations = list(graph.relations)
    if graph.attributes:
        held = f"{kind}_attribute"
        data[held].num_nodes, data[held].label = len(graph.attributes), list(graph.attributes)
        data[kind, _HAS, held].edge_index = _tensor(graph.attribute_triples.T)


def _put_triples(edges: Any, triples: np.ndarray, prefix: str) -> None:
    edges[f"{prefix}edge_index"] = _tensor(triples[:, [0, 2]].T)
    edges[f"{prefix}edge_type"] = _tensor(triples[:, 1])


def _mask(ids: np.ndarray, entities: int) -> Tensor:
    mask = torch.zeros(entities, dtype=torch.bool)
    mask[_tensor(ids)] = True
    return mask


def _tensor(array: np.ndarray) -> Tensor:
    return torch.from_numpy(np.array(array, order="C"))  # a copy: cached arrays are read-only


def from_pyg(data: HeteroData) -> Dataset:
    """Return the dataset that `to_pyg` made ``HeteroData`` of, or that somebody has laid out in the same way.

    Entities are nodes of the type ``entity``, or ``left`` and ``right`` where two graphs are to be aligned. What must
    be there, for completion::

        data["entity"].label                                            list of str
        data["entity", "relates", "entity"].relations                   list of str
        data["entity", "relates", "entity"].edge_index, .edge_type      (2, triples), (triples,): those to train on
        data["entity", "relates", "entity"].valid_edge_index, .valid_edge_type, .test_edge_index, .test_edge_type

    For alignment ``data["left"].label`` and ``data["left", "relates", "left"].relations``, ``.edge_index`` and
    ``.edge_type``, the same of ``right``, and ``data["left", "same_as", "right"].edge_label_index`` (2, pairs).

    What may be there; anything else is not read::

        data.name                       str, else the dataset is called pyg
        data["entity"].name             list of str
        data["entity"].x_image          (entities, width) floats; so x_text, x_name
        data["entity"].image_mask       (entities,) bool, who has one: all, where there is no mask
        data["entity"].pictured         (entities,) bool, who has a published picture, vector or not
        data["entity_attribute"].label                                  list of str
        data["entity", "has", "entity_attribute"].edge_index            (2, rows), as the source repeats them
        data["entity", "relates", "entity"].known_edge_index, .known_edge_type      true, but of no split
        data["left", "same_as", "right"].train_edge_label_index         so test_ and valid_: a published split

    What is to be predicted is in no ``edge_index``, so that no convolution sees it.

    Raises:
        DataError: for anything but ``HeteroData``; or naming what is missing, does not match or points at no node.
    """
    if not isinstance(data, HeteroData):
        raise DataError(f"expected PyTorch Geometric's HeteroData, laid out as by to_pyg, got {type(data).__name__}")
    if missing := list(_missing(data)):
        raise DataError(f"HeteroData has no {', '.join(missing)}: help(kgprism.from_pyg) lists what must be there")
    name = str(getattr(data, "name", "pyg"))
    if "entity" in data.node_types:
        graph, found = _graph(data, "entity"), _store(data, ("entity", _RELATES, "entity"))
        parts = ["valid", "test", *(["known"] if "known_edge_index" in found else [])]
        triples = {part: _triples(data, "entity", len(graph.relations), f"{part}_") for part in parts}
        return CompletionGraph(name, graph, **triples)
    left, right = (_graph(data, side) for side in _SIDES)
    place, ending, limits = ("left", _SAME, "right"), "_edge_label_index", (len(left.entities), len(right.entities))
    parts = [key.removesuffix(ending) for key in _store(data, place) if key.endswith(ending)]
    published = {part: _index(data, place, part + ending, *limits) for part in parts}
    return AlignedGraphs(name, left, right, _index(data, place, "edge_label_index", *limits), published)


def _missing(data: HeteroData) -> Iterator[str]:
    """Yield what must be there and is not."""
    if not {"entity", *_SIDES} & set(data.node_types):
        yield "data['entity'] (completion), nor data['left'] and data['right'] (alignment)"
        return
    sides = ("entity",) if "entity" in data.node_types else _SIDES
    wanted: dict[tuple[str, ...], list[str]] = {}
    for kind in sides:
        wanted |= {(kind,): ["label"], (kind, _RELATES, kind): ["relations", "edge_index", "edge_type"]}
    if sides is _SIDES:
        wanted["left", _SAME, "right"] = ["edge_label_index"]
    else:
        parts = [f"{part}_{key}" for part in ("valid", "test") for key in ("edge_index", "edge_type")]
        wanted["entity", _RELATES, "entity"] += parts
    there = [*((kind,) for kind in data.node_types), *data.edge_types]
    for place, keys in wanted.items():
        found = _store(data, place) if place in there else {}
        yield from (f"{_said(place)}.{key}" for key in keys if key not in found)


def _graph(data: HeteroData, kind: str) -> MultiModalGraph:
    nodes = _store(data, (kind,))
    labels, relations = _texts(data, (kind,), "label"), _texts(data, (kind, _RELATES, kind), "relations")
    optional: dict[str, Any] = {}
    if "name" in nodes:
        optional["names"] = _texts(data, (kind,), "name", len(labels))
    if "pictured" in nodes:
        optional["pictured"] = np.flatnonzero(_rows(data, (kind,), "pictured", len(labels), _MARKS))
    if f"{kind}_attribute" in data.node_types:
        optional["attributes"] = _texts(data, (f"{kind}_attribute",), "label")
        limits = (len(labels), len(optional["attributes"]))
        optional["attribute_triples"] = _index(data, (kind, _HAS, f"{kind}_attribute"), "edge_index", *limits)
    features = {key[2:]: _features(data, kind, key[2:], len(labels)) for key in nodes if key.startswith("x_")}
    return MultiModalGraph(labels, relations, _triples(data, kind, len(relations), ""), features=features, **optional)


def _features(data: HeteroData, kind: str, modality: str, entities: int) -> Features:
    values, key = _rows(data, (kind,), f"x_{modality}", entities, _VECTORS), f"{modality}_mask"
    mask = _rows(data, (kind,), key, entities, _MARKS) if key in data[kind] else np.ones(entities, bool)
    return Features(np.flatnonzero(mask), values[mask])


def _triples(data: HeteroData, kind: str, relations: int, prefix: str) -> np.ndarray:
    """Return ``(triples, 3)`` head, relation, tail."""
    place, entities = (kind, _RELATES, kind), len(data[kind].label)
    ends = _index(data, place, f"{prefix}edge_index", entities, entities)
    types = _rows(data, place, f"{prefix}edge_type", len(ends), _IDS)
    _check_known(place, f"{prefix}edge_type", types, relations)
    return np.stack([ends[:, 0], types, ends[:, 1]], axis=1)


def _index(data: HeteroData, place: tuple[str, ...], key: str, *limits: int) -> np.ndarray:
    """Return the pairs of nodes ``(rows, 2)``."""
    found = _rows(data, place, key, 2, _ENDS)
    for ids, limit in zip(found, limits, strict=True):
        _check_known(place, key, ids, limit)
    return np.ascontiguousarray(found.T)


def _check_known(place: tuple[str, ...], key: str, ids: np.ndarray, limit: int) -> None:
    wrong = ids[(ids < 0) | (ids >= limit)]
    if len(wrong):
        raise DataError(f"{_said(place)}.{key}: unknown id {wrong[0]} (known: 0 to {limit - 1})")


def _rows(data: HeteroData, place: tuple[str, ...], key: str, rows: int, form: tuple[str, str, int]) -> np.ndarray:
    """Return a tensor of that form as an array of so many rows."""
    (said, kinds, axes), value = form, _value(data, place, key)
    if not isinstance(value, Tensor):
        raise DataError(f"{_said(place)}.{key}: expected a tensor of {said}, got {type(value).__name__}")
    value = value.detach().cpu().to_dense()
    array = np.asarray((value.float() if value.dtype is torch.bfloat16 else value).numpy())
    if array.dtype.kind not in kinds or array.ndim != axes:
        raise DataError(f"{_said(place)}.{key}: expected {said}, got {array.dtype} {array.shape}")
    if len(array) != rows:
        raise DataError(f"{_said(place)}.{key}: expected {rows} rows, found {len(array)}")
    return array


def _texts(data: HeteroData, place: tuple[str, ...], key: str, rows: int | None = None) -> list[str]:
    value = _value(data, place, key)
    if not isinstance(value, list | tuple | np.ndarray):
        raise DataError(f"{_said(place)}.{key}: expected a list of texts, got {type(value).__name__}")
    texts = [str(text).replace("\n", " ") for text in value]
    if rows is not None and len(texts) != rows:
        raise DataError(f"{_said(place)}.{key}: expected {rows} texts, found {len(texts)}")
    return texts


def _value(data: HeteroData, place: tuple[str, ...], key: str) -> Any:
    store = _store(data, place)
    if key not in store:
        raise DataError(f"{_said(place)} has no '{key}'")
    return store[key]


def _store(data: HeteroData, place: tuple[str, ...]) -> Mapping[str, Any]:
    """Return what a type of nodes or edges has; to ask for one that is not there would make it."""
    if place not in [*((kind,) for kind in data.node_types), *data.edge_types]:
        raise DataError(f"there is no {_said(place)}: kgprism.to_pyg tells what is expected")
    found: Mapping[str, Any] = data[place if len(place) > 1 else place[0]]
    return found


def _said(place: tuple[str, ...]) -> str:
    return f"data[{', '.join(map(repr, place))}]"
