"""A dataset as ``HeteroData``: every number where the docstring says it is, and back without a loss."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch_geometric.data import Data, HeteroData
from torch_geometric.nn import RGCNConv

import kgprism
from kgprism.platform.data.catalogue import toy
from kgprism.platform.data.graph import AlignedGraphs, CompletionGraph, Dataset, Features, MultiModalGraph
from kgprism.platform.data.readers import layouts
from kgprism.platform.errors import DataError

GRAPH = MultiModalGraph(
    entities=["a", "b", "c", "d"],
    relations=["r", "s"],
    triples=np.array([[2, 1, 0], [0, 0, 1], [0, 1, 1]]),
    attributes=["red"],
    attribute_triples=np.array([[3, 0], [1, 0], [1, 0]]),
    features={"image": Features(np.array([1, 3]), np.array([[0.5, 0.0], [0.0, 2.0]], np.float16))},
    pictured=np.array([1, 2, 3]),
    names=["A", "", "C", "D"],
)
PLAIN = MultiModalGraph(["x", "y"], ["t"], np.array([[1, 0, 0]]))
ALIGNED = AlignedGraphs("pair", GRAPH, PLAIN, np.array([[3, 1], [0, 0]]), {"train": np.array([[0, 0]])})
COMPLETION = CompletionGraph(
    "one", GRAPH, np.array([[0, 0, 2]]), np.array([[1, 1, 3], [3, 0, 3]]), np.array([[3, 1, 2]])
)
MADE: dict[str, Callable[[], Dataset]] = {
    "toy": toy.aligned,
    "toy-completion": toy.completion,
    "aligned": lambda: ALIGNED,
    "completion": lambda: COMPLETION,
    "nothing known": lambda: replace(COMPLETION, known=np.zeros((0, 3), np.int64)),
}


@pytest.mark.parametrize("make", MADE.values(), ids=MADE)
def test_there_and_back_is_the_same_dataset(make: Callable[[], Dataset]) -> None:
    dataset = make()
    data = kgprism.to_pyg(dataset)
    assert data.validate()
    back = kgprism.from_pyg(data)
    assert (type(back), back.name, back.fingerprint) == (type(dataset), dataset.name, dataset.fingerprint)


@pytest.mark.real
@pytest.mark.parametrize("name", ["DBP15K_FR_EN", "FB15K-DB15K", "DB15K", "MKG-Y", "raw/openke/DB15K"])
def test_there_and_back_is_the_same_real_dataset(real: Path, name: str) -> None:
    if not (real / name).exists():
        pytest.skip(f"no {real / name}")
    dataset = layouts.read("real", real / name)
    back = kgprism.from_pyg(kgprism.to_pyg(dataset))
    assert (type(back), back.fingerprint) == (type(dataset), dataset.fingerprint)


def test_what_stands_where_in_a_graph() -> None:
    data = kgprism.to_pyg(COMPLETION)
    nodes, edges = data["entity"], data["entity", "relates", "entity"]
    assert (nodes.num_nodes, nodes.label, nodes.name) == (4, ["a", "b", "c", "d"], ["A", "", "C", "D"])
    assert torch.equal(nodes.x_image, torch.tensor([[0, 0], [0.5, 0], [0, 0], [0, 2]], dtype=torch.float16))
    assert nodes.image_mask.tolist() == [False, True, False, True]
    assert nodes.pictured.tolist() == [False, True, True, True]
    assert edges.edge_index.tolist() == [[2, 0, 0], [0, 1, 1]]
    assert edges.edge_type.tolist() == [1, 0, 1]
    assert edges.relations == ["r", "s"]
    assert (edges.valid_edge_index.tolist(), edges.valid_edge_type.tolist()) == ([[0], [2]], [0])
    assert (edges.test_edge_index.tolist(), edges.test_edge_type.tolist()) == ([[1, 3], [3, 3]], [1, 0])
    assert (edges.known_edge_index.tolist(), edges.known_edge_type.tolist()) == ([[3], [2]], [1])
    assert data["entity_attribute"].label == ["red"]
    assert data["entity", "has", "entity_attribute"].edge_index.tolist() == [[3, 1, 1], [0, 0, 0]]


def test_what_stands_where_between_two_graphs() -> None:
    data = kgprism.to_pyg(ALIGNED)
    assert data.node_types == ["left", "left_attribute", "right"]
    assert data["left", "relates", "left"].edge_index.tolist() == [[2, 0, 0], [0, 1, 1]]
    assert data["right", "relates", "right"].edge_index.tolist() == [[1], [0]]
    same = data["left", "same_as", "right"]
    assert same.edge_label_index.tolist() == [[3, 0], [1, 0]]
    assert same.train_edge_label_index.tolist() == [[0], [0]]


@pytest.mark.parametrize("dataset", [ALIGNED, COMPLETION], ids=["aligned", "completion"])
def test_no_convolution_sees_what_is_to_be_predicted(dataset: Dataset) -> None:
    edges = kgprism.to_pyg(dataset).edge_index_dict
    assert {kinds[1] for kinds in edges} == {"relates", "has"}
    graphs = [dataset.graph] if isinstance(dataset, CompletionGraph) else [dataset.left, dataset.right]
    assert sum(index.shape[1] for kinds, index in edges.items() if kinds[1] == "relates") == sum(
        len(graph.triples) for graph in graphs
    )


def test_a_relational_convolution_takes_it_as_it_is() -> None:
    """The sum over neighbours by hand: with one weight a relation, 10 for r and 100 for s, and no other part."""
    data = kgprism.to_pyg(COMPLETION)
    conv = RGCNConv(1, 1, num_relations=2, aggr="add", root_weight=False, bias=False)
    with torch.no_grad():
        conv.weight.copy_(torch.tensor([10.0, 100.0]).view(2, 1, 1))
    edges = data["entity", "relates", "entity"]
    seen = conv(torch.tensor([[1.0], [2.0], [3.0], [4.0]]), edges.edge_index, edges.edge_type)
    assert seen.flatten().tolist() == [300.0, 110.0, 0.0, 0.0]


def test_the_tensors_are_copies() -> None:
    dataset = toy.completion()
    data = kgprism.to_pyg(dataset)
    data["entity"].x_image.zero_()
    data["entity", "relates", "entity"].edge_type.zero_()
    assert dataset.graph.features["image"].values.any()
    assert dataset.graph.triples[:, 1].any()


def test_what_somebody_lays_out_needs_no_more_than_the_graph() -> None:
    data = HeteroData()
    data["entity"].label = ["a", "b"]
    data["entity"].x_text = torch.ones(2, 3)
    edges = data["entity", "relates", "entity"]
    edges.relations, edges.edge_index, edges.edge_type = ["r"], torch.tensor([[0], [1]]), torch.tensor([0])
    for part in ("valid", "test"):
        edges[f"{part}_edge_index"], edges[f"{part}_edge_type"] = torch.tensor([[1], [0]]), torch.tensor([0])
    found = kgprism.from_pyg(data)
    assert isinstance(found, CompletionGraph)
    assert (found.graph.triples.tolist(), found.test.tolist()) == ([[0, 0, 1]], [[1, 0, 0]])
    assert found.graph.features["text"].entities.tolist() == [0, 1]


def spoilt(dataset: Dataset, place: str | tuple[str, ...], key: str, value: object) -> HeteroData:
    data = kgprism.to_pyg(dataset)
    if value is None:
        del data[place][key]
    else:
        data[place][key] = value
    return data


RELATES = ("entity", "relates", "entity")
LISTED = ": help(kgprism.from_pyg) lists what must be there"
EDGES = [f"{part}edge_{what}" for part in ("", "valid_", "test_") for what in ("index", "type")]
NEEDED = ["data['entity'].label", *(f"data['entity', 'relates', 'entity'].{key}" for key in ("relations", *EDGES))]


def bare(entities: int) -> HeteroData:
    """Return entities that have no more than vectors."""
    data = HeteroData()
    data["entity"].x = torch.ones(entities, 2)
    return data


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            HeteroData(),
            "HeteroData has no data['entity'] (completion), nor data['left'] and data['right'] (alignment)" + LISTED,
        ),
        (spoilt(COMPLETION, "entity", "label", None), "HeteroData has no data['entity'].label" + LISTED),
        (bare(4), f"HeteroData has no {', '.join(NEEDED)}{LISTED}"),
        (Data(x=torch.ones(2, 1)), "expected PyTorch Geometric's HeteroData, laid out as by to_pyg, got Data"),
        (COMPLETION, "expected PyTorch Geometric's HeteroData, laid out as by to_pyg, got CompletionGraph"),
        (
            spoilt(COMPLETION, RELATES, "edge_type", [1, 0, 1]),
            "data['entity', 'relates', 'entity'].edge_type: expected a tensor of integers (n,), got list",
        ),
        (
            spoilt(COMPLETION, RELATES, "edge_index", torch.zeros(2, 3)),
            "data['entity', 'relates', 'entity'].edge_index: expected integers (2, n), got float32 (2, 3)",
        ),
        (
            spoilt(COMPLETION, "entity", "image_mask", torch.ones(4, dtype=torch.int64)),
            "data['entity'].image_mask: expected bools (n,), got int64 (4,)",
        ),
        (
            spoilt(COMPLETION, "entity", "x_image", torch.ones(4)),
            "data['entity'].x_image: expected floats (n, width), got float32 (4,)",
        ),
        (
            spoilt(COMPLETION, RELATES, "relations", torch.arange(2)),
            "data['entity', 'relates', 'entity'].relations: expected a list of texts, got Tensor",
        ),
        (spoilt(COMPLETION, "entity", "name", ["A"]), "data['entity'].name: expected 4 texts, found 1"),
        (
            spoilt(COMPLETION, "entity", "image_mask", torch.ones(3, dtype=torch.bool)),
            "data['entity'].image_mask: expected 4 rows, found 3",
        ),
        (
            spoilt(COMPLETION, RELATES, "edge_type", torch.tensor([0, 2, 1])),
            "data['entity', 'relates', 'entity'].edge_type: unknown id 2 (known: 0 to 1)",
        ),
        (
            spoilt(COMPLETION, RELATES, "test_edge_index", torch.tensor([[0, 4], [1, 1]])),
            "data['entity', 'relates', 'entity'].test_edge_index: unknown id 4 (known: 0 to 3)",
        ),
        (
            spoilt(ALIGNED, ("left", "same_as", "right"), "edge_label_index", None),
            "HeteroData has no data['left', 'same_as', 'right'].edge_label_index" + LISTED,
        ),
    ],
)
def test_what_does_not_fit_is_named_in_one_line(data: Any, message: str) -> None:
    with pytest.raises(DataError) as told:
        kgprism.from_pyg(data)
    assert str(told.value) == message


def test_the_docstring_lists_what_must_be_there() -> None:
    told = str(kgprism.from_pyg.__doc__)
    assert all(f".{key.rpartition('.')[2]}" in told for key in NEEDED)


def test_a_name_stands_for_its_dataset() -> None:
    assert kgprism.from_pyg(kgprism.to_pyg("toy")).fingerprint == toy.aligned().fingerprint
    with pytest.raises(DataError, match=r"^unknown dataset 'tou' \(did you mean 'toy'\?\)"):
        kgprism.to_pyg("tou")
    with pytest.raises(DataError, match=r"^expected a dataset or its name, got HeteroData$"):
        kgprism.to_pyg(HeteroData())  # type: ignore[arg-type]


def test_vectors_that_are_being_trained_or_halved_are_read() -> None:
    vectors = torch.tensor([[0.5], [0.0], [2.0], [1.0]], dtype=torch.bfloat16, requires_grad=True)
    found = kgprism.from_pyg(spoilt(COMPLETION, "entity", "x_image", vectors))
    assert isinstance(found, CompletionGraph)
    assert found.graph.features["image"].values.tolist() == [[0.0], [1.0]]


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (ALIGNED, "AlignedGraphs('pair': 4 + 2 entities, 3 + 1 triples, 2 pairs; relation)"),
        (COMPLETION, "CompletionGraph('one': 4 entities, 2 relations, 3 + 1 + 2 triples; image)"),
        (replace(COMPLETION, graph=PLAIN), "CompletionGraph('one': 2 entities, 1 relations, 1 + 1 + 2 triples; graph)"),
        (GRAPH, "MultiModalGraph(4 entities, 2 relations, 3 triples, 1 attributes, image)"),
        (GRAPH.features["image"], "Features(2 entities, width 2)"),
    ],
)
def test_a_notebook_shows_counts_not_arrays(found: object, said: str) -> None:
    assert repr(found) == said
