"""MANS: which negatives are visual, and what is compared for them."""

from dataclasses import replace

import pytest
import torch
from torch.nn.functional import normalize

from kgprism.methods.ikrl import IKRL
from kgprism.platform.batch import Triples
from kgprism.platform.data.inputs.training_graph import TrainingGraph
from kgprism.platform.errors import ConfigurationError
from kgprism.platform.families.triple_model import TripleModel
from kgprism.platform.nn.negatives.mans import MANS, across
from kgprism.platform.nn.negatives.sampler import Bernoulli
from kgprism.platform.nn.scoring.ikrl import IKRLScorer
from kgprism.platform.nn.scoring.scorers import Popularity
from kgprism.platform.part import Slot
from kgprism.platform.studies.suites.suite import read

TRIPLES = torch.tensor([(0, 0, 1), (1, 1, 2), (3, 0, 4), (2, 1, 5), (6, 0, 7), (5, 1, 0)])
GRAPH = TrainingGraph(20, 2, TRIPLES, {"image": torch.randn(20, 6, generator=torch.Generator().manual_seed(1))}, {})
BATCH = Triples(TRIPLES, seed=5)
#: In few coordinates both sums of distances are often equal but for rounding.
WIDTH = 12


def model(**settings) -> IKRL:
    return IKRL(IKRL.Config(scoring=IKRLScorer.Config(dim=WIDTH), negatives=MANS.Config(**settings)), GRAPH, 0)


def visual(method: IKRL, batch: Triples = BATCH) -> torch.Tensor:
    """Tell which negatives keep the positive's structure, after a check that all images are the drawn ones."""
    negatives, joint = method.negatives.sample(batch, method.view()), method.view().joint
    if negatives.vectors is None:
        return torch.zeros_like(negatives.head)
    torch.testing.assert_close(negatives.vectors[..., WIDTH:], joint[negatives.entities][..., WIDTH:])
    replaced = torch.where(negatives.head, batch.triples[:, :1], batch.triples[:, 2:])
    kept = (negatives.vectors[..., :WIDTH] - joint[replaced][..., :WIDTH]).abs().amax(2) < 1e-6
    swapped = (negatives.vectors[..., :WIDTH] - joint[negatives.entities][..., :WIDTH]).abs().amax(2) < 1e-6
    assert (kept ^ swapped).all()
    return kept


def test_normal_replaces_everything_and_visual_the_image_alone() -> None:
    assert not visual(model(variant="normal", count=3)).any()
    assert visual(model(variant="visual", count=3)).all()


def test_two_stage_turns_at_its_share_of_the_training() -> None:
    method = model(variant="two_stage", share=0.3)
    assert visual(method, replace(BATCH, progress=0.29)).all()
    assert not visual(method, replace(BATCH, progress=0.3)).any()


@pytest.mark.parametrize(("share", "number"), [(0.0, 0), (0.25, 6), (0.5, 12), (1.0, 24)])
def test_hybrid_is_visual_by_its_share_first_negatives_first(share: float, number: int) -> None:
    found = visual(model(variant="hybrid", share=share, count=4))
    assert found.T.flatten().tolist() == [True] * number + [False] * (24 - number)


def distance(head: torch.Tensor, relation: torch.Tensor, tail: torch.Tensor) -> float:
    return (normalize(head, dim=0) + normalize(relation, dim=0) - normalize(tail, dim=0)).abs().sum().item()


def test_adaptive_counts_the_negatives_that_are_closer_across_the_modalities() -> None:
    method = model(variant="adaptive", count=4)
    view, negatives = method.view(), method.negatives.sample(BATCH, method.view())
    expected = torch.zeros_like(negatives.head)
    for row, (h, r, t) in enumerate(TRIPLES.tolist()):
        for place in range(4):
            drawn = negatives.entities[row, place].item()
            x, y = (drawn, t) if negatives.head[row, place] else (h, drawn)
            (s, v), (u, w), translation = view.joint[x].chunk(2), view.joint[y].chunk(2), view.relations[r]
            between = distance(v, translation, u) + distance(s, translation, w)
            expected[row, place] = between < distance(s, translation, u) + distance(v, translation, w)
    assert 0 < expected.sum() < 24
    assert torch.equal(across(BATCH, view, negatives), expected)
    assert visual(method).T.flatten().tolist() == [True] * expected.sum() + [False] * (24 - expected.sum())


def test_a_visual_negative_moves_the_image_and_no_structure_but_the_positives() -> None:
    method = model(variant="visual")
    sum(method(BATCH).values()).backward()
    moved = method.entities.weight.grad.abs().sum(1) > 0
    assert torch.equal(moved, torch.isin(torch.arange(20), TRIPLES[:, [0, 2]]))
    assert method.images.maps["image"][0].weight.grad.any()


class Plain(TripleModel):
    class Config(TripleModel.Config):
        negatives: Slot[MANS.Config] = MANS.Config()


def test_a_method_without_images_is_refused_by_a_line_that_names_the_key() -> None:
    with pytest.raises(ConfigurationError, match=r"mans .* only structure.*'image' to modalities"):
        Plain(Plain.Config(), GRAPH, 0)
    with pytest.raises(ConfigurationError, match=r"negatives\.variant: adaptive .*scoring=ikrl"):
        IKRL(IKRL.Config(scoring=Popularity.Config(dim=3), negatives=MANS.Config()), GRAPH, 0)


def test_normal_is_the_ordinary_sampler_bit_for_bit() -> None:
    # Why the suite has no row for it: it would run the full method again.
    plain = IKRL(IKRL.Config(scoring=IKRLScorer.Config(dim=WIDTH), negatives=Bernoulli.Config(count=1)), GRAPH, 0)
    losses = []
    for method in (model(variant="normal"), plain):
        loss = sum(method(BATCH).values())
        loss.backward()
        losses.append((loss, method.entities.weight.grad, method.relations.weight.grad))
    for ours, theirs in zip(*losses, strict=True):
        assert torch.equal(ours, theirs)
    assert "normal" not in {row.override.get("negatives.variant") for row in read("mans").variants}
