"""Lazy steps: a row that a step names takes AdamW's step, any other stays as it was, to the bit."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import Parameter
from torch.optim import AdamW, SparseAdam

from kgprism.platform import method as methods
from kgprism.platform.data.catalogue import toy
from kgprism.platform.errors import ConfigurationError
from kgprism.platform.method import Method
from kgprism.platform.part import Settings
from kgprism.platform.settings import Training
from kgprism.platform.testing.runs import same
from kgprism.platform.training.optimiser import Moment, Optimiser, step_rows
from kgprism.platform.training.probe import trace
from kgprism.platform.training.run import composed, execute, plan
from kgprism.platform.training.steps import step as step_of
from kgprism.platform.training.workers import Workers

ROWS, WIDTH = 7, 5
RATE, DECAY = 0.01, 0.1


class Table(Method):
    """A table of entities and one weight besides."""

    def __init__(self) -> None:
        super().__init__(Settings(), seed=0)
        self.table = Parameter(numbers(ROWS, WIDTH))
        self.other = Parameter(torch.ones(2))


def numbers(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def sparse(rows: list[int], values: Tensor) -> Tensor:
    return torch.sparse_coo_tensor(torch.tensor([rows]), values, (ROWS, WIDTH), check_invariants=True)


def adamw(table: Parameter, decay: float = DECAY) -> AdamW:
    return AdamW([table], lr=RATE, weight_decay=decay, fused=True)


def test_named_rows_take_adamws_step_and_others_stay() -> None:
    start = numbers(ROWS, WIDTH)
    table, alone, named = Parameter(start.clone()), Parameter(start[[1, 4]].clone()), [1, 4]
    lazy, whole = adamw(table), adamw(alone)
    for step in range(5):
        alone.grad = numbers(2, WIDTH, seed=step + 1)
        table.grad = sparse(named, alone.grad.clone())
        step_rows(lazy)
        assert table.grad is None
        whole.step()
    torch.testing.assert_close(table.detach()[named], alone.detach(), rtol=1e-6, atol=1e-7)
    untouched = [row for row in range(ROWS) if row not in named]
    assert torch.equal(table.detach()[untouched], start[untouched])
    for name in ("exp_avg", "exp_avg_sq"):
        assert not lazy.state[table][name][untouched].any()
        torch.testing.assert_close(lazy.state[table][name][named], whole.state[alone][name])


def test_where_all_rows_are_named_in_each_step_it_is_adamw() -> None:
    one, other = (Parameter(numbers(ROWS, WIDTH)) for _ in range(2))
    lazy, whole = adamw(one), adamw(other)
    for step in range(20):
        other.grad = numbers(ROWS, WIDTH, seed=step + 1)
        order = torch.randperm(ROWS, generator=torch.Generator().manual_seed(step))
        one.grad = sparse(order.tolist(), other.grad[order])
        step_rows(lazy)
        whole.step()
    torch.testing.assert_close(one, other, rtol=1e-6, atol=1e-7)


def test_without_decay_it_is_sparse_adam_whichever_rows_are_named() -> None:
    one, other = (Parameter(numbers(ROWS, WIDTH)) for _ in range(2))
    lazy, theirs = adamw(one, decay=0.0), SparseAdam([other], lr=RATE)
    for step, named in enumerate(([0, 1], [1, 2, 6], [5], [0, 5, 6], [1])):
        values = numbers(len(named), WIDTH, seed=step)
        one.grad, other.grad = sparse(named, values), sparse(named, values.clone())
        step_rows(lazy)
        theirs.step()
    torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-6)


def test_a_row_that_is_first_met_late_takes_a_larger_step() -> None:
    # (1 - b1) g / (1 - b1^t) over sqrt((1 - b2) g^2 / (1 - b2^t)) with t the table's steps, behind the decay.
    table = Parameter(numbers(ROWS, WIDTH))
    lazy, row = adamw(table), numbers(ROWS, WIDTH)[3]
    for named in (0, 0, 3):
        table.grad = sparse([named], torch.full((1, WIDTH), 2.0))
        step_rows(lazy)
    share = (0.1 / (1 - 0.9**3)) / ((1e-3 / (1 - 0.999**3)) ** 0.5)
    torch.testing.assert_close(table.detach()[3], row * (1 - RATE * DECAY) - RATE * share, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("longest", [0.5, 100.0])
def test_clipping_sees_the_sum_of_what_a_row_is_named_with(longest: float) -> None:
    lazy, whole = Table(), Table()
    steppers = [Optimiser(one, Training(clip=longest, learning_rate=RATE, weight_decay=0.0)) for one in (lazy, whole)]
    for step in range(2):
        values = numbers(3, WIDTH, seed=step + 1)
        lazy.table.grad = sparse([2, 5, 2], values)
        whole.table.grad = torch.zeros(ROWS, WIDTH).index_add(0, torch.tensor([2, 5, 2]), values)
        for method, stepper in zip((lazy, whole), steppers, strict=True):
            method.other.grad = torch.tensor([3.0, 4.0])
            stepper.clip()
        torch.testing.assert_close(lazy.table.grad.to_dense(), whole.table.grad)
        torch.testing.assert_close(lazy.other.grad, whole.other.grad)
        for stepper in steppers:
            stepper.step(Moment(0, step))
    torch.testing.assert_close(lazy.table, whole.table, rtol=1e-6, atol=1e-7)
    torch.testing.assert_close(lazy.other, whole.other)


SHORT = {"train.batch_size": 16, "train.step": "batch", "train.epochs": 4, "train.checkpoint_seconds": 0}
FEW = {"train.sampling": "neighbours", "train.sampling.fan_out": 1, "train.sampling.hops": 1}
LAZY = {**SHORT, **FEW, "train.sampling.table_steps": "lazy", "pseudo_pairs": "none", "eval.every": 2}


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("mclea", {"train.clip": 1.0}),
        ("ibmea", {"train.step": "epoch"}),  # clips after each slice
        ("loginmea", {"train.accumulate": 3, "train.schedule": "cosine"}),
        ("eva", {"pseudo_pairs": "probation", "pseudo_pairs.start": 2}),  # forgets all moments
    ],
)
def test_a_lazy_run_goes_on_from_a_checkpoint_as_if_nothing_had_happened(
    name: str, more: dict[str, Any], tmp_path: Path
) -> None:
    graphs = toy.aligned()
    run = plan(name, graphs, 1, LAZY, more)
    whole = execute(run, graphs)
    assert execute(run, graphs, folder=tmp_path, listener=lambda row: row["epoch"] == 2).stopped == "pruned"
    same(whole, execute(run, graphs, folder=tmp_path), "a whole run and one that was cut off")


def test_a_lazy_run_moves_the_entities_it_meets_and_is_a_run_of_its_own() -> None:
    graphs = toy.aligned()
    lazy, dense = (plan("mclea", graphs, 1, LAZY, {"train.sampling.table_steps": word}) for word in ("lazy", "dense"))
    assert lazy.id != dense.id
    first, second = (execute(run, graphs) for run in (lazy, dense))
    # The first step of both sees the same weights; then rows that were not met decay in one of them only.
    assert first.history[0]["loss"] == pytest.approx(second.history[0]["loss"], rel=1e-2)
    assert first.history[1]["loss"] != second.history[1]["loss"]
    start = composed(lazy, graphs)[0].get_parameter("table.weight").detach()
    stayed = [(outcome.weights["table.weight"] == start).all(1).sum() for outcome in (first, second)]
    assert stayed[0] > 0 == stayed[1]


def test_what_a_probe_sees_is_dense() -> None:
    graphs = toy.aligned()
    lazy, dense = (plan("mclea", graphs, 1, LAZY, {"train.sampling.table_steps": word}) for word in ("lazy", "dense"))
    one, other = (trace(run, graphs, rows=16).gradients["table.weight"] for run in (lazy, dense))
    torch.testing.assert_close(one, other)
    assert other.any(1).sum() < len(other)


def test_a_method_that_learns_no_table_is_refused() -> None:
    graphs = toy.aligned()
    with pytest.raises(ConfigurationError, match="table_steps=lazy: EVA learns no table of entities here"):
        execute(plan("eva", graphs, 1, LAZY, {"structure": "none"}), graphs)


def test_without_sampling_there_is_nothing_to_be_lazy_about() -> None:
    with pytest.raises(ConfigurationError, match=r"train\.sampling\.table_steps"):
        plan("mclea", toy.aligned(), 1, {"train.sampling.table_steps": "lazy"})


def test_several_gpus_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    run = plan("mclea", toy.aligned(), 1, LAZY)
    method, task = composed(run, toy.aligned())
    learner, train = task.learner(method), run.settings.train
    monkeypatch.setattr(methods, "device", torch.device)
    with pytest.raises(ConfigurationError, match=r"table_steps=lazy: GPUs add no sparse gradients \(NCCL\)"):
        step_of(learner, Optimiser(method, train), Workers(1, 2), train.model_copy(update={"device": "cuda"}))
