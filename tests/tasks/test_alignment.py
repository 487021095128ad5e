"""Batches of seed pairs, pseudo-pairs over a run, and the judge against a double loop."""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from kgprism.platform.data.graph import AlignedGraphs, MultiModalGraph
from kgprism.platform.data.inputs.features import join
from kgprism.platform.errors import RunError
from kgprism.platform.method import Alignment
from kgprism.platform.settings import AlignmentData, AlignmentEvaluation, AlignmentTraining, Probation
from kgprism.platform.tasks.alignment import AlignmentTask, judged


class Table(Alignment):
    """Compare entities by the rows of one fixed table, with dropout while training."""

    def __init__(self, config: Alignment.Config, graphs: AlignedGraphs, table: Tensor, dropout: float = 0.0) -> None:
        super().__init__(config, join(graphs, config.data, 0, []), 0)
        self.table, self.dropout = table, nn.Dropout(dropout)

    def encode(self) -> Mapping[str, Tensor]:
        return {"joint": self.dropout(self.table)}


def graphs(pairs: int, alone: int = 0, shuffled: bool = True) -> AlignedGraphs:
    """Two graphs without triples; `alone` entities more on the left, twice as many on the right."""
    nothing = np.zeros((0, 3), np.int64)
    left = MultiModalGraph([f"l{i}" for i in range(pairs + alone)], [], nothing)
    right = MultiModalGraph([f"r{i}" for i in range(pairs + 2 * alone)], [], nothing)
    partners = np.random.default_rng(0).permutation(pairs) if shuffled else np.arange(pairs)
    return AlignedGraphs("small", left, right, np.stack([np.arange(pairs), partners], 1))


def config(**parts: Any) -> Alignment.Config:
    data = AlignmentData(seed_ratio=parts.pop("seed_ratio", 0.5))
    return Alignment.Config(data=data, **parts)


# --- the judge


def ranks_of_double_loop(cosine: np.ndarray, pairs: list[tuple[int, int]], k: int) -> tuple[list[float], list[int]]:
    """Return realistic and optimistic ranks of the right partners, by definition, one score at a time."""
    rows, columns = sorted({i for i, _ in pairs}), sorted({j for _, j in pairs})

    def around(values: list[float]) -> Fraction:
        highest = sorted(values, reverse=True)[:k]
        return Fraction(sum(map(Fraction, highest)), max(len(highest), 1))

    def score(i: int, j: int) -> Fraction:
        twice = 2 * Fraction(cosine[i, j])
        return twice - around([cosine[i, c] for c in columns]) - around([cosine[r, j] for r in rows])

    realistic, optimistic = [], []
    for i, j in pairs:
        candidates = [c for c in columns if c == j or (i, c) not in pairs]
        scores, truth = [score(i, c) for c in candidates], score(i, j)
        first = 1 + sum(s > truth for s in scores)
        last = sum(s >= truth for s in scores)
        realistic.append((first + last) / 2)
        optimistic.append(first)
    return realistic, optimistic


@pytest.mark.parametrize("k", [0, 1, 3, 64])
@pytest.mark.parametrize("chunk", [1, 4, 100])
def test_judge_is_the_double_loop(k: int, chunk: int) -> None:
    # Four entries of +-1 in a row of length 8: coordinates are +-1/2 and cosines multiples of 1/4, with many ties.
    draw = np.random.default_rng(5)
    table = np.stack([draw.permutation([1, 1, -1, -1, 0, 0, 0, 0]) for _ in range(40)]).astype(np.float32)
    pairs = [(int(i), int(20 + j)) for i, j in zip(draw.permutation(20)[:14], draw.permutation(20)[:14], strict=True)]
    pairs += [(pairs[0][0], pairs[5][1]), (pairs[1][0], pairs[5][1]), (pairs[0][0], pairs[2][1])]
    cosine = (table @ table.T / 4).astype(np.float64)
    found = judged(torch.from_numpy(table), np.array(pairs), k, chunk)
    forward = ranks_of_double_loop(cosine, pairs, k)
    backward = ranks_of_double_loop(cosine.T, [(j, i) for i, j in pairs], k)
    assert forward[0] != forward[1]
    for name, (realistic, optimistic) in {"l2r": forward, "r2l": backward}.items():
        assert found.ranks[f"{name}/realistic"].tolist() == realistic
        assert found.ranks[f"{name}/optimistic"].tolist() == optimistic
        assert found.metrics[f"{name}/mrr"] == pytest.approx(np.mean(1 / np.array(realistic)))
    assert found.metrics["mean/mr"] == pytest.approx(np.mean(forward[0] + backward[0]))


def test_a_repeated_pair_changes_no_rank() -> None:
    table = torch.randn(12, 4, generator=torch.Generator().manual_seed(6))
    table[6] = table[0]
    pairs = np.array([[0, 6], [1, 7], [2, 8], [3, 9], [0, 10]])
    once, twice = (judged(table, p, 1, 3).ranks["l2r/realistic"] for p in (pairs, np.vstack([pairs, pairs[:1]])))
    assert twice.tolist() == [*once, once[0]]


