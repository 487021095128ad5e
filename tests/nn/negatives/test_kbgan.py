"""KBGAN: REINFORCE in closed form, its baseline, its warm-up."""

import math

import pytest
import torch

from kgprism.platform.batch import Triples
from kgprism.platform.data.inputs.training_graph import TrainingGraph
from kgprism.platform.families.triple_model import TripleModel
from kgprism.platform.nn.negatives.kbgan import KBGAN, SmallComplEx, likelihood
from kgprism.platform.nn.scoring.scorers import TransEL1
from kgprism.platform.part import Slot, slots

TRIPLES = torch.tensor([(0, 0, 2), (0, 1, 3), (4, 0, 1)])
GRAPH = TrainingGraph(30, 2, TRIPLES, {}, {})
ONE = Triples(TRIPLES[:1], seed=4)


class Adversarial(TripleModel):
    class Config(TripleModel.Config):
        negatives: Slot[KBGAN.Config] = KBGAN.Config()


def model(**settings) -> Adversarial:
    config = Adversarial.Config(scoring=TransEL1.Config(dim=6, margin=3.0), negatives=KBGAN.Config(**settings))
    method = Adversarial(config, GRAPH, 0)
    method.negatives.ends.share.zero_()  # tails only
    return method


@pytest.mark.parametrize(("count", "temperature"), [(1, 1.0), (3, 0.5)])
def test_the_generators_gradient_is_reinforce(count: int, temperature: float) -> None:
    method = model(count=count, temperature=temperature, candidates=7)
    sampler, view = method.negatives, method.view()
    with torch.no_grad():
        sampler.entities.weight.normal_()
        sampler.relations.weight.normal_()
    sampler.baseline.fill_(0.25)
    played = sampler.sample(ONE, view)
    sampler.losses(ONE, view, played, (torch.zeros(1), torch.zeros(1, count)))["generator"].backward()
    head, candidates = sampler.candidates(ONE, ONE.draw("negatives"))
    assert not head.any()
    with torch.no_grad():
        (h, r), rows = (sampler.entities.weight[0], sampler.relations.weight[0]), sampler.entities.weight
        products = h * rows[candidates[0]]
        p = (products @ r / temperature).softmax(0)
        expected = torch.zeros(50)
        for drawn in played.entities[0]:
            assert drawn in candidates[0]
            reward = 3 - (view.joint[0] + view.relations[0] - view.joint[drawn]).abs().sum()
            expected -= (reward - 0.25) * (h * rows[drawn] - p @ products) / temperature / count
    torch.testing.assert_close(sampler.relations.weight.grad[0], expected, rtol=1e-4, atol=1e-5)
    assert not sampler.relations.weight.grad[1].any()
    assert method.entities.weight.grad is None, "the reward must not move the scorer"


def test_the_baseline_is_the_mean_reward_of_the_epoch_before() -> None:
    method = model()
    sampler = method.negatives
    assert sampler.baseline.isnan()
    rewards = []
    for number in range(3):
        batch, view = Triples(TRIPLES, seed=number), method.view()
        drawn = sampler.sample(batch, view).entities[:, 0]
        h, r, _ = TRIPLES.T
        rewards.append(3 - (view.joint[h] + view.relations[r] - view.joint[drawn]).abs().sum(1))
    mean = torch.cat(rewards).mean().item()
    assert sampler.report() == {"negatives/reward": pytest.approx(mean)}
    state = method.state_dict()
    assert {"negatives.baseline", "negatives.total", "negatives.seen"} <= set(state)
    resumed = model()
    resumed.load_state_dict(state)
    for each in (method, resumed):
        each.start_epoch(1)
        assert each.negatives.baseline.item() == pytest.approx(mean)
        assert each.report() == {}


def test_in_the_first_epoch_the_batch_is_its_own_baseline() -> None:
    sampler = model().negatives
    played = sampler.sample(ONE, model().view())
    assert played.generator_loss.tolist() == [0]


def test_warm_up_is_a_softmax_with_the_positive_among_the_candidates_and_draws_are_uniform() -> None:
    method = model(warmup=2, count=4)
    sampler = method.negatives
    torch.nn.init.zeros_(sampler.relations.weight)
    losses = [sampler.sample(ONE, method.view()).generator_loss.item()]
    assert losses == [pytest.approx(math.log(20))]
    torch.nn.init.normal_(sampler.relations.weight, std=50)
    torch.nn.init.normal_(sampler.entities.weight)
    many = Triples(TRIPLES[:1].expand(500, 3), seed=1)
    warm = torch.bincount(sampler.sample(many, method.view()).entities.flatten(), minlength=30)
    assert warm[2:4].tolist()[0] == 0, "a known tail"
    assert warm[[n for n in range(30) if n != 2]].min() > 0.4 * 2000 / 29
    method.start_epoch(2)
    cold = torch.bincount(sampler.sample(many, method.view()).entities.flatten(), minlength=30)
    assert cold.max() > 2 * warm.max()


def test_equal_candidates_share_their_probability() -> None:
    logits = torch.tensor([[1.0, 2.0, 0.5]])
    p = logits.softmax(1)[0]
    found = likelihood(logits, torch.tensor([[4, 6, 4]]), torch.tensor([[4, 6]])).exp()
    torch.testing.assert_close(found, torch.stack([p[0] + p[2], p[1]])[None])


def test_the_generator_has_a_rate_and_published_widths_of_its_own() -> None:
    method = model(learning_rate=5e-3)
    scorer, generator = method.groups()
    assert generator["rate_factor"] == pytest.approx(5)
    mine = {id(parameter) for parameter in method.negatives.parameters()}
    assert {id(parameter) for parameter in generator["params"]} == mine
    assert not mine & {id(parameter) for parameter in scorer["params"]}
    assert KBGAN.Config().generator.dim == 50
    assert SmallComplEx.Config().dim == 25
    assert any(part.null for part in slots(Adversarial.Config)["negatives.generator"])
