from functools import cache

import pytest
import torch

from kgprism.platform.batch import Batch, Pairs
from kgprism.platform.configuration import resolve
from kgprism.platform.data.catalogue import toy
from kgprism.platform.data.inputs.features import join
from kgprism.platform.method import load
from kgprism.platform.nn.encoders.denoising import Draws
from kgprism.platform.nn.losses.contrastive import ICL
from kgprism.platform.studies.suites import suite
from kgprism.platform.training.run import execute, plan

SimDiff = load("simdiff")
NARROW = {"modal_width": 8, "graph_width": 8, "diffusion.latent": 16}
LEFT = len(toy.aligned().left.entities)
PAIRS = Pairs(torch.arange(6), torch.arange(6) + LEFT)
ALPHA = 1e-3


@cache
def joined(seed: int):
    return join(toy.aligned(), SimDiff.Config().data, seed, SimDiff.Config().modalities)


def built(seed: int = 0, preset: str = "code", narrow: dict = NARROW, **overrides):
    layer = narrow | {key.replace("__", "."): value for key, value in overrides.items()}
    return SimDiff(resolve(SimDiff.Config, SimDiff.presets[preset], layer), joined(seed), seed)


def at(method, epoch: int, step: int = 0) -> dict[str, torch.Tensor]:
    """Return the views of the training step of that epoch."""
    method.start_epoch(epoch)
    method(Batch((PAIRS,), seed=step))
    with torch.no_grad():
        return dict(method.encode())


def maps(method, epoch: int) -> list[torch.Tensor]:
    """Return In and Out of every modality as the generator sees them in that epoch."""
    seen: list[Draws] = []
    hook = method.generator.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[1]))
    at(method, epoch)
    hook.remove()
    ways = (("in", (16, 8)), ("out", (8, 16)))
    return [
        method.generator.workspace.map(name, way, shape, seen[0])[0] for name in method.names for way, shape in ways
    ]


def test_in_and_out_change_once_after_the_first_epoch_and_recur_ever_after():
    method = built()
    first, second, third = (maps(method, epoch) for epoch in (0, 1, 2))
    assert len(first) == 8
    for one, two, three in zip(first, second, third, strict=True):
        assert not one.allclose(two)
        assert torch.equal(two, three)


def test_what_recurs_does_not_depend_on_the_seed_and_what_is_first_does():
    one, other = built(0), built(1)
    assert not maps(one, 0)[0].allclose(maps(other, 0)[0])
    assert torch.equal(maps(one, 1)[0], maps(other, 7)[0])


def test_no_map_into_or_out_of_the_frozen_workspace_is_trained():
    method = built(narrow={})
    inside = {tuple(p.shape) for p in method.generator.parameters()}
    assert inside == {(64, 64), (64,)}
    assert len(list(method.generator.parameters())) == 8  # four affine maps
    learned = built(narrow={}, diffusion__workspace="learned")
    assert {(64, 300), (300, 64)} < {tuple(p.shape) for p in learned.generator.parameters()}


def test_perturbations_are_the_same_from_the_first_epoch_on_unless_they_are_fresh():
    method = built()
    for name in ("perturbed/image", "perturbed/joint", "generated/joint"):
        torch.testing.assert_close(at(method, 0)[name], at(method, 3, step=9)[name])
    method = built(draws="fresh")
    assert not at(method, 1, step=1)["perturbed/image"].allclose(at(method, 1, step=2)["perturbed/image"])
    torch.testing.assert_close(at(method, 1, step=2)["generated/graph"], at(method, 5, step=2)["generated/graph"])


def gradient_of_generated(alpha: float) -> torch.Tensor:
    method = built(views__generated=alpha, reconstruction=alpha)
    losses = method(Batch((PAIRS,)))
    ours = [value for name, value in losses.items() if name.startswith(("generated/", "reconstruction"))]
    return torch.autograd.grad(sum(ours), method.maps["image"].weight)[0]


