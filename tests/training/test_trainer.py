import os
import signal

import pytest
import torch
from ray.exceptions import RayActorError
from ray.train import ControllerError, WorkerGroupError
from ray.train.v2._internal.exceptions import WorkerHealthCheckFailedError

from kgprism.platform.data.catalogue import toy
from kgprism.platform.errors import ConfigurationError, RunError
from kgprism.platform.training.run import execute, plan
from kgprism.platform.training.trainer import _fit, _read, _why, fit

SMALL = {"modal_width": 16, "graph_width": 16, "train.batch_size": 31, "train.epochs": 6, "eval.every": 3}
PAIRS = {"pseudo_pairs.start": 0, "pseudo_pairs.every": 1, "pseudo_pairs.window": 2, "pseudo_pairs.commit": 2}


@pytest.mark.ray
def test_two_workers_are_one(cluster, tmp_path):
    graphs = toy.aligned()
    # An odd batch size: the workers' shares differ in length. The learning rate shows the gradients in the losses; with
    # a new optimiser every epoch each step would be the gradient's sign, and rounding tells the sign of a zero.
    kept = {"pseudo_pairs.restart": "never"}
    run = plan("loginmea", graphs, 5, SMALL | PAIRS | kept | {"train.learning_rate": 0.01})
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


@pytest.mark.ray
def test_a_failed_run_says_why(cluster, tmp_path):
    graphs = toy.aligned()
    run = plan("loginmea", graphs, 6, SMALL | {"train.learning_rate": 1e30})
    with pytest.raises(RunError, match=r"loss '.*' is (nan|inf)"):
        fit(run, graphs, folder=tmp_path, workers=1, cpus_per_worker=1)


@pytest.mark.ray
def test_ctrl_c_ends_a_run_and_is_given_back(cluster, tmp_path):
    graphs, before = toy.aligned(), signal.getsignal(signal.SIGINT)
    run = plan("loginmea", graphs, 5, SMALL | {"train.epochs": 10**6, "eval.every": 10**6})
    interrupted = []

    def interrupt(row):
        if not interrupted:
            interrupted.append(row)
            os.kill(os.getpid(), signal.SIGINT)
        return False

    with pytest.raises(KeyboardInterrupt):
        fit(run, graphs, folder=tmp_path, workers=1, cpus_per_worker=1, listener=interrupt)
    assert signal.getsignal(signal.SIGINT) is before


class Accident:
    """Ray Train that ends so many times in the same way."""

    def __init__(self, error, times):
        self.error, self.times, self.fits = error, times, 0

    def fit(self):
        self.fits += 1
        if self.fits <= self.times:
            raise self.error


def test_a_worker_that_dies_at_the_very_start_is_tried_again():
    died = ControllerError(RayActorError())
    once, always = Accident(died, 1), Accident(died, 9)
    _fit(once, retries=2)
    assert once.fits == 2
    with pytest.raises(ControllerError):
        _fit(always, retries=2)
    assert always.fits == 3
    bug = Accident(ControllerError(ValueError("a bug")), 9)
    with pytest.raises(ControllerError):
        _fit(bug, retries=2)
    assert bug.fits == 1


def test_what_the_last_try_ended_of_is_told_in_one_line():
    dead = RayActorError(error_msg="The actor died.\n\tpid: 7\nThe actor died because its node has died.\n")
    failures = {1: ZeroDivisionError("a\nb"), 0: WorkerHealthCheckFailedError("A worker health check failed.", dead)}
    assert _why(WorkerGroupError("", failures), retries=2) == (
        "its workers died 3 times: worker 0: RayActorError: The actor died. The actor died because its node has died.; "
        "worker 1: ZeroDivisionError: a"
    )
    assert _why(ControllerError(ValueError("a bug")), retries=2) == "Ray Train gave up: ValueError: a bug"


def test_an_outcome_that_did_not_arrive_is_told(tmp_path):
    with pytest.raises(RunError, match=r"left no .*outcome.pt: is its folder on shared storage\?"):
        _read(tmp_path / "outcome.pt")


@pytest.mark.ray
def test_more_workers_than_the_cluster_holds_are_refused(cluster, tmp_path):
    graphs = toy.aligned()
    with pytest.raises(ConfigurationError, match="--workers 99: 99 x 1 CPU wanted, the cluster has 6"):
        fit(plan("loginmea", graphs, 0), graphs, folder=tmp_path, workers=99, cpus_per_worker=1)
