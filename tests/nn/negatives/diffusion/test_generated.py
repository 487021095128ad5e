"""Generated negatives: conditions, gradients and losses in closed form (completion spec 1.3-1.5, 7.6, 7.7)."""

import pytest
import torch
from torch.nn.functional import logsigmoid, normalize

from kgprism.platform.batch import Triples
from kgprism.platform.configuration import resolve
from kgprism.platform.data.catalogue import toy
from kgprism.platform.data.inputs.training_graph import prepare
from kgprism.platform.errors import ConfigurationError
from kgprism.platform.method import load
from kgprism.platform.nn.negatives.diffusion.generated import Generated, with_gradient_share
from kgprism.platform.nn.negatives.diffusion.generated_loss import GeneratedEnds
from kgprism.platform.nn.negatives.diffusion.reverse import condition
from kgprism.platform.nn.negatives.sampler import Ground
from kgprism.platform.nn.scoring.projected import PairRE, TransD
from kgprism.platform.nn.scoring.scorers import ComplEx, DistMult, RotatE, Scorer, TransEL1, TransENorm

DHNS = load("dhns")
SMALL = {"scoring.dim": 4, "negatives.diffusion.steps": 10, "negatives.sampled.count": 3}


def built(*layers, **overrides):
    config = resolve(DHNS.Config, *layers, SMALL, {key.replace("__", "."): value for key, value in overrides.items()})
    return DHNS(config, prepare(toy.completion(), config.data, 0, config.modalities), 0)


def batch(count: int = 6, **shared) -> Triples:
    triples = torch.from_numpy(toy.completion().graph.triples[:count].astype("int64"))
    return Triples(triples, seed=5, **shared)


def made(method, times, count: int = 6) -> GeneratedEnds:
    names = ["structure", "image", "text"]
    shape = len(times), 3, count, method.scorer.entity_width
    return GeneratedEnds(torch.randn(shape), torch.randn(shape), names, times)


def test_rotations_condition_on_the_rotated_end_and_products_on_the_product():
    scorer = RotatE.Config(dim=3).build()
    known, relation = torch.randn(2, 5, 6), torch.randn(5, 3)
    turned = torch.polar(torch.ones(5, 3), relation * torch.pi / scorer.settings.bound)
    as_complex = torch.complex(*known.chunk(2, -1))
    for side, expected in (("tail", as_complex * turned), ("head", as_complex * turned.conj())):
        found = condition(scorer, known, relation, side, "code")
        torch.testing.assert_close(found, torch.cat([expected.real, expected.imag], -1))
    product, wide = DistMult.Config(dim=6).build(), torch.randn(5, 6)
    for side in ("tail", "head"):
        torch.testing.assert_close(condition(product, known, wide, side, "paper"), known * wide)


@pytest.mark.parametrize("scoring", [TransEL1.Config(dim=6), TransENorm.Config(dim=6)])
def test_translations_condition_against_the_model_in_the_code_and_along_it_in_the_paper(scoring):
    scorer, known, relation = scoring.build(), torch.randn(2, 5, 6), torch.randn(5, 6)
    torch.testing.assert_close(condition(scorer, known, relation, "tail", "code"), known - relation)
    torch.testing.assert_close(condition(scorer, known, relation, "head", "code"), known + relation)
    torch.testing.assert_close(condition(scorer, known, relation, "tail", "paper"), known + relation)
    torch.testing.assert_close(condition(scorer, known, relation, "head", "paper"), known - relation)