def test_the_generated_views_gradient_on_the_encoders_scales_with_its_weight():
    one, two = gradient_of_generated(ALPHA), gradient_of_generated(3 * ALPHA)
    assert one.any()
    torch.testing.assert_close(two, 3 * one)


def test_the_released_loss_is_alpha_times_generated_and_reconstruction_plus_perturbed():
    method = built()
    views, icl = method.encode(), ICL.Config(temperature=0.1).build()
    found = sum(method.losses(views, PAIRS).values())

    def view(name: str) -> torch.Tensor:
        levels = [icl(views[f"{name}/{level}"], PAIRS) for level in ("joint", "topology", "semantic")]
        modal = [icl(views[f"{name}/{m}"], PAIRS) for m in ("graph", "relation", "attribute", "image")]
        return levels[0] + ALPHA * levels[1] + ALPHA * levels[2] + sum(modal)  # log-variances start at 0

    reconstructed = sum((views[m] - views[f"generated/{m}"]).square().mean() for m in method.names)
    torch.testing.assert_close(found, ALPHA * (view("generated") + reconstructed) + view("perturbed"))


def test_the_papers_loss_is_the_plain_sum_of_three_views_and_reconstruction():
    method = built(preset="paper", diffusion__steps=1)
    views, icl = method.encode(), ICL.Config(temperature=0.1).build()
    names = ("joint", "topology", "semantic", *method.names)
    expected = sum(icl(views[f"{v}/{n}"], PAIRS) for v in ("original", "perturbed", "generated") for n in names)
    expected = expected + sum((views[m] - views[f"generated/{m}"]).square().mean() for m in method.names)
    torch.testing.assert_close(sum(method.losses(views, PAIRS).values()), expected)
    torch.testing.assert_close(views["original/joint"], views["joint"])


def test_log_variances_are_shared_by_the_views_and_weighed_with_them():
    method = built()
    sum(method(Batch((PAIRS,))).values()).backward()
    views, icl = method.encode(), ICL.Config(temperature=0.1).build()
    name = method.balance.names.index("image")
    weights = {"generated": ALPHA, "perturbed": 1.0}
    expected = sum(weight * (1 - icl(views[f"{view}/image"], PAIRS)) for view, weight in weights.items())
    torch.testing.assert_close(method.balance.log_variances.grad[name], expected.detach())


def test_a_perturbation_has_the_stated_deviation_and_zero_leaves_everything_clean():
    views = at(built(perturbation=0.5), 1)
    for name in ("image", "graph", "joint"):
        assert (views[f"perturbed/{name}"] - views[name]).std().item() == pytest.approx(0.5, rel=0.05)
    views = at(built(perturbation=0.0), 1)
    for name in ("image", "joint"):
        torch.testing.assert_close(views[f"perturbed/{name}"], views[name])


def test_levels_are_the_original_ones_with_noise_or_made_of_the_views_own_vectors():
    noised = at(built(perturbation=0.0), 1)
    torch.testing.assert_close(noised["generated/joint"], noised["joint"])
    method = built(levels__source="rebuilt")
    views = at(method, 1)
    parts = [torch.nn.functional.normalize(views[f"generated/{name}"]) / 4 for name in method.names]
    torch.testing.assert_close(views["generated/joint"], torch.cat(parts, 1))