@pytest.mark.parametrize("k", [0, 3])
@pytest.mark.parametrize("shuffled", [True, False])
@pytest.mark.parametrize("width", [3, 300])
def test_a_constant_embedding_is_at_chance(k: int, shuffled: bool, width: int) -> None:
    small = graphs(301, shuffled=shuffled)
    setting = config(eval=AlignmentEvaluation(csls_k=k, chunk=64))
    task = AlignmentTask(small, setting, 0)
    row = torch.randn(width, generator=torch.Generator().manual_seed(7))
    found = task.judge(Table(setting, small, row.expand(602, width)), "test")
    assert task.splits == ("valid", "test")
    for direction in ("l2r", "r2l", "mean"):
        assert found.metrics[f"{direction}/mr"] == (151 + 1) / 2
        assert found.metrics[f"{direction}/hits_at_10"] == 0
        assert found.metrics[f"{direction}/hits_at_1_optimistic"] == 1


def test_chunks_change_nothing() -> None:
    draw = torch.Generator().manual_seed(8)
    # Most rows several times: ties that float32 products would break in one place or another.
    table = torch.randn(30, 257, generator=draw)[torch.randint(0, 30, (300,), generator=draw)]
    pairs = np.stack([np.arange(150), np.random.default_rng(0).permutation(150) + 150], 1)
    whole = judged(table, pairs, 3, 1000)
    assert (whole.ranks["l2r/realistic"] != whole.ranks["l2r/optimistic"]).any()
    for chunk in (1, 7, 64, 149):
        parted = judged(table, pairs, 3, chunk)
        assert parted.metrics == whole.metrics
        assert all((parted.ranks[key] == whole.ranks[key]).all() for key in whole.ranks)


def test_trained_entities_are_no_candidates() -> None:
    # Every trained right entity is a better match for the test's left ones than their own partners.
    small = graphs(60, alone=5)
    setting = config()
    task = AlignmentTask(small, setting, 3)
    table = torch.zeros(65 + 70, 60)
    left, right = task.pairs["test"].T
    table[left, np.arange(30)] = 1
    table[right] = table[left] + 0.1
    for trained in task.train[:, 1]:
        table[trained] = table[left[trained % 30]]
    found = task.judge(Table(setting, small, table), "test")
    assert found.metrics["l2r/hits_at_1"] == found.metrics["r2l/hits_at_1"] == 1


def test_pairs_are_taken_from_the_right_rows() -> None:
    # One entity is recognised, all others share one row: it alone is at rank 1.
    small = graphs(40, alone=3)
    setting = config(eval=AlignmentEvaluation(csls_k=0))
    task = AlignmentTask(small, setting, 1)
    table = torch.ones(43 + 46, 2)
    table[task.pairs["test"][4]] = torch.tensor([1.0, -1.0])
    found = task.judge(Table(setting, small, table), "test")
    assert found.ranks["l2r/realistic"].tolist() == [10.0] * 4 + [1.0] + [10.0] * 15
    joint = {(int(i), int(43 + j)) for i, j in small.pairs}
    assert {tuple(pair) for pair in task.pairs["test"].tolist()} < joint


def test_an_embedding_that_is_not_finite_stops_the_run() -> None:
    small, setting = graphs(20), config()
    task = AlignmentTask(small, setting, 0)
    table = torch.ones(40, 2)
    table[int(task.pairs["test"][3, 1]), 1] = float("nan")
    with pytest.raises(RunError, match="an embedding is not finite"):
        task.judge(Table(setting, small, table), "test")


def test_splits_without_held_out_pairs() -> None:
    setting = config(eval=AlignmentEvaluation(valid_ratio=0.0, select="last"))
    task = AlignmentTask(graphs(40), setting, 0)
    assert task.splits == ("test",)
    assert len(task.train) == 20


# --- batches


def taken(task: AlignmentTask, epoch: int, workers: int = 1) -> list[list[list[tuple[int, int]]]]:
    """Return batches of slices of pairs, each slice put together from the rows of its workers."""
    found = []
    for batches in zip(*(task.steps(epoch, worker, workers) for worker in range(workers)), strict=True):
        slices = zip(*(batch.slices for batch in batches), strict=True)
        found.append([[pair for part in parts for pair in rows(part)] for parts in slices])
    return found


def rows(part: Any) -> list[tuple[int, int]]:
    return list(zip(part.left[part.rows].tolist(), part.right[part.rows].tolist(), strict=True))


def test_one_step_an_epoch_sees_all_slices_and_one_a_batch_each() -> None:
    small = graphs(100)
    whole = AlignmentTask(small, config(train=AlignmentTraining(step="epoch", batch_size=20)), 0)
    single = AlignmentTask(small, config(train=AlignmentTraining(step="batch", batch_size=20)), 0)
    (batch,) = taken(whole, 0)
    assert [len(part) for part in batch] == [20, 20, 5]
    assert [[part] for part in batch] == taken(single, 0)
    assert {pair for part in batch for pair in part} == {tuple(pair) for pair in whole.train.tolist()}