def test_other_scorers_condition_on_their_query_where_it_is_as_wide_as_an_entity():
    known, draw = torch.randn(2, 5, 6), torch.randn(5, 12)
    found = condition(PairRE.Config(dim=6).build(), known, draw, "head", "code")
    torch.testing.assert_close(found, normalize(known, dim=-1) * draw[:, 6:])
    for scoring in (ComplEx.Config(dim=3), TransD.Config(dim=3)):
        scorer = scoring.build()
        query = scorer.query(scorer.frame(known), draw[:, :6].expand(2, 5, 6), "tail")
        torch.testing.assert_close(condition(scorer, known, draw[:, :6], "tail", "code"), query)

    class Half(Scorer):
        class Config(Scorer.Config):
            kind: str = "narrow"

        def query(self, known, relation, side):
            return known[..., :3]

    ground = Ground(built().graph, Half.Config(dim=6).build())
    with pytest.raises(ConfigurationError, match=r"^negatives=generated has no condition for scoring=narrow$"):
        Generated.Config().build(ground)


def test_the_generators_loss_reaches_the_scorer_by_the_share_that_is_asked_for():
    found = {}
    for share in (0.0, 0.5, 1.0):
        method = built(negatives__diffusion__to_scorer=share)
        method(batch(), "generator")["diffusion"].backward()
        found[share] = {name: p.grad for name, p in method.named_parameters() if p.grad is not None}
    own = [name for name in found[0.0] if name.startswith("negatives.process.")]
    assert set(found[0.0]) == set(own), "a share of 0 leaves the scorer alone"
    for name in ("entities.weight", "relations.weight", "projections.maps.text.0.weight", "projections.trained.image"):
        assert found[1.0][name].any()
        torch.testing.assert_close(found[0.5][name], found[1.0][name] / 2)
    for name in own:
        assert found[1.0][name].any()
        torch.testing.assert_close(found[0.0][name], found[1.0][name])
    values = torch.randn(3, requires_grad=True)
    torch.testing.assert_close(with_gradient_share(values, 0.3), values)


@pytest.mark.parametrize("loss", ["joint", "ordinary"])
def test_generated_negatives_never_move_the_generator_but_the_ends_and_the_fusion(loss):
    method = built(negatives__loss=loss)
    sum(method(batch(), "train").values()).backward()
    for name, parameter in method.named_parameters():
        if name.startswith("negatives.process."):
            assert parameter.grad is None
        else:
            assert parameter.grad is not None, name
    assert method.fusion.score.weight.grad.any()


def test_the_generators_parameters_have_their_own_phase_and_rate():
    method = built(negatives__diffusion__learning_rate=5e-4, negatives__diffusion__updates=2)
    assert method.phases == ("generator", "generator", "train")
    scorer, generator = method.groups()
    assert {id(p) for p in generator["params"]} == {id(p) for p in method.negatives.process.parameters()}
    assert {id(p) for p in scorer["params"]}.isdisjoint(id(p) for p in generator["params"])
    assert (generator["phase"], generator["rate_factor"]) == ("generator", 5e-4 / 2e-5)
    first, second, again = (method(batch(), "generator")["diffusion"].item() for _ in range(3))
    assert first == again != second, "each update of a batch draws anew"


def test_two_calls_of_stacked_modalities_are_the_six_of_the_release():
    method, one = built(), batch()
    process, view = method.negatives.process, method.view()
    draw = one.draw("diffusion/0")
    time = torch.randint(1, 11, (3, 6), generator=draw)
    noise = torch.randn(3, 6, 8, generator=draw)
    head, relation, tail = one.triples.unbind(1)
    total = 0
    for m, table in enumerate([method.entities.weight, *method.projections().values()]):
        for known, end, side in ((head, tail, "tail"), (tail, head, "head")):
            told = view.scorer.query(table[known], view.relations[relation], side)
            noised = process.noised(table[end], time[m], noise[m])
            estimate = process(noised, process.clock(process.positions[time[m] - 1]), told)
            total = total + (estimate - noise[m]).abs().mean()
    torch.testing.assert_close(method(one, "generator")["diffusion"], total)


