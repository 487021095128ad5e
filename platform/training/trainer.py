"""Ray Train around the plain loop: one worker or several, gloo or nccl, restarted from the run's checkpoint."""

import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import ray
import ray.train
import torch
from ray.exceptions import GetTimeoutError, RayActorError, RayError
from ray.train import (
    ControllerError,
    FailureConfig,
    RunConfig,
    ScalingConfig,
    TrainingFailedError,
    WorkerGroupError,
)
from ray.train.torch import TorchTrainer, get_device

from kgprism.platform.cluster.channel import open_channel
from kgprism.platform.data.graph import Dataset, dataset_of
from kgprism.platform.errors import ConfigurationError, KgprismError, RunError
from kgprism.platform.method import load
from kgprism.platform.settings import SELECTIONS
from kgprism.platform.training import checkpoint
from kgprism.platform.training.loop import Listener, quiet
from kgprism.platform.training.mistakes import MistakeError, Mistakes
from kgprism.platform.training.outcome import Chosen, Outcome, Row
from kgprism.platform.training.run import Run, execute
from kgprism.platform.training.workers import Workers

#: What a run leaves in its folder.
_LEFT = "outcome.pt"
#: Seconds that a worker waits for the driver's answer to a row.
_PATIENCE = 5.0


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
        RunError: if the run failed by itself, or its workers died more than `retries` times; it says of what.
    """
    cpus = cpus_per_worker or max(1.0, ray.cluster_resources().get("CPU", 1.0) // workers)
    scaling = _scaling(workers, {"CPU": cpus, "GPU": gpus_per_worker})
    channel = open_channel()
    (folder / _LEFT).unlink(missing_ok=True)
    plan: dict[str, Any] = {"run": asdict(run), "folder": str(folder), "channel": channel}
    # In a list, because Ray would resolve a bare reference before the worker asks for it.
    plan |= {"data": [ray.put((dataset.name, dataset.arrays()))]}
    failures = FailureConfig(max_failures=retries)
    settings = RunConfig(name=run.id, storage_path=str(folder / "ray"), failure_config=failures)
    trainer = TorchTrainer(_work, train_loop_config=plan, scaling_config=scaling, run_config=settings)
    ended = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        reader = pool.submit(_relay, channel, listener, ended)
        try:
            _fit(trainer, retries)
        except TrainingFailedError as error:
            raise RunError(f"run {run.id}: {_why(error, retries)}") from error
        finally:
            ended.set()
            wait([reader])
            ray.kill(channel)
    reader.result()
    return _read(folder / _LEFT)


def _fit(trainer: TorchTrainer, retries: int) -> None:
    """Fit. Ray Train goes on by itself after a death, but not after one at the very start of the work."""
    for left in reversed(range(retries + 1)):
        try:
            with _interruptible():
                trainer.fit()
        except ControllerError as error:
            if not left or not isinstance(error.controller_failure, RayActorError):
                raise
        else:
            return


@contextmanager
def _interruptible() -> Iterator[None]:
    """Let Ctrl-C end a run as it ends anything else: Ray Train's own answer is to leave Python, then and ever after."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGINT)
    try:
        yield
    except SystemExit:
        raise KeyboardInterrupt from None
    finally:
        # Ray Train's own answer holds the last run's controller, which would stay.
        signal.signal(signal.SIGINT, before)


def _why(error: TrainingFailedError, retries: int) -> str:
    """Say in one line what the last try ended of."""
    if isinstance(error, WorkerGroupError):
        told = [f"worker {rank}: {_line(failure)}" for rank, failure in sorted(error.worker_failures.items())]
        return f"its workers died {retries + 1} times: {'; '.join(told)}"
    return f"Ray Train gave up: {_line(getattr(error, 'controller_failure', error))}"


def _line(error: BaseException) -> str:
    """Return the first line; of what became of an actor Ray gives the reason in the last one."""
    error = getattr(error, "health_check_failure", error)
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [""]
    if isinstance(error, RayActorError):
        lines[0] = " ".join(dict.fromkeys((lines[0], lines[-1])))
    return f"{type(error).__name__}: {lines[0]}"


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
        # Bounded: training never waits for a driver that is busy or gone, nor ends with what carries its rows.
        try:
            return bool(ray.get(plan["channel"].put.remote(row), timeout=_PATIENCE))
        except (RayActorError, GetTimeoutError):
            return False

    _try(Run(**plan["run"]), dataset_of(name, arrays), folder, listen, workers)


def _try(run: Run, dataset: Dataset, folder: Path, listen: Listener, workers: Workers) -> None:
    """Carry a run out and leave what came of it, unless an earlier try has left a mistake of the code."""
    file = folder / _LEFT
    if file.exists():
        return
    left: dict[str, Any]
    try:
        with Mistakes(load(run.method).__module__, several=workers.size > 1, besides=RayError):
            outcome = execute(run, dataset, folder=folder, listener=listen, workers=workers)
        left = {"outcome": asdict(outcome)}
    except MistakeError as error:
        left = {"error": str(error)}
        if workers.size > 1:  # the others may wait for this one: all of them end, and the next try finds the word
            checkpoint.save(file, left)
            raise
    except KgprismError as error:
        # Not a failure of the machine: trying again would end the same way.
        left = {"error": str(error)}
    if workers.first:
        checkpoint.save(file, left)


def _relay(channel: Any, listener: Listener, ended: threading.Event) -> None:
    """Hand the rows to the listener until the run has ended."""
    last = False
    while not last:
        last = ended.wait(0.2)
        rows: list[Row] = []
        with suppress(RayActorError):  # its process died and is started again: only rows are lost
            rows = ray.get(channel.take.remote())
        for row in rows:
            if listener(row):
                channel.halt.remote()


def _read(file: Path) -> Outcome:
    left = checkpoint.read(file, checkpoint.Left)
    if left is None:
        raise RunError(f"the run ended, but left no {file}: is its folder on shared storage?")
    found = left.outcome
    if found is None:
        raise RunError(left.error)
    chosen = {name: Chosen(**found.selections[name]) for name in SELECTIONS if name in found.selections}
    return Outcome(found.history, chosen, found.weights, found.stopped, found.seconds, found.peak_bytes)
