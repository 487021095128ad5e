import pytest
import torch

from kgprism.platform.batch import Triples
from kgprism.platform.configuration import resolve
from kgprism.platform.data.catalogue import toy
from kgprism.platform.data.inputs.training_graph import prepare
from kgprism.platform.method import load
from kgprism.platform.training.optimiser import Optimiser

DHNS = load("dhns")
SMALL = {"scoring.dim": 8, "train.learning_rate": 1e-2}
SHORT = {"negatives.diffusion.steps": 10, "negatives.sampled.count": 8}
TOGGLES = {
    "w/o MMC": {"negatives.chains": "structure"},
    "unconditioned": {"negatives.chains": "unconditioned"},
    "w/o MHLD": {"negatives.sampling.levels": "denoised", "negatives.loss.margins": {"low": 1, "high": 1}},
    "half": {"negatives.sampling.levels": "half"},
    "levels of the paper": {"negatives.sampling.levels": "paper"},
    "with level 0": {"negatives.sampling.levels": "with_zero"},
    "w/o HAL": {"negatives.loss.margins.low": 1.0, "negatives.loss.margins.high": 1.0},
    "even weights": {"negatives.loss.weights": "even"},
    "hard weights": {"negatives.loss.weights": "hard"},
    "no positive": {"negatives.loss.positive": "none"},
    "positive of the level": {"negatives.loss.positive": "level"},
    "no both": {"negatives.loss.corruptions": ["head", "tail"]},
    "each": {"negatives.loss.scores": "each"},
    "heads' own chain": {"negatives.sampling.heads": "own"},
    "marginal": {"negatives.sampling.start": "marginal"},
    "rescaled": {"negatives.sampling.rescale": 1.0},
    "cosine": {"negatives.diffusion.schedule": "cosine"},
    "scaled": {"negatives.diffusion.schedule": "scaled"},
}


def built(*layers, short=SHORT, seed: int = 0):
    config = resolve(DHNS.Config, *layers, SMALL | (short or {}))
    return DHNS(config, prepare(toy.completion(), config.data, seed, config.modalities), seed)


def batch(step: int = 0, count: int = 64) -> Triples:
    triples = torch.from_numpy(toy.completion().graph.triples.astype("int64"))
    draw = torch.Generator().manual_seed(step)
    return Triples(triples[torch.randint(len(triples), (count,), generator=draw)], step=step, seed=step)


def trained(method, steps: int) -> list[dict[str, float]]:
    optimiser, rows = Optimiser(method, method.config.train), []
    for step in range(steps):
        row = {}
        for phase in method.phases:
            terms = method(batch(step), phase)
            sum(terms.values()).backward()
            optimiser.step(step / steps, phase)
            row |= {name: value.item() for name, value in terms.items()}
        rows.append(row)
    return rows


def test_the_preset_of_the_released_script_has_its_numbers():
    config = resolve(DHNS.Config, DHNS.presets["distmult"])
    assert (config.scoring.kind, config.scoring.dim, config.scoring.margin) == ("distmult", 1024, 200)
    assert config.scoring.build().settings.bound == pytest.approx(0.1973, abs=1e-4)
    sampled, diffusion = config.negatives.sampled, config.negatives.diffusion
    assert (sampled.kind, sampled.mode, sampled.count) == ("uniform", "cross", 64)
    assert (diffusion.steps, diffusion.learning_rate, config.negatives.loss.weight) == (50, 2e-3, 0.01)
    train = config.train
    assert (train.batch_size, train.learning_rate, train.epochs, train.weight_decay) == (2000, 2e-3, 400, 0)
    assert (config.loss.temperature, config.regulariser.weight) == (0.5, 5e-6)


def test_every_departure_of_the_paper_is_told_in_its_order():
    assert [line.split()[0] for line in DHNS.departures[:21]] == [str(number) for number in range(1, 22)]


@pytest.mark.parametrize(("preset", "margin"), [("code", 3.0), ("paper", 3.0), ("transe", 3.0), ("distmult", 10.0)])
def test_it_learns_and_its_generator_does_too(preset, margin):
    # Ten linear steps hardly hide a vector, and no distance of eight coordinates fills the published margins.
    start = {"negatives.diffusion.schedule": "cosine", "scoring.margin": margin}
    rows = trained(built(DHNS.presets[preset], start), 60)
    assert set(rows[0]) >= {"diffusion", "triples", "generated"}
    for name in ("diffusion", "triples"):
        first, last = (sum(row[name] for row in part) for part in (rows[:10], rows[-10:]))
        assert last < 0.9 * first, name


def test_product_triples_are_scored_by_the_structure_alone_and_the_generators_loss_alone_moves_the_projections():
    method = built(DHNS.presets["distmult"])
    queries = torch.arange(4), torch.zeros(4, dtype=torch.long), "tail"
    before = method.answer()(*queries)
    method(batch(), "generator")["diffusion"].backward()
    weights = [p for name, p in method.named_parameters() if name.startswith("projections.")]
    assert all(p.grad.any() for p in weights)
    gradients = [p.grad.clone() for p in weights]
    sum(method(batch(), "train").values()).backward()
    for parameter, gradient in zip(weights, gradients, strict=True):
        torch.testing.assert_close(parameter.grad, gradient, rtol=0, atol=0)
    with torch.no_grad():
        for parameter in weights:
            parameter += 1
    torch.testing.assert_close(method.answer()(*queries), before, rtol=0, atol=0)


def test_without_a_generator_it_is_adamf_from_the_same_first_weights():
    full = dict(built().named_parameters())
    plain = built({"negatives": "bernoulli"}, short=None)
    assert plain.phases == ("train",)
    assert set(plain(batch(), "train")) == {"triples"}
    for name, parameter in plain.named_parameters():
        torch.testing.assert_close(parameter, full[name], rtol=0, atol=0)
    assert set(full) - set(dict(plain.named_parameters())) == {n for n in full if n.startswith("negatives.process.")}


def test_frozen_features_are_no_parameters_that_learn():
    method = built({"features": "frozen"})
    assert not any(p.requires_grad for p in method.projections.features.values())
    assert all(p.requires_grad for p in built().projections.features.values())


def test_every_toggle_changes_the_loss_of_the_generated_or_of_the_generator():
    def rows(toggle):
        method = built(toggle)
        return tuple(round(value.item(), 7) for phase in method.phases for value in method(batch(), phase).values())

    found = {name: rows(toggle) for name, toggle in ({"full": {}} | TOGGLES).items()}
    assert len(set(found.values())) == len(found), found


def test_one_modality_or_none_is_enough():
    for modalities in (["text"], []):
        method = built({"modalities": modalities})
        assert {name for phase in method.phases for name in method(batch(), phase)} == {
            "diffusion",
            "triples",
            "generated",
        }
