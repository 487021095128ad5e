"""Filtered ranking of heads and tails against a double loop and against PyKEEN; batches of triples."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from kgprism.platform.data.catalogue import toy
from kgprism.platform.data.graph import CompletionGraph, MultiModalGraph
from kgprism.platform.errors import RunError
from kgprism.platform.method import Answer, Completion
from kgprism.platform.settings import CompletionEvaluation, CompletionTraining
from kgprism.platform.tasks.completion import SIDES, CompletionTask

ENTITIES, RELATIONS = 40, 3


class Fixed(Completion):
    """Scores that are given: ``tables[side]`` (entities, relations, entities), by known end and relation."""

    def __init__(self, tables: dict[str, Tensor]) -> None:
        torch.nn.Module.__init__(self)
        self.tables = tables

    def answer(self) -> Answer:
        return lambda known, relation, side: self.tables[side][known, relation]


def random_graph(seed: int) -> CompletionGraph:
    """A dense graph with many answers a query, duplicate triples, and test triples that are known elsewhere."""
    draw = np.random.default_rng(seed)

    def triples(count: int) -> np.ndarray:
        return np.stack([draw.integers(high, size=count) for high in (ENTITIES, RELATIONS, ENTITIES)], 1)

    train = triples(400)
    train = np.concatenate([train, train[:20]])
    graph = MultiModalGraph([f"e{n}" for n in range(ENTITIES)], [f"r{n}" for n in range(RELATIONS)], train)
    return CompletionGraph("random", graph, triples(30), np.concatenate([triples(60), train[:5]]), triples(9))


def tied_tables(seed: int, levels: int = 4) -> dict[str, Tensor]:
    draw = torch.Generator().manual_seed(seed)
    return {side: torch.randint(levels, (ENTITIES, RELATIONS, ENTITIES), generator=draw).float() for side in SIDES}


def task(graph: CompletionGraph, chunk: int = 16, filter: str = "all") -> CompletionTask:
    config = Completion.Config(eval=CompletionEvaluation(chunk=chunk, filter=filter))
    return CompletionTask(graph, config, seed=5)


def brute_force(graph: CompletionGraph, tables: dict[str, Tensor], filter: str) -> dict[str, list[float]]:
    """Two loops and a set, straight from the definition."""
    true = set(map(tuple, graph.graph.triples.tolist()))
    if filter == "all":
        true |= {tuple(row) for part in (graph.valid, graph.test, graph.known) for row in part.tolist()}
    found: dict[str, list[float]] = {f"{side}/{kind}": [] for side in SIDES for kind in ("realistic", "optimistic")}
    for h, r, t in graph.test.tolist():
        for side in SIDES:
            known, truth = (t, h) if side == "head" else (h, t)
            scores = tables[side][known, r].tolist()
            higher = equal = 0
            for candidate in range(ENTITIES):
                triple = (candidate, r, t) if side == "head" else (h, r, candidate)
                if candidate != truth and triple not in true:
                    higher += scores[candidate] > scores[truth]
                    equal += scores[candidate] == scores[truth]
            found[f"{side}/optimistic"].append(higher + 1)
            found[f"{side}/realistic"].append(higher + 1 + equal / 2)
    return found


@pytest.mark.parametrize("filter", ["all", "train"])
@pytest.mark.parametrize("seed", range(3))
def test_the_judge_agrees_with_a_double_loop(seed: int, filter: str) -> None:
    graph, tables = random_graph(seed), tied_tables(seed)
    judged = task(graph, filter=filter).judge(Fixed(tables), "test")
    for name, ranks in brute_force(graph, tables, filter).items():
        assert judged.ranks[name].tolist() == ranks


def test_the_judge_agrees_with_pykeen() -> None:
    from pykeen.evaluation import RankBasedEvaluator

    graph, tables = random_graph(7), tied_tables(7)
    true = np.concatenate([graph.graph.triples, graph.valid, graph.test, graph.known])
    evaluator = RankBasedEvaluator(filtered=True)
    for side, column in (("head", 0), ("tail", 2)):
        known = torch.from_numpy(graph.test[:, 2 - column])
        scores = tables[side][known, torch.from_numpy(graph.test[:, 1])].clone()
        truth = scores[torch.arange(len(scores)), torch.from_numpy(graph.test[:, column])].clone()
        for row, triple in enumerate(graph.test):
            same = (true[:, 1] == triple[1]) & (true[:, 2 - column] == triple[2 - column])
            scores[row, true[same, column]] = torch.nan  # how PyKEEN marks candidates that are filtered
            scores[row, triple[column]] = truth[row]
        evaluator.process_scores_(torch.from_numpy(graph.test), side, scores, truth[:, None])
    theirs, ours = evaluator.finalize(), task(graph).judge(Fixed(tables), "test").metrics
    names = {"mrr": "inverse_harmonic_mean_rank", "mr": "arithmetic_mean_rank", "hits_at_1": "hits_at_1"}
    names |= {"hits_at_3": "hits_at_3", "hits_at_10": "hits_at_10"}
    for direction, word in (("head", "head"), ("tail", "tail"), ("mean", "both")):
        for name, key in names.items():
            assert ours[f"{direction}/{name}"] == pytest.approx(theirs.get_metric(f"{word}.realistic.{key}"), abs=1e-6)
        optimistic = theirs.get_metric(f"{word}.optimistic.inverse_harmonic_mean_rank")
        assert ours[f"{direction}/mrr_optimistic"] == pytest.approx(optimistic, abs=1e-6)


@pytest.mark.parametrize("chunk", [1, 7, 1000])
def test_chunks_change_nothing(chunk: int) -> None:
    graph, tables = random_graph(1), tied_tables(1, levels=100)
    whole, parts = (task(graph, size).judge(Fixed(tables), "test") for size in (16, chunk))
    for name, ranks in whole.ranks.items():
        assert np.array_equal(parts.ranks[name], ranks)


@pytest.mark.parametrize("workers", [2, 3, 9])
def test_workers_share_the_queries_and_their_counts_add_up(workers: int) -> None:
    graph, tables = random_graph(1), tied_tables(1)
    judge = task(graph, chunk=7)
    shares = [judge.count(Fixed(tables), "test", worker, workers) for worker in range(workers)]
    assert torch.equal(torch.stack(shares).sum(0), judge.count(Fixed(tables), "test"))
    # A query is one worker's: the true answer, which equals itself, is counted there only.
    assert torch.equal(torch.stack(shares)[:, :, 1].clamp_max(1).sum(0), torch.ones(2, len(graph.test)))


def test_constant_scores_rank_in_the_middle_and_optimistically_first() -> None:
    graph = random_graph(2)
    flat = {side: torch.zeros(ENTITIES, RELATIONS, ENTITIES) for side in SIDES}
    found = task(graph).judge(Fixed(flat), "test").metrics
    assert found["mean/mrr_optimistic"] == 1
    assert found["mean/mrr"] < 0.2


def test_a_score_that_is_not_finite_stops_the_run() -> None:
    graph, tables = random_graph(3), tied_tables(3)
    h, r, _ = graph.test[0]
    tables["tail"][h, r, 0] = torch.nan
    with pytest.raises(RunError, match="not finite"):
        task(graph).judge(Fixed(tables), "test")


def test_triples_with_an_end_that_was_never_trained_are_told_apart() -> None:
    graph = random_graph(4)
    train = graph.graph.triples[(graph.graph.triples[:, [0, 2]] > 4).all(1)]
    graph = replace(graph, graph=replace(graph.graph, triples=train))
    seen = (graph.test[:, [0, 2]] > 4).all(1)
    found = task(graph).judge(Fixed(tied_tables(4)), "test")
    expected = np.mean([(1 / found.ranks[f"{side}/realistic"].astype(float)[seen]).mean() for side in SIDES])
    assert found.metrics["seen/mrr"] == pytest.approx(expected)


def batches(draw: str, epoch: int = 0, workers: int = 1, worker: int = 0) -> list[Tensor]:
    config = Completion.Config(train=CompletionTraining(batch_size=100, draw=draw))
    steps = CompletionTask(toy.completion(), config, seed=1).steps(epoch, worker, workers)
    return [batch.triples for batch in steps]


def test_an_epoch_has_whole_batches_only() -> None:
    train = len(toy.completion().graph.triples)
    assert [len(batch) for batch in batches("replacement")] == [100] * (train // 100)


def test_shuffled_batches_hold_no_triple_twice_and_drawn_ones_do() -> None:
    unique = [len(torch.cat(batches(draw)).unique(dim=0)) for draw in ("shuffle", "replacement")]
    assert unique[0] == len(torch.cat(batches("shuffle")))
    assert unique[1] < unique[0]


def test_batches_depend_on_seed_and_epoch_only() -> None:
    assert all(
        torch.equal(a, b) for a, b in zip(batches("replacement"), batches("replacement", workers=2), strict=True)
    )
    assert not torch.equal(batches("replacement")[0], batches("replacement", epoch=1)[0])


def test_steps_are_counted_over_the_whole_training() -> None:
    config = Completion.Config(train=CompletionTraining(batch_size=100, epochs=4))
    task = CompletionTask(toy.completion(), config, seed=1)
    first, second = list(task.steps(0)), list(task.steps(1))
    assert [batch.step for batch in first + second] == list(range(2 * len(first)))
    assert second[0].progress == 0.25
    assert len({batch.seed for batch in first + second}) == 2 * len(first)
