import os
import signal

import pytest
import torch

from kgprism.platform.data import toy
from kgprism.platform.errors import ConfigurationError, RunError
from kgprism.platform.training.run import execute, plan
from kgprism.platform.training.trainer import fit

pytestmark = pytest.mark.ray
SMALL = {"modal_width": 16, "graph_width": 16, "train.batch_size": 31, "train.epochs": 6, "eval.every": 3}
PAIRS = {"pseudo_pairs.start": 0, "pseudo_pairs.every": 1, "pseudo_pairs.window": 2, "pseudo_pairs.commit": 2}


def test_two_workers_are_one(cluster, tmp_path):
    graphs = toy.aligned()
    # An odd batch size: the workers' shares differ in length. The learning rate shows the gradients in the losses.
    run = plan("loginmea", graphs, 5, SMALL | PAIRS | {"train.learning_rate": 0.01})
    rows = []
    alone = execute(run, graphs)
    together = fit(
        run, graphs, folder=tmp_path, workers=2, cpus_per_worker=1, listener=lambda row: bool(rows.append(row))
    )
    assert [row["loss"] for row in together.history] == pytest.approx([row["loss"] for row in alone.history], rel=1e-4)
    assert [row["epoch"] for row in rows] == [1, 2, 3, 4, 5, 6]
    assert together.selections["last"].metrics == pytest.approx(alone.selections["last"].metrics, abs=0.02)
    for name, weight in alone.weights.items():
        torch.testing.assert_close(together.weights[name], weight, rtol=1e-2, atol=1e-3)


def test_a_killed_worker_goes_on_from_the_checkpoint_and_a_failed_run_says_why(cluster, tmp_path):
    graphs = toy.aligned()
    run = plan("loginmea", graphs, 5, SMALL | {"train.checkpoint_seconds": 0, "train.epochs": 300, "eval.every": 100})
    epochs, killed = [], []

    def kill_once(row):
        epochs.append(row["epoch"])
        if row["epoch"] >= 30 and not killed:
            killed.append(_worker())
            os.kill(killed[0], signal.SIGKILL)
        return False

    outcome = fit(run, graphs, folder=tmp_path, workers=1, cpus_per_worker=1, listener=kill_once)
    assert killed
    assert len(outcome.history) == 300
    # It went on near where it was killed; the epochs since the last checkpoint came twice at most.
    assert len(epochs) < 300 + 250
    assert [row["epoch"] for row in outcome.history] == list(range(1, 301))

    damaged = plan("loginmea", graphs, 6, SMALL)
    (tmp_path / "checkpoint.pt").write_bytes(b"no checkpoint")
    with pytest.raises(RunError, match="damaged checkpoint"):
        fit(damaged, graphs, folder=tmp_path, workers=1, cpus_per_worker=1)


def test_more_workers_than_the_cluster_holds_are_refused(cluster, tmp_path):
    graphs = toy.aligned()
    with pytest.raises(ConfigurationError, match="--workers 99: 99 x 1 CPU wanted, the cluster has 6"):
        fit(plan("loginmea", graphs, 0), graphs, folder=tmp_path, workers=99, cpus_per_worker=1)


def _worker() -> int:
    """The process id of the only train worker there is."""
    import ray
    from ray.util.state import list_actors

    found = [
        a.pid
        for a in list_actors(ray.get_runtime_context().gcs_address, filters=[("state", "=", "ALIVE")], detail=True)
        if "RayTrainWorker" in a.class_name
    ]
    assert len(found) == 1
    return int(found[0])