def test_an_unaugmented_modality_has_no_loss_or_stands_there_clean():
    others = ["graph", "attribute", "relation"]
    dropped, clean = built(augmented=others), built(augmented=others, unaugmented="clean")
    assert dropped.balance.names == ("attribute", "relation", "graph")
    assert clean.balance.names == ("image", "attribute", "relation", "graph")
    views = at(clean, 1)
    for view in ("generated", "perturbed"):
        torch.testing.assert_close(views[f"{view}/image"], views["image"])
        assert not views[f"{view}/graph"].allclose(views["graph"], rtol=0, atol=1e-6)
    # A modality less is an ICL and a squared error less; everything else is as it was.
    full, less = (m(Batch((PAIRS,))) for m in (built(), dropped))
    views, icl = built().encode(), ICL.Config(temperature=0.1).build()
    torch.testing.assert_close(full["perturbed/modal"] - less["perturbed/modal"], icl(views["perturbed/image"], PAIRS))
    lost = ALPHA * (views["image"] - views["generated/image"]).square().mean()
    torch.testing.assert_close(full["reconstruction"] - less["reconstruction"], lost)


def test_entities_are_compared_by_the_clean_joint_vector_in_any_mode():
    method = built(narrow={})
    assert method.embed().shape[1] == 1200  # spec 1.4
    torch.testing.assert_close(method.embed(), method.eval().embed())
    assert set(method.encode()) == {"image", "attribute", "relation", "graph", "joint"}


def test_a_view_or_level_of_weight_zero_is_not_made():
    nothing = built(views__generated=0.0, views__perturbed=0.0, views__original=1.0, reconstruction=0.0)
    assert nothing.generator is None
    assert not [name for name in at(nothing, 1) if name.startswith(("generated", "perturbed"))]
    method = built(levels__joint=0.0, levels__semantic=0.0)
    assert set(method.levels) == {"joint", "topology"}
    assert set(method(Batch((PAIRS,)))) == {
        *(f"{view}/{level}" for view in ("generated", "perturbed") for level in ("topology", "modal")),
        "reconstruction",
    }
    assert not method.levels["joint"].weights.requires_grad


def test_taking_a_part_out_leaves_the_first_weights_of_the_others_as_they_were():
    full = dict(built().named_parameters())
    for toggle in (
        {"diffusion__denoiser": "none"},
        {"balance": "none"},
        {"propagation": "none"},
        {"views__generated": 1},
    ):
        kept = {n: p for n, p in built(**toggle).named_parameters() if n in full}
        assert kept
        for name, parameter in kept.items():
            assert torch.equal(parameter, full[name]), f"{toggle}: {name}"


def test_every_published_row_trains_all_parameters_that_it_has():
    found = suite.read("simdiff_table4")
    published = {row.variant for row in found.reference} - {"full", "no-visual", "no-relation", "no-attribute"}
    for variant in [row for row in found.variants if row.id in published]:
        method = built(**{key.replace(".", "__"): value for key, value in variant.override.items()})
        sum(method(Batch((PAIRS,))).values()).backward()
        for name, parameter in method.named_parameters():
            assert parameter.grad is None or parameter.grad.any(), f"{variant.id}: {name} cannot learn"
            assert (parameter.grad is not None) == parameter.requires_grad, f"{variant.id}: {name} is not used"


@pytest.mark.slow
def test_it_learns_toy_far_above_chance_in_both_presets_and_readings_differ():
    graphs = toy.aligned()
    base = {"train.epochs": 20, "train.learning_rate": 5e-3, "eval.every": 20, "pseudo_pairs": "none"}
    base |= {"modal_width": 64, "graph_width": 64}
    rows = {
        "code": {},
        "paper": SimDiff.presets["paper"] | {"diffusion.steps": 2},
        "w/o joint": {"levels.joint": 0.0},
        "w/o augmentation": {
            "views.generated": 0.0, "views.perturbed": 0.0, "views.original": 1.0, "reconstruction": 0.0,
        },
    }  # fmt: skip
    found = {}
    for name, overrides in rows.items():
        layer = {key: value for key, value in (dict(overrides) | base).items() if "pseudo_pairs." not in key}
        run = plan("simdiff", graphs, 0, layer)
        found[name] = execute(run, graphs).selections["last"].metrics["test/l2r/mrr"]
    assert min(found.values()) > 0.4, found
    assert len(set(found.values())) == len(rows), found
