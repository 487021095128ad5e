"""One of two processes that train together over gloo, without Ray: `one_of_two.py RANK FOLDER`."""

import sys
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, distributed

from kgprism.platform.data.catalogue import toy
from kgprism.platform.errors import RunError
from kgprism.platform.training import checkpoint
from kgprism.platform.training.loop import Loop
from kgprism.platform.training.run import Run, composed
from kgprism.platform.training.workers import Workers


def refused(workers: Workers) -> str:
    """Return what this worker hears where only the second one finds an error."""

    def share() -> Tensor:
        if not workers.first:
            raise RunError("a score is not finite")
        return torch.zeros(3, dtype=torch.int32)

    try:
        workers.sum(share)
    except RunError as error:
        return str(error)
    return ""


def trained(run: Run, dataset: Any, workers: Workers) -> dict[str, Any]:
    """Return the history, and whether all counts of both together are those of one alone, bit for bit."""
    method, task = composed(run, dataset)
    outcome = Loop(method, task, run.settings.train, run.settings.eval, workers=workers).run()
    same, epochs = [], run.settings.train.epochs
    for split in task.splits:
        method.start_epoch(epochs)  # a judge may draw, from numbers of its epoch
        together = workers.sum(partial(task.count, method.eval(), split, workers.rank, workers.size))
        method.start_epoch(epochs)
        same.append(torch.equal(together, task.count(method.eval(), split)))
    return {"history": outcome.history, "same": same}


def main() -> None:
    rank, folder = int(sys.argv[1]), Path(sys.argv[2])
    distributed.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=2)
    workers, graphs = Workers(rank, 2), {graph.name: graph for graph in (toy.aligned(), toy.completion())}
    left = {"refused": refused(workers), "summed": workers.sum(lambda: torch.full((2,), rank + 1)), "outcomes": []}
    for plain in checkpoint.load(folder / "runs.pt"):
        run = Run(**plain)
        left["outcomes"].append(trained(run, graphs[run.dataset], workers))
    checkpoint.save(folder / f"left_{rank}.pt", left)
    distributed.destroy_process_group()


main()
