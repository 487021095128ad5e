"""MMRNS: attention, chances, draws without replacement, what their gradients reach."""

import math

import pytest
import torch
from pydantic import ValidationError

from kgprism.platform.batch import Triples
from kgprism.platform.data.inputs.training_graph import TrainingGraph
from kgprism.platform.errors import ConfigurationError
from kgprism.platform.families.triple_model import TripleModel
from kgprism.platform.nn.negatives.cross_modal_attention import CrossModalAttention, Looks, cosines
from kgprism.platform.nn.negatives.mmrns import MMRNS, contrastive, straight_through
from kgprism.platform.nn.scoring.scorers import TransEL1
from kgprism.platform.part import Slot

TRIPLES = torch.tensor([(0, 0, 2), (0, 0, 3), (0, 0, 4), (1, 1, 3), (5, 1, 3)])
DRAW = torch.Generator().manual_seed(2)
FEATURES = {"image": torch.randn(30, 12, generator=DRAW), "text": torch.randn(30, 10, generator=DRAW)}
GRAPH = TrainingGraph(30, 2, TRIPLES, FEATURES, {})
SMALL = {"width": 5, "hidden": 6, "candidates": 20, "count": 4}


class Resembling(TripleModel):
    class Config(TripleModel.Config):
        negatives: Slot[MMRNS.Config] = MMRNS.Config()


@pytest.fixture(autouse=True)
def seed() -> None:
    torch.manual_seed(0)


def model(graph: TrainingGraph = GRAPH, **settings) -> Resembling:
    part = MMRNS.Config(**(SMALL | settings))
    return Resembling(Resembling.Config(scoring=TransEL1.Config(dim=4, margin=3.0), negatives=part), graph, 0)


def attention(image_tokens: int = 3, text_tokens: int = 2) -> CrossModalAttention:
    image, text = FEATURES["image"].unflatten(1, (image_tokens, -1)), FEATURES["text"].unflatten(1, (text_tokens, -1))
    return CrossModalAttention(image, text, entity_width=4, relation_width=3, width=5, hidden=6)


def test_attention_is_its_formula_token_by_token() -> None:
    net, structure, relation = attention(), torch.randn(4), torch.randn(3)
    found = net(torch.tensor([7]), structure[None], relation[None])
    images = torch.nn.functional.leaky_relu(net.of_image(net.image[7]), 0.1)
    texts = torch.nn.functional.leaky_relu(net.of_text(net.text[7]), 0.1)
    agree = torch.stack([torch.stack([i @ x for x in texts]) for i in images])
    gates = [(gate(relation)).sigmoid().view(3, 2) for gate in (net.image_gate, net.text_gate)]
    seen = []
    for x in range(2):
        plain = sum(agree[:, x].softmax(0)[i] * images[i] for i in range(3))
        gated = sum(gates[0][i, x] * agree[i, x] * images[i] for i in range(3))
        seen.append(net.norm(plain) + net.norm(gated))
    read = []
    for i in range(3):
        plain = sum(agree[i].softmax(0)[x] * texts[x] for x in range(2))
        gated = sum(gates[1][i, x] * agree[i, x] * texts[x] for x in range(2))
        read.append(net.norm(plain) + net.norm(gated))
    torch.testing.assert_close(found.image[0], net.image_out(torch.cat(seen)))
    torch.testing.assert_close(found.text[0], net.text_out(torch.cat(read)))
    joined = torch.cat([net.of_entity.weight, net.of_relation.weight], 1) @ torch.cat([structure, relation])
    hidden = torch.nn.functional.leaky_relu(joined + net.of_entity.bias, 0.1)
    torch.testing.assert_close(found.structure[0], structure * net.structure_gate(hidden).sigmoid())


def test_attention_over_a_grid_is_that_of_each_pair() -> None:
    net, ids, structure, relation = attention(), torch.tensor([3, 9, 4]), torch.randn(3, 4), torch.randn(2, 3)
    grid = net(ids[None], structure[None], relation[:, None])
    for r in range(2):
        for branch, row in zip(grid, net(ids, structure, relation[r].expand(3, 3)), strict=True):
            torch.testing.assert_close(branch.expand(2, 3, -1)[r], row)


