"""IKRL's four distances, and the model whose entities are structure and image."""

import pytest
import torch
from torch.nn.functional import normalize

from kgprism.methods.ikrl import IKRL
from kgprism.platform.batch import Triples
from kgprism.platform.data.inputs.training_graph import TrainingGraph
from kgprism.platform.errors import ConfigurationError
from kgprism.platform.nn.scoring.ikrl import IKRLScorer


def distance(head: torch.Tensor, relation: torch.Tensor, tail: torch.Tensor) -> torch.Tensor:
    return (normalize(head, dim=-1) + normalize(relation, dim=-1) - normalize(tail, dim=-1)).abs().sum(-1)


@pytest.mark.parametrize("side", ["head", "tail"])
def test_the_score_is_the_margin_less_four_distances(side) -> None:
    scorer = IKRLScorer.Config(dim=3, margin=5.0).build()
    heads, relations, tails = torch.randn(4, 6), torch.randn(4, 3), torch.randn(4, 6)
    (h, hv), (t, tv) = heads.chunk(2, 1), tails.chunk(2, 1)
    expected = 5 - sum(distance(x, relations, y) for x, y in ((h, t), (hv, tv), (hv, t), (h, tv)))
    known, other = (scorer.frame(rows) for rows in ((heads, tails) if side == "tail" else (tails, heads)))
    query = scorer.query(known, relations, side)
    torch.testing.assert_close(scorer.aligned(query, other), expected)
    torch.testing.assert_close(scorer.crossed(query, other).diagonal(), expected)
    order = torch.tensor([2, 0, 3])
    torch.testing.assert_close(scorer.selected(query, order, other, order), expected[order])
    within, across = scorer.parts(query, other)
    torch.testing.assert_close(within, distance(h, relations, t) + distance(hv, relations, tv))
    torch.testing.assert_close(across, distance(hv, relations, t) + distance(h, relations, tv))


def graph(features: dict[str, torch.Tensor]) -> TrainingGraph:
    return TrainingGraph(5, 2, torch.tensor([(0, 0, 1), (1, 1, 2), (3, 0, 4)]), features, {})


def test_tables_are_half_as_wide_as_what_is_scored_and_images_stay_as_they_are() -> None:
    table = torch.randn(5, 7)
    method = IKRL(IKRL.Config(scoring=IKRLScorer.Config(dim=4)), graph({"image": table}), 0)
    assert method.entities.weight.shape == (5, 4)
    assert method.relations.weight.shape == (2, 4)
    view = method.view()
    assert view.joint.shape == (5, 8)
    weight, bias = method.images.maps["image"][0].parameters()
    torch.testing.assert_close(view.joint[:, 4:], normalize(table @ weight.T + bias))
    sum(method(Triples(method.graph.triples)).values()).backward()
    assert method.entities.weight.grad.any()
    assert weight.grad.any()
    assert method.images.features["image"].grad is None
    known, relation = torch.tensor([0, 3]), torch.tensor([1, 0])
    assert method.answer()(known, relation, "tail").shape == (2, 5)


def test_without_images_the_key_is_named() -> None:
    with pytest.raises(ConfigurationError, match=r"modalities: .*'image'"):
        IKRL(IKRL.Config(), graph({}), 0)