def test_far_generated_triples_leave_three_eighths_of_the_positive():
    method, one = built(negatives__loss__weight=0.02), batch()
    view = method.view()
    positive = view.scorer.triples(view.joint, view.relations, one.triples)
    ends = made(method, [1, 1, 2, 5])
    far = GeneratedEnds(ends.heads * 1e8, ends.tails * 1e8, ends.names, ends.times)
    # ln s(-f) of a triple with distance d is ln s(d - gamma_l): zero, once d is far beyond every margin.
    terms, report = method.negatives.loss(one, view, far, (positive, torch.zeros(6, 3)))
    torch.testing.assert_close(terms["generated"], 0.375 * 0.02 * -logsigmoid(positive).mean())
    assert report["level_5/sigmoid"] == 0


@pytest.mark.parametrize(
    ("layer", "positives", "corruptions", "each"),
    [
        ({}, "full", "ht2", False),
        (DHNS.presets["distmult"], "full", "ht2", True),
        ({"scoring": "transe_norm"}, "full", "ht2", False),
        ({"scoring": "pairre", "negatives.loss.positive": "none"}, "none", "ht2", False),
        (DHNS.presets["paper"], "level", "ht", True),
    ],
)
def test_the_loss_of_joint_triples_is_their_double_sum(layer, positives, corruptions, each):
    method, one = built(layer), batch()
    view, ends = method.view(), made(method, [1, 2, 3, 5])
    scorer, (head, relation, tail) = view.scorer, one.triples.unbind(1)
    margin = 0.0 if layer is DHNS.presets["distmult"] else scorer.settings.margin
    r, total = view.relations[relation], 0.0
    positive = scorer.aligned(scorer.query(view.joint[head], r, "tail"), view.joint[tail])
    for level, (weight, share) in enumerate(zip([0.5, 1, 1, 0.5], [0.3, 0.5, 0.7, 0.9], strict=True)):
        ways = [[m] for m in range(3)] if each else [[0, 1, 2]]
        for corruption in corruptions:
            scores = torch.zeros(6)
            for way in ways:
                h, t = (joined(method, view, vectors[level], way) for vectors in (ends.heads, ends.tails))
                h = view.joint[head] if corruption == "t" else h
                t = view.joint[tail] if corruption == "h" else t
                scores = scores + scorer.aligned(scorer.query(h, r, "tail"), t) / len(ways)
            lost = margin * (share - 1)
            pair = -logsigmoid(-(scores + lost)).mean()
            if positives != "none":
                pair = pair - logsigmoid(positive + (lost if positives == "level" else 0)).mean()
            total = total + weight * pair / 2
    terms, report = method.negatives.loss(one, view, ends, (positive, torch.zeros(6, 3)))
    torch.testing.assert_close(terms["generated"], 0.01 * total / (4 * len(corruptions)), atol=1e-5, rtol=1e-4)
    assert set(report) == {f"level_{t}/{what}" for t in (1, 2, 3, 5) for what in ("distance", "sigmoid")}


def joined(method, view, vectors, way):
    rows = dict(zip(["structure", "image", "text"], vectors, strict=True))
    return view.scorer.frame(method.fuse(rows) if len(way) == 3 else list(rows.values())[way[0]])


def test_generated_vectors_can_count_like_sampled_negatives():
    method, one = built(negatives__loss="ordinary", loss__temperature=0.5), batch()
    view = method.view()
    negatives = method.negatives.sample(one, view)
    ends = method.negatives.generated
    assert negatives.head.shape == negatives.entities.shape == (6, 3 + 4 * 2 * 3)
    head, relation, tail = one.triples.unbind(1)
    r, rows = view.relations[relation], []
    for level in range(4):
        for known, side, vectors in ((head, "tail", ends.tails), (tail, "head", ends.heads)):
            query = view.scorer.query(view.joint[known], r, side)
            rows += [view.scorer.aligned(query, view.scorer.frame(vectors[level, m])) for m in range(3)]
    generated, found = torch.stack(rows, 1), method.score(one, view, negatives)[1]
    torch.testing.assert_close(found[:, 3:], generated)
    sampled = method.negatives.sampled.sample(one, view)
    torch.testing.assert_close(found[:, :3], method.score(one, view, sampled)[1])
    positive = view.scorer.triples(view.joint, view.relations, one.triples)
    weights = (0.5 * found).softmax(1)
    expected = -(logsigmoid(positive) + (weights * logsigmoid(-found)).sum(1)).mean() / 2
    terms = method(one, "train")
    assert set(terms) == {"triples"}
    torch.testing.assert_close(terms["triples"], expected)
    assert method.report()["generated/level_5/sigmoid"] == pytest.approx(generated[:, -6:].sigmoid().mean().item())