def test_with_one_token_each_only_structure_sees_the_relation() -> None:
    net, ids, structure = attention(1, 1), torch.tensor([3, 9, 4]), torch.randn(3, 4)
    net.norm.eps = 0.0
    one, other = (net(ids, structure, torch.randn(3, 3)) for _ in range(2))
    torch.testing.assert_close(one.image, other.image, rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(one.text, other.text, rtol=1e-3, atol=1e-4)
    assert (one.structure - other.structure).abs().max() > 0.01


def test_cosines_are_cosines_whose_lengths_are_constants() -> None:
    candidates, true = torch.randn(2, 3, 5, requires_grad=True), torch.randn(2, 5)
    found = cosines(candidates, true)
    torch.testing.assert_close(found, torch.cosine_similarity(candidates, true[:, None], dim=2))
    found[1, 2].backward()
    expected = true[1] / (candidates[1, 2].detach().norm() * true[1].norm())
    torch.testing.assert_close(candidates.grad[1, 2], expected)


@pytest.mark.parametrize("step", [0, 99])
def test_chances_are_the_mean_of_three_softmaxes_and_sum_to_one(step: int) -> None:
    similar = Looks(*torch.rand(3, 2, 6))
    chances = model().negatives.chances(similar, step)
    torch.testing.assert_close(chances.sum(1), torch.ones(2))
    temperature = 10 / (1 + math.log(step + 1))
    torch.testing.assert_close(chances, sum((c / temperature).softmax(1) for c in similar) / 3)


@pytest.mark.parametrize("step", [0, 1])
def test_draws_are_distinct_and_known_triples_stay_out(step: int) -> None:
    method = model(candidates=30, count=26)
    negatives = method.negatives.sample(Triples(TRIPLES, step, seed=step), method.view())
    assert negatives.head.all() if step else not negatives.head.any()
    for row, (h, r, t) in enumerate(TRIPLES.tolist()):
        drawn = negatives.entities[row].tolist()
        assert len(set(drawn)) == 26
        corrupted = {(e, r, t) if step else (h, r, e) for e in drawn}
        assert not corrupted & {tuple(triple) for triple in TRIPLES.tolist()}
    torch.testing.assert_close(negatives.vectors, method.view().joint[negatives.entities])


def test_known_triples_come_when_nothing_else_is_left() -> None:
    method = model(candidates=30, count=30)
    negatives = method.negatives.sample(Triples(TRIPLES), method.view())
    assert negatives.entities.sort(1).values.tolist() == [list(range(30))] * 5
    # The last ones are the known tails of (0, 0): 2, 3 and 4.
    assert set(negatives.entities[0, -3:].tolist()) == {2, 3, 4}
    assert all(loss.isfinite() for loss in method(Triples(TRIPLES)).values())


def test_straight_through_is_the_drawn_row_forwards_and_a_softmax_over_those_left_backwards() -> None:
    merit, rows, weight = torch.randn(1, 5, requires_grad=True), torch.randn(5, 3), torch.randn(3)
    places = merit.topk(2, 1).indices
    found = straight_through(merit, places, rows)
    torch.testing.assert_close(found, rows[places])
    for draw in range(2):
        gradient = torch.autograd.grad(found[0, draw] @ weight, merit, retain_graph=True)[0][0]
        left = torch.ones(5, dtype=torch.bool)
        left[places[0, :draw]] = False
        p = torch.zeros(5).masked_scatter(left, merit.detach()[0, left].softmax(0))
        worth = rows @ weight
        torch.testing.assert_close(gradient, p * (worth - p @ worth))


def test_the_scorers_loss_trains_attention_and_the_drawn_rows() -> None:
    method = model(contrast=0.0, image_tokens=3, text_tokens=2)
    batch = Triples(TRIPLES)
    terms = method(batch)
    assert set(terms) == {"triples"}
    terms["triples"].backward()
    for key, parameter in method.negatives.named_parameters():
        assert parameter.grad.any(), key
    drawn = method.negatives.sample(batch, method.view()).entities.unique()
    assert method.entities.weight.grad[drawn].any(1).all()


def test_the_contrastive_term_is_the_log_ratio_of_two_masses() -> None:
    cosine = torch.tensor([[0.5, -0.2], [0.1, 0.9]])
    known = torch.tensor([[True, False], [False, False]])
    weights = torch.tensor([[1.0, 0.5], [2.0, 1.0]])
    positive = math.exp(0.5)
    negative = 0.5 * math.exp(-0.2) + 2 * math.exp(0.1) + math.exp(0.9)
    assert contrastive(cosine, known, weights).item() == pytest.approx(-math.log(positive / negative))
    for same in (torch.zeros_like(known), torch.ones_like(known)):
        cosine = cosine.detach().requires_grad_()
        contrastive(cosine, same, weights).backward()
        assert cosine.grad.tolist() == [[0, 0], [0, 0]]


def test_the_contrastive_term_scales_with_its_weight_over_three() -> None:
    batch = Triples(TRIPLES)
    found = {}
    for contrast in (0.3, 0.6):
        method = model(contrast=contrast, candidates=30)
        found[contrast] = method(batch)["contrast"].item()
        term = method.negatives.sample(batch, method.view()).contrast.item()
        assert found[contrast] == pytest.approx(contrast / 3 * term)
    assert found[0.6] == pytest.approx(2 * found[0.3])


def test_attention_has_a_rate_of_its_own() -> None:
    assert model(learning_rate=1e-4).groups()[1]["rate_factor"] == pytest.approx(0.1)


def test_what_cannot_be_is_refused_by_a_line_that_names_the_key() -> None:
    lacking = TrainingGraph(30, 2, TRIPLES, {"image": FEATURES["image"]}, {})
    with pytest.raises(ConfigurationError, match=r"modalities: .*mmrns.*'text' is missing"):
        model(lacking)
    with pytest.raises(ConfigurationError, match=r"negatives\.image_tokens: .*width 12 .* into 5 \(try 4\)"):
        model(image_tokens=5)
    with pytest.raises(ConfigurationError, match=r"negatives\.count: 31 of 30 entities"):
        model(count=31, candidates=40)
    with pytest.raises(ValidationError, match="count: 9 different negatives"):
        MMRNS.Config(count=9, candidates=8)
