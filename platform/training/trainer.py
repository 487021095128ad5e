"""Ray Train around the plain loop: one worker or several, gloo or nccl, restarted from the run's checkpoint."""

import threading
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import asdict
from pathlib import Path
from typing import Any

import ray
import ray.train
import torch
from ray.train import FailureConfig, RunConfig, ScalingConfig
from ray.train.torch import TorchTrainer, get_device

from kgprism.platform.data.graph import Dataset, dataset_of
from kgprism.platform.errors import ConfigurationError, KgprismError, RunError
from kgprism.platform.settings import SELECTIONS
from kgprism.platform.training import checkpoint
from kgprism.platform.training.loop import Listener, quiet
from kgprism.platform.training.outcome import Chosen, Outcome, Row
from kgprism.platform.training.run import Run, execute
from kgprism.platform.training.workers import Workers

#: Seconds that a worker waits for the driver's answer to a row.
_PATIENCE = 5.0


@ray.remote(num_cpus=0)
class Mailbox:
    """Carries rows from the first worker to the driver, and the wish to stop back."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.stop = False

    def put(self, row: Row) -> bool:
        """Leave a row; return whether to stop."""
        self.rows.append(row)
        return self.stop

    def take(self) -> list[Row]:
        """Return the rows left since the last call."""
        rows, self.rows = self.rows, []
        return rows

    def halt(self) -> None:
        """Ask the run to stop after its current epoch."""
        self.stop = True


def fit(
    run: Run,
    dataset: Dataset,
    *,
    folder: Path,
    workers: int = 1,
    cpus_per_worker: float | None = None,
    gpus_per_worker: float = 0.0,
    listener: Listener = quiet,
    retries: int = 2,
) -> Outcome:
    """Train with Ray Train. `folder` is shared by all nodes and holds the run's checkpoint; Ray must be running.

    Raises:
        ConfigurationError: if the cluster can never hold so many workers.
        RunError: if the run failed by itself, or its workers died more than `retries` times.
    """
    cpus = cpus_per_worker or max(1.0, ray.cluster_resources().get("CPU", 1.0) // workers)
    scaling = _scaling(workers, {"CPU": cpus, "GPU": gpus_per_worker})
    mailbox = Mailbox.remote()  # type: ignore[attr-defined]
    plan = {"run": asdict(run), "folder": str(folder), "mailbox": mailbox}
    # In a list, because Ray would resolve a bare reference before the worker asks for it.
    plan |= {"data": [ray.put((dataset.name, dataset.arrays()))]}
    failures = FailureConfig(max_failures=retries)
    settings = RunConfig(name=run.id, storage_path=str(folder / "ray"), failure_config=failures)
    trainer = TorchTrainer(_work, train_loop_config=plan, scaling_config=scaling, run_config=settings)
    ended = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        reader = pool.submit(_relay, mailbox, listener, ended)
        try:
            trainer.fit()
        except ray.train.TrainingFailedError as error:
            reason = str(error).splitlines()[0]
            raise RunError(f"run {run.id}: its workers died {retries + 1} times: {reason}") from error
        finally:
            ended.set()
            wait([reader])
            ray.kill(mailbox)
    reader.result()
    return _read(folder / "outcome.pt")


def _scaling(workers: int, each: dict[str, float]) -> ScalingConfig:
    """Return how many workers and what each takes, and refuse what would wait for ever."""
    cluster = ray.cluster_resources()
    for name, amount in each.items():
        if workers * amount > cluster.get(name, 0.0):
            raise ConfigurationError(
                f"--workers {workers}: {workers} x {amount:g} {name} wanted, the cluster has {cluster.get(name, 0.0):g}"
            )
    taken = {name: amount for name, amount in each.items() if amount}
    return ScalingConfig(num_workers=workers, use_gpu="GPU" in taken, resources_per_worker=taken)


def _work(plan: dict[str, Any]) -> None:
    """Train on one worker; the first one leaves the outcome, or why there is none, in the run's folder."""
    context = ray.train.get_context()
    workers = Workers(context.get_world_rank(), context.get_world_size())
    name, arrays = ray.get(plan["data"][0])
    folder = Path(plan["folder"])
    # Ray shows a node's GPUs to all of its workers: without this they would share the first one.
    if (device := get_device()).type == "cuda":
        torch.cuda.set_device(device)

    def listen(row: Row) -> bool:
        # Bounded: training never waits for a driver that is busy or gone.
        answered, _ = ray.wait([plan["mailbox"].put.remote(row)], timeout=_PATIENCE)
        return bool(answered and ray.get(answered[0]))

    try:
        outcome = execute(Run(**plan["run"]), dataset_of(name, arrays), folder=folder, listener=listen, workers=workers)
        left = asdict(outcome) if workers.first else {}
    except KgprismError as error:
        # Not a failure of the machine: trying again would end the same way.
        left = {"error": str(error)}
    if workers.first:
        checkpoint.save(folder / "outcome.pt", left)


def _relay(mailbox: Any, listener: Listener, ended: threading.Event) -> None:
    """Hand the rows to the listener until the run has ended."""
    last = False
    while not last:
        last = ended.wait(0.2)
        for row in ray.get(mailbox.take.remote()):
            if listener(row):
                mailbox.halt.remote()


def _read(file: Path) -> Outcome:
    left = checkpoint.read(file)
    if "error" in left:
        raise RunError(left["error"])
    chosen = {name: Chosen(**left["selections"][name]) for name in SELECTIONS if name in left["selections"]}
    return Outcome(**left | {"selections": chosen})
