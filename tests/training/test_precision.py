"""Mixed precision: what is rounded and what is not."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from kgprism.platform.data.catalogue import toy
from kgprism.platform.method import Completion, Method
from kgprism.platform.part import Settings
from kgprism.platform.settings import CompletionEvaluation, CompletionTraining
from kgprism.platform.tasks.completion import CompletionTask
from kgprism.platform.training.loop import Loop
from kgprism.platform.training.run import execute, plan

#: The next number above 1 in bfloat16 is 1 + 2^-7.
X = 1 + 2**-10


class Square(Method):
    """Loss and score are products of the same number, taken by a matrix product."""

    def __init__(self, entities: int) -> None:
        super().__init__(Settings(), seed=0)
        self.entities = entities
        self.x = torch.nn.Parameter(torch.full((1, 1), X))
        self.judged: list[float] = []

    def forward(self, batch: Any, phase: str = "train") -> dict[str, Tensor]:
        return {"square": (self.x @ self.x).sum()}

    def answer(self) -> Any:
        self.judged.append((self.x @ self.x).item())
        return lambda known, relation, side: torch.rand(len(known), self.entities)


@pytest.mark.parametrize(("precision", "loss"), [("float32", X**2), ("bfloat16", 1.0)])
def test_training_rounds_matrix_products_and_the_judge_never_does(precision: str, loss: float) -> None:
    train = CompletionTraining(epochs=1, batch_size=2000, precision=precision, learning_rate=1e-30, device="cpu")
    config, graph = Completion.Config(train=train), toy.completion()
    method = Square(len(graph.graph.entities))
    row = Loop(method, CompletionTask(graph, config, 0), train, CompletionEvaluation(every=1)).run().history[0]
    assert row["loss"] == loss
    assert set(method.judged) == {X**2}
    assert method.x.dtype == torch.float32


def gradient(method: Method, batch: Any, precision: torch.dtype | None) -> Tensor:
    """Return the gradients of all phases in one row."""
    method.start_epoch(0)
    for phase in method.phases:
        with torch.autocast("cpu", precision, enabled=precision is not None), torch.random.fork_rng():
            torch.manual_seed(0)
            losses = method(batch, phase)
        torch.stack(list(losses.values())).sum().backward()
    return torch.cat([p.grad.flatten() for p in method.parameters() if p.grad is not None])


def test_every_method_learns_the_same_in_bfloat16(variant: Any) -> None:
    batch = variant.batches()[0]
    exact, rounded = (gradient(variant.build(), batch, precision) for precision in (None, torch.bfloat16))
    assert rounded.isfinite().all()
    assert rounded.dtype == torch.float32
    assert torch.cosine_similarity(exact, rounded, 0) > 0.98 or not exact.any()


@pytest.mark.parametrize(
    ("method", "graph", "small"),
    [
        ("loginmea", toy.aligned, {"modal_width": 8, "graph_width": 8, "train.batch_size": 40}),
        ("dhns", toy.completion, {"scoring.dim": 8, "negatives.sampled.count": 4, "train.batch_size": 200}),
    ],
)
def test_runs_in_bfloat16_end_and_have_an_identity_of_their_own(method: str, graph: Any, small: dict[str, Any]) -> None:
    data, short = graph(), {"train.epochs": 2, "train.device": "cpu", "train.learning_rate": 0.01} | small
    runs = [plan(method, data, 0, short, {"train.precision": word}) for word in ("float32", "bfloat16")]
    assert runs[0].id == plan(method, data, 0, short).id != runs[1].id
    exact, rounded = (execute(run, data).history[-1]["loss"] for run in runs)
    assert math.isfinite(rounded)
    assert rounded == pytest.approx(exact, rel=0.05)
    assert rounded != exact