@pytest.mark.parametrize("step", ["epoch", "batch"])
def test_batches_are_the_same_for_any_number_of_workers(step: str) -> None:
    task = AlignmentTask(
        graphs(100), config(train=AlignmentTraining.model_validate({"step": step, "batch_size": 20})), 0
    )
    assert taken(task, 3, workers=2) == taken(task, 3)
    assert taken(task, 3, workers=3) == taken(task, 3)


def test_order_depends_on_epoch_and_seed() -> None:
    setting = config()
    task, same, other = (AlignmentTask(graphs(100), setting, seed) for seed in (0, 0, 1))
    assert taken(task, 4) == taken(same, 4)
    assert taken(task, 4) != taken(task, 5)
    assert taken(task, 4) != taken(other, 4)


# --- pseudo-pairs


PROBATION = Probation(start=2, every=1, window=4, commit=4, when="before", restart="once", learning_rate_factor=0.5)


def learned(task: AlignmentTask, small: AlignedGraphs) -> Tensor:
    """Return embeddings in which every pair agrees, trained on or not."""
    draw = torch.Generator().manual_seed(10)
    table = torch.randn(len(small.left.entities) + len(small.right.entities), 64, generator=draw)
    for left, right in np.vstack([task.train, *task.pairs.values()]):
        table[right] = table[left]
    return table


def test_without_the_part_nothing_is_proposed() -> None:
    small, setting = graphs(20), config()
    task = AlignmentTask(small, setting, 0)
    method = Table(setting, small, torch.ones(40, 2))
    assert all(task.propose(epoch, when, method) is None for epoch in range(60) for when in ("before", "after"))
    assert all(task.restart(epoch) is None for epoch in range(3))
    assert set(task.state()) == {"accepted"}


def test_accepted_pairs_are_trained_on_and_leave_the_pools() -> None:
    small, setting = graphs(40, alone=6), config(pseudo_pairs=PROBATION)
    task = AlignmentTask(small, setting, 0)
    method = Table(setting, small, learned(task, small))
    before = {tuple(pair) for pair in task.train.tolist()}
    known = {tuple(pair) for pair in np.vstack(list(task.pairs.values())).tolist()}
    proposals = {}
    for epoch in range(12):
        assert task.propose(epoch, "after", method) is None
        proposal = task.propose(epoch, "before", method)
        if proposal is not None:
            proposals[epoch] = {tuple(pair) for pair in proposal.tolist()}
            task.accept(proposal)
            assert proposals[epoch] <= {pair for batch in taken(task, epoch) for part in batch for pair in part}
    # The window from epoch 0 began before the start; the second one ends at epoch 7.
    assert min(proposals) == 7
    assert known <= proposals[7]
    assert not before & proposals[7]
    every = [entity for found in proposals.values() for pair in found for entity in pair]
    assert len(every) == len(set(every))
    assert len(task.trained) == len(task.train) + sum(map(len, proposals.values()))
    assert task.restart(2) is not None


def test_a_run_goes_on_from_its_state() -> None:
    small, setting = graphs(40, alone=6), config(pseudo_pairs=PROBATION)
    first, second = (AlignmentTask(small, setting, 0) for _ in range(2))
    draw = torch.Generator().manual_seed(11)
    table = learned(first, small)
    noise = [torch.randn(table.shape, generator=draw) for _ in range(20)]
    methods = [Table(setting, small, table + 1.4 * n) for n in noise]
    proposals = []
    for epoch in range(20):
        if epoch == 14:
            assert len(first.state()["candidates"])
            assert len(first.state()["accepted"])
            second.resume(first.state())
        for task in (first, second) if epoch >= 14 else (first,):
            proposal = task.propose(epoch, "before", methods[epoch])
            if proposal is not None:
                task.accept(proposal)
                proposals.append((epoch, proposal.tolist()))
    late = [found for epoch, found in proposals if epoch >= 14]
    assert len(late) == 4
    assert late[0::2] == late[1::2]
    assert taken(first, 20) == taken(second, 20)


@pytest.mark.parametrize(("mode", "proposed"), [("eval", True), ("train", False)])
def test_checks_run_in_the_mode_asked_for_and_leave_no_trace(mode: str, proposed: bool) -> None:
    part = Probation.model_validate({"start": 0, "every": 1, "window": 1, "commit": 1, "mode": mode})
    small, setting = graphs(60), config(pseudo_pairs=part)
    task = AlignmentTask(small, setting, 0)
    method = Table(setting, small, learned(task, small), dropout=0.9)
    state = torch.get_rng_state()
    proposal = task.propose(0, "after", method)
    assert torch.equal(torch.get_rng_state(), state)
    assert method.training
    assert proposal is not None
    everything = sum(map(len, task.pairs.values()))
    assert (len(proposal) == everything) is proposed
