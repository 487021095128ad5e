"""Every scorer against its formula, written out for one triple; starts within their bounds."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from kgprism.platform.families.triple_model import TripleModel
from kgprism.platform.nn.scoring.projected import PairRE, TransD
from kgprism.platform.nn.scoring.scorers import ComplEx, DistMult, Popularity, RotatE, Scorer, TransEL1, TransENorm
from kgprism.platform.part import kind, slots

DIM, MARGIN = 6, 9.0
PARTS = {kind(part): part for part in slots(TripleModel.Config)["scoring"]}


def rotated(h: Tensor, r: Tensor, t: Tensor) -> Tensor:
    theta = r * math.pi / ((MARGIN + 2) / DIM)
    turned = torch.complex(*h.chunk(2)) * torch.polar(torch.ones_like(theta), theta)
    return MARGIN - (turned - torch.complex(*t.chunk(2))).abs().sum()


def transd(h: Tensor, r: Tensor, t: Tensor) -> Tensor:
    def projected(x: Tensor) -> Tensor:
        vector, projection = x.chunk(2)
        identity = torch.eye(DIM, dtype=x.dtype)
        return normalize((torch.outer(r.chunk(2)[1], projection) + identity) @ vector, dim=0)

    return MARGIN - (projected(h) + normalize(r.chunk(2)[0], dim=0) - projected(t)).abs().sum()


def unit(x: Tensor) -> Tensor:
    return x / x.norm()


FORMULAS: dict[str, Callable[[Tensor, Tensor, Tensor], Tensor]] = {
    "transe_l1": lambda h, r, t: MARGIN - (h + r - t).abs().sum(),
    "transe_norm": lambda h, r, t: MARGIN - (unit(h) + unit(r) - unit(t)).abs().sum(),
    "distmult": lambda h, r, t: (h * r * t).sum(),
    "complex": lambda h, r, t: (
        (torch.complex(*h.chunk(2)) * torch.complex(*r.chunk(2)) * torch.complex(*t.chunk(2)).conj()).sum().real
    ),
    "rotate": rotated,
    "pairre": lambda h, r, t: MARGIN - (unit(h) * r.chunk(2)[0] - unit(t) * r.chunk(2)[1]).abs().sum(),
    "transd": transd,
    "none": lambda h, r, t: t.sum(),
}


def scene(word: str) -> tuple[nn.Module, Tensor, Tensor]:
    """Return a scorer and random tables, in float64."""
    torch.manual_seed(5)
    scorer = PARTS[word](dim=DIM, margin=MARGIN).build()
    return scorer, scorer.entities(7).weight.detach().double(), scorer.relations(3).weight.detach().double()


@pytest.mark.parametrize("word", sorted(set(PARTS) & set(FORMULAS)))
def test_scores_follow_the_formula(word: str) -> None:
    scorer, entities, relations = scene(word)
    triples = torch.tensor([[0, 1, 2], [3, 0, 3], [6, 2, 4]])
    found = scorer.triples(scorer.frame(entities), relations, triples)
    expected = [FORMULAS[word](entities[h], relations[r], entities[t]) for h, r, t in triples.tolist()]
    torch.testing.assert_close(found, torch.stack(expected))


@pytest.mark.parametrize("word", sorted(set(PARTS) - {"none", "ikrl"}))
def test_both_sides_and_all_three_ways_give_one_score(word: str) -> None:
    scorer, entities, relations = scene(word)
    frame = scorer.frame(entities)
    h, r, t = torch.tensor([0, 5]), torch.tensor([1, 2]), torch.tensor([2, 6])
    expected = scorer.triples(frame, relations, torch.stack([h, r, t], 1))
    for side, known, asked in (("tail", h, t), ("head", t, h)):
        queries = scorer.query(frame[known], relations[r], side)
        torch.testing.assert_close(scorer.aligned(queries, frame[asked]), expected)
        torch.testing.assert_close(scorer.selected(queries, torch.arange(2), frame, asked), expected)
        torch.testing.assert_close(scorer.crossed(queries, frame)[torch.arange(2), asked], expected)


def test_a_rotation_keeps_the_modulus() -> None:
    scorer, entities, relations = scene("rotate")
    turned = scorer.query(entities[:3], relations, "tail")
    torch.testing.assert_close(torch.complex(*turned.chunk(2, 1)).abs(), torch.complex(*entities[:3].chunk(2, 1)).abs())


@pytest.mark.parametrize(
    ("part", "bound"),
    [
        (TransEL1.Config(dim=50, margin=8), 10 / 50),
        (TransENorm.Config(dim=50, margin=8), 10 / 50),
        (DistMult.Config(dim=1024), 202 / 1024),
        (RotatE.Config(dim=50, margin=8), 10 / 100),
        (RotatE.Config(dim=50, margin=8, spread=2), 10 / 50),
        (PairRE.Config(dim=50, margin=8), 10 / 50),
        (ComplEx.Config(dim=50), math.sqrt(6 / (500 + 100))),
        (TransD.Config(dim=50), math.sqrt(6 / (500 + 100))),
    ],
)
def test_entities_start_within_their_bound_and_fill_it(part: Scorer.Config, bound: float) -> None:
    table = part.build().entities(500).weight
    assert 0.99 * bound < table.abs().max().item() <= bound


def test_phases_start_all_round_the_circle() -> None:
    scorer = RotatE.Config(dim=400, margin=8).build()
    cosine, sine = scorer.phase(scorer.relations(100).weight)
    angle = torch.atan2(sine, cosine)
    assert angle.max() > 3.13
    assert angle.min() < -3.13
    assert angle.mean().abs() < 0.05


def test_normalised_and_plain_transe_are_different_models() -> None:
    (plain, entities, relations), (normed, *_) = scene("transe_l1"), scene("transe_norm")
    triple = torch.tensor([[0, 1, 2]])
    assert not torch.isclose(
        plain.triples(entities, relations, triple), normed.triples(normed.frame(entities), relations, triple)
    )
    longer = normed.triples(normed.frame(5 * entities), 3 * relations, triple)
    torch.testing.assert_close(longer, normed.triples(normed.frame(entities), relations, triple))


def test_the_null_scorer_knows_no_relation() -> None:
    scorer = Popularity.Config(dim=4).build()
    table = torch.randn(5, 4)
    scores = [scorer.crossed(scorer.query(table[:1], relation, "tail"), table) for relation in torch.randn(2, 1, 1)]
    assert torch.equal(*scores)
    torch.testing.assert_close(scores[0][0], table.sum(1))
