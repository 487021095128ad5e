"""RotatE on DB15K: a training epoch and the filtered evaluation of all test triples, here and in PyKEEN.

Both run in this process with the same threads, on the same triples, with 250 complex dimensions, batches of 1024 and
128 negatives. The distances are not quite the same: PyKEEN's RotatE takes the L2 norm over all coordinates, ours sums
the moduli, as the releases do, which is the dearer one. Ours are filtered exactly; PyKEEN's are not filtered at all,
which is its faster setting. Needs the dataset `db15k` (`kgprism data import db15k --from DIR`) and
`pip install "kgprism[test]"`.
"""

import argparse
import time
from collections.abc import Callable

import torch
from pykeen.evaluation import RankBasedEvaluator
from pykeen.models import RotatE
from pykeen.training import SLCWATrainingLoop
from pykeen.triples import CoreTriplesFactory

from kgprism.methods.kge import KGE
from kgprism.platform.data.catalogue import datasets
from kgprism.platform.data.graph import CompletionGraph
from kgprism.platform.data.inputs.training_graph import prepare
from kgprism.platform.settings import CompletionTraining
from kgprism.platform.tasks.completion import CompletionTask
from kgprism.platform.training.loop import Loop

DIM, BATCH, NEGATIVES, MARGIN, RATE = 250, 1024, 128, 12.0, 1e-3
#: Bounds that we hold ourselves to (issue Completion).
EVALUATION, EPOCH = 2.0, 1.5


def clocked(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def ours(graph: CompletionGraph) -> tuple[Callable[[], object], Callable[[], object]]:
    """Return what trains one epoch and what evaluates."""
    config = KGE.Config(
        scoring={"kind": "rotate", "dim": DIM, "margin": MARGIN},
        negatives={"kind": "uniform", "count": NEGATIVES},
        train=CompletionTraining(batch_size=BATCH, learning_rate=RATE, draw="shuffle", epochs=1),
    )
    method = KGE(config, prepare(graph, config.data, 0, ()), 0)
    task = CompletionTask(graph, config, 0)
    loop = Loop(method, task, config.train, config.eval)
    return lambda: loop._steps(0), lambda: task.judge(method.eval(), "test")


def theirs(graph: CompletionGraph, count: int) -> tuple[Callable[[], object], Callable[[], object]]:
    """Return the same two in PyKEEN; it evaluates the first `count` test triples."""
    sizes = {"num_entities": len(graph.graph.entities), "num_relations": len(graph.graph.relations)}
    train, valid, test = (torch.from_numpy(t.copy()) for t in (graph.graph.triples, graph.valid, graph.test))
    factory = CoreTriplesFactory(train, **sizes)
    model = RotatE(
        triples_factory=factory,
        embedding_dim=DIM,
        loss="nssa",
        loss_kwargs={"margin": MARGIN, "adversarial_temperature": 1.0},
        random_seed=0,
    )
    loop = SLCWATrainingLoop(
        model=model,
        triples_factory=factory,
        optimizer=torch.optim.Adam(model.parameters(), lr=RATE),
        negative_sampler_kwargs={"num_negs_per_pos": NEGATIVES},
    )
    evaluator = RankBasedEvaluator(filtered=True)
    options = {"use_tqdm": False, "additional_filter_triples": [train, valid]}
    return (
        lambda: loop.train(
            factory, num_epochs=1, batch_size=BATCH, drop_last=True, use_tqdm=False, use_tqdm_batch=False
        ),
        lambda: evaluator.evaluate(model, test[:count], batch_size=4, **options),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument(
        "--theirs", type=int, default=0, help="test triples for PyKEEN, whose time is scaled up; 0: all"
    )
    parser.add_argument("--only", choices=("epoch", "evaluation"))
    asked = parser.parse_args()
    graph = datasets.load("db15k")
    assert isinstance(graph, CompletionGraph)
    count = asked.theirs or len(graph.test)
    factor = {"epoch": 1.0, "evaluation": len(graph.test) / count}
    print(
        f"{torch.get_num_threads()} threads, torch {torch.__version__}, {len(graph.test)} test triples, PyKEEN {count}"
    )
    pairs = dict(zip(factor, zip(ours(graph), theirs(graph, count), strict=True), strict=True))
    for what, bound in (("epoch", EPOCH), ("evaluation", EVALUATION)):
        if asked.only in (None, what):
            mine, other = pairs[what]
            for _ in range(asked.rounds):
                here, there = clocked(mine), clocked(other) * factor[what]
                print(
                    f"{what}: here {here:.1f} s, PyKEEN {there:.1f} s, ratio {there / here:.2f} (bound {bound})",
                    flush=True,
                )


if __name__ == "__main__":
    main()
