import math

import pytest
import torch
from torch.nn.functional import normalize

from kgprism.platform.batch import Pairs
from kgprism.platform.nn.losses.alignment_losses import IAL, NCA, NoAgreement


def pairs(count: int, worker: int = 0, workers: int = 1) -> Pairs:
    return Pairs(torch.arange(count), torch.arange(count) + count, worker, workers)


def test_nca_of_orthogonal_pairs_that_are_alike_has_a_closed_form():
    # Right pairs have cosine 1, the others 0: each sum is e^0 a wrong partner.
    embedding = torch.eye(4).repeat(2, 1)
    expected = 2 * math.log(1 + 3) / 15 - 10 * math.log(2)
    assert NCA.Config().build()(embedding, pairs(4)).item() == pytest.approx(expected)


def test_nca_leaves_the_right_pair_out_of_both_sums():
    alone = torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    assert NCA.Config(pull=10).build()(alone, pairs(1)).item() == pytest.approx(-10 * math.log(2))
    # A right pair that is turned away is not pulled: only max(0, cosine) counts.
    assert NCA.Config().build()(torch.tensor([[1.0, 0.0], [-1.0, 0.0]]), pairs(1)).item() == pytest.approx(0)


def test_nca_is_its_formula():
    embedding, sharpness, pull = torch.randn(10, 4), 3.0, 2.0
    cosines = normalize(embedding[:5]) @ normalize(embedding[5:]).T
    away = (sharpness * cosines).exp().fill_diagonal_(0)
    pushed = ((1 + away.sum(0)).log() + (1 + away.sum(1)).log()) / sharpness
    expected = (pushed - pull * (1 + cosines.diagonal().relu()).log()).mean()
    torch.testing.assert_close(NCA.Config(sharpness=sharpness, pull=pull).build()(embedding, pairs(5)), expected)


def test_nca_stays_finite_where_exponentials_overflow():
    assert NCA.Config(sharpness=1000.0).build()(torch.ones(6, 3), pairs(3)).item() == pytest.approx(
        2 * (1 + math.log(2) / 1000) - 10 * math.log(2), rel=1e-4
    )


def divergence(view: torch.Tensor, joint: torch.Tensor, temperature: float, count: int) -> torch.Tensor:
    """Return KL(Q || P) of each row and direction, (2, count), by sums over explicit lists."""

    def shares(table: torch.Tensor, i: int, own: int, other: int) -> torch.Tensor:
        unit = normalize(table)
        others = [other + j for j in range(count)] + [own + j for j in range(count) if j != i]
        return (torch.stack([unit[own + i] @ unit[j] for j in others]) / temperature).softmax(0)

    found = torch.zeros(2, count)
    for direction, (own, other) in enumerate([(0, count), (count, 0)]):
        for i in range(count):
            p, q = (shares(table, i, own, other) for table in (view, joint))
            found[direction, i] = (q * (q / p).log()).sum()
    return found


def test_ial_is_the_divergence_of_the_view_from_the_joint_embedding():
    view, joint, count = torch.randn(8, 5), torch.randn(8, 7), 4
    rows = divergence(view, joint, 0.5, count)
    whole = IAL.Config(temperature=0.5, reduction="batchmean", zoom=1.0).build()({"image": view}, joint, pairs(count))
    assert set(whole) == {"image"}
    torch.testing.assert_close(whole["image"], rows.mean())
    released = IAL.Config(temperature=0.5, zoom=0.1).build()({"image": view}, joint, pairs(count))["image"]
    torch.testing.assert_close(released, 0.1 * rows.mean() / (2 * count))


def test_ial_is_zero_where_both_agree_and_teaches_the_view_only():
    view, joint = torch.randn(8, 5, requires_grad=True), torch.randn(8, 5, requires_grad=True)
    loss = IAL.Config(zoom=1.0).build()
    assert loss({"graph": joint}, 3 * joint, pairs(4))["graph"].item() == pytest.approx(0, abs=1e-7)
    loss({"graph": view}, joint, pairs(4))["graph"].backward()
    assert view.grad is not None
    assert view.grad.any()
    assert joint.grad is None


def test_no_agreement_is_no_loss():
    assert NoAgreement.Config().build()({"image": torch.randn(8, 5)}, torch.randn(8, 5), pairs(4)) == {}


@pytest.mark.parametrize("count", [4, 7])
@pytest.mark.parametrize("reduction", ["nca", "mean", "batchmean"])
def test_baselines_losses_of_workers_average_to_the_whole(reduction: str, count: int):
    embedding, joint = torch.randn(2 * count, 5, requires_grad=True), torch.randn(2 * count, 5)

    def loss(found: Pairs) -> torch.Tensor:
        if reduction == "nca":
            return NCA.Config().build()(embedding, found)
        return IAL.Config(reduction=reduction, zoom=1.0).build()({"image": embedding}, joint, found)["image"]

    whole = loss(pairs(count))
    shared = sum(loss(pairs(count, worker, 3)) for worker in range(3)) / 3
    torch.testing.assert_close(shared, whole)
    torch.testing.assert_close(*(torch.autograd.grad(value, embedding)[0] for value in (shared, whole)))
