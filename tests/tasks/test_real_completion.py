"""Golden numbers of completion specification 0.8 that need the judge and the sampler."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from kgprism.platform.data.graph import CompletionGraph
from kgprism.platform.data.readers import layouts
from kgprism.platform.method import Answer, Completion
from kgprism.platform.nn.negatives.sampler import head_share
from kgprism.platform.settings import CompletionEvaluation
from kgprism.platform.tasks.completion import CompletionTask

pytestmark = pytest.mark.real


class Frequency(Completion):
    """The score of an entity is how often it stands on that side of the relation in training."""

    def __init__(self, graph: CompletionGraph) -> None:
        torch.nn.Module.__init__(self)
        triples = torch.from_numpy(graph.graph.triples)
        shape = len(graph.graph.relations), len(graph.graph.entities)
        self.counts: dict[str, Tensor] = {}
        for side, column in (("head", 0), ("tail", 2)):
            cells = triples[:, 1] * shape[1] + triples[:, column]
            self.counts[side] = torch.bincount(cells, minlength=shape[0] * shape[1]).view(shape).float()

    def answer(self) -> Answer:
        return lambda known, relation, side: self.counts[side][relation]


def judged(graph: CompletionGraph, filter: str = "all") -> dict[str, float]:
    config = Completion.Config(eval=CompletionEvaluation(filter=filter))
    return dict(CompletionTask(graph, config, 0).judge(Frequency(graph), "test").metrics)


@pytest.mark.parametrize(
    ("name", "optimistic", "realistic", "train_only"),
    [("DB15K", 0.1444, 0.1342, 0.1433), ("MKG-W", 0.1529, 0.1423, 0.1522), ("MKG-Y", 0.0243, 0.0190, 0.0243)],
)
def test_the_frequency_baseline(real: Path, name: str, optimistic: float, realistic: float, train_only: float) -> None:
    graph = layouts.read(name, real / name)
    assert isinstance(graph, CompletionGraph)
    found = judged(graph)
    assert found["mean/mrr_optimistic"] == pytest.approx(optimistic, abs=5e-5)
    assert found["mean/mrr"] == pytest.approx(realistic, abs=5e-5)
    assert judged(graph, "train")["mean/mrr_optimistic"] == pytest.approx(train_only, abs=5e-5)


def test_the_frequency_baseline_by_direction(real: Path) -> None:
    graph = layouts.read("DB15K", real / "DB15K")
    assert isinstance(graph, CompletionGraph)
    found = judged(graph)
    assert found["tail/mrr_optimistic"] == pytest.approx(0.2576, abs=5e-5)
    assert found["head/mrr_optimistic"] == pytest.approx(0.0313, abs=5e-5)
    assert found["mean/hits_at_1_optimistic"] == pytest.approx(0.0937, abs=5e-5)


@pytest.mark.parametrize(
    ("name", "shares", "mean"),
    [
        ("DB15K", {0: 0.408705, 1: 0.0684, 2: 0.199234}, 0.2905),
        ("MKG-W", {0: 0.239452, 2: 0.02765}, 0.1913),
        ("MKG-Y", {0: 0.351636, 2: 0.76}, 0.5387),
    ],
)
def test_bernoulli_shares(real: Path, name: str, shares: dict[int, float], mean: float) -> None:
    graph = layouts.read(name, real / name)
    assert isinstance(graph, CompletionGraph)
    triples = torch.from_numpy(graph.graph.triples)
    found = head_share(triples, len(graph.graph.relations))
    for relation, share in shares.items():
        assert found[relation].item() == pytest.approx(share, abs=5e-6)
    assert found[triples[:, 1]].double().mean().item() == pytest.approx(mean, abs=5e-5)