def test_without_a_use_nothing_is_drawn_from_the_generator(monkeypatch):
    calls = []
    generate = Generated.generate
    monkeypatch.setattr(Generated, "generate", lambda *given: calls.append(1) or generate(*given))
    method = built(negatives__loss="none")
    method.negatives.process.denoiser.register_forward_hook(lambda *_: calls.append(2))
    assert set(method(batch(), "train")) == {"triples"}
    assert not calls
    assert set(method(batch(), "generator")) == {"diffusion"}
    assert calls == [2, 2]
    built()(batch(), "train")
    assert calls == [2, 2, 1]


def test_chains_stand_for_their_modality_for_all_or_for_no_known_end():
    one = batch()
    ends = {kind: built(negatives__chains=kind) for kind in ("modal", "structure", "unconditioned")}
    drawn = {kind: method.negatives.generate(one, method.view()) for kind, method in ends.items()}
    assert drawn["modal"].heads.shape == drawn["structure"].heads.shape == (4, 3, 6, 8)
    for tensor in (drawn["structure"].heads, drawn["structure"].tails):
        assert (tensor == tensor[:, :1]).all()
    assert not (drawn["modal"].heads[:, 0] == drawn["modal"].heads[:, 1]).any()
    # Other triples with the same noise: only a condition can tell them apart.
    other = Triples(one.triples.flip(0), seed=one.seed)
    for kind, method in ends.items():
        same = (method.negatives.generate(other, method.view()).tails == drawn[kind].tails).all()
        assert same == (kind == "unconditioned")


def test_negatives_come_from_the_generator_as_it_is_now():
    method, one = built(), batch()
    first = method.negatives.generate(one, method.view())
    torch.testing.assert_close(method.negatives.generate(one, method.view()).heads, first.heads, rtol=0, atol=0)
    with torch.no_grad():
        method.negatives.process.denoiser[-1].bias += 1
    assert (method.negatives.generate(one, method.view()).heads != first.heads).all()
    assert not first.heads.requires_grad


@pytest.mark.parametrize("loss", ["joint", "ordinary"])
def test_two_workers_see_the_negatives_of_one(loss):
    method = built(negatives__loss=loss)
    for phase in ("generator", "train"):
        whole = method(batch(), phase)
        halves = [method(batch(worker=worker, workers=2), phase) for worker in range(2)]
        for name, value in whole.items():
            torch.testing.assert_close((halves[0][name] + halves[1][name]) / 2, value)
    ends = method.negatives.generate(batch(), method.view())
    split = [method.negatives.generate(batch(worker=w, workers=2), method.view()) for w in range(2)]
    torch.testing.assert_close(torch.cat([part.tails for part in split], 2), ends.tails)


def test_the_report_tells_how_far_negatives_are_and_starts_anew():
    method, one = built(), batch()
    method(one, "train")
    view = method.view()
    ends = method.negatives.generate(one, view)
    full = method.negatives.loss.scores(one.triples, view, ends)
    positive = view.scorer.triples(view.joint, view.relations, one.triples)
    report = method.report()
    assert report["generated/positive/distance"] == pytest.approx((12 - positive).mean().item(), rel=1e-5)
    assert report["generated/level_5/distance"] == pytest.approx((12 - full[:, 3]).mean().item(), rel=1e-5)
    assert report["generated/level_5/sigmoid"] == pytest.approx((full[:, 3] - 1.2).sigmoid().mean().item(), rel=1e-4)
    assert "generated/sampled/distance" in report
    assert method.report() == {}
