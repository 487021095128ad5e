"""Carry out the cells of a suite on Ray: every distinct run once, resumable, a failing run ends nothing else."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import ray
from ray.exceptions import RayError, RayTaskError

from kgprism.platform.data.graph import Dataset
from kgprism.platform.errors import ConfigurationError, KgprismError
from kgprism.platform.studies import tensorboard
from kgprism.platform.studies.cells import Cell
from kgprism.platform.studies.session import share
from kgprism.platform.studies.store import Store
from kgprism.platform.studies.worker import News, Order, work
from kgprism.platform.training.outcome import Row

#: How often a run is started again after its worker has died.
RETRIES = 3


@dataclass(frozen=True)
class Event:
    """Something that happened to a run and so to all of its cells. ``row`` belongs to ``epoch``."""

    kind: Literal["reused", "queued", "waiting", "started", "epoch", "finished", "failed"]
    cells: tuple[Cell, ...]
    row: Row | None = None
    reason: str = ""


Listener = Callable[[Event], None]


@dataclass(frozen=True)
class Resources:
    """What one run takes: so many Ray Train workers, each with these processors."""

    workers: int = 1
    cpus: float = 1.0
    gpus: float = 0.0

    def __post_init__(self) -> None:
        if self.workers < 1 or self.cpus <= 0 or self.gpus < 0:
            raise ConfigurationError(f"a run needs a worker and a part of a CPU, got {self}")

    def fitting(self) -> int:
        """Return how many runs the cluster holds now."""
        cluster, needs = ray.cluster_resources(), {"CPU": self.cpus, "GPU": self.gpus}
        return int(min(cluster.get(name, 0.0) // (each * self.workers) for name, each in needs.items() if each > 0))


def carry_out(
    cells: Iterable[Cell],
    datasets: Mapping[str, Dataset],
    store: Store,
    *,
    cpus_per_run: float = 1.0,
    gpus_per_run: float = 0.0,
    workers: int = 1,
    events: Path | None = None,
    listener: Listener | None = None,
) -> dict[str, str]:
    """Run what is not finished, in the order of the cells, inside a Ray session; return why runs failed, by run id.

    Args:
        cpus_per_run: of each of a run's workers, and so `gpus_per_run`.
        workers: more than one: Ray Train inside each run.
        events: where TensorBoard's files go, such as ``<home>/studies/<suite>/tensorboard``.
        listener: told what happens, in this process.
    """
    tell = listener or (lambda event: None)
    grouped: dict[str, list[Cell]] = {}
    for cell in cells:
        grouped.setdefault(cell.run.id, []).append(cell)
    todo = []
    for run_id, same in grouped.items():
        finished = store.has(run_id)
        tell(Event("reused" if finished else "queued", tuple(same)))
        if finished:
            _draw(store, run_id, same, events)
        else:
            todo.append(run_id)
    if not todo:
        return {}
    return _Driver(grouped, datasets, store, Resources(workers, cpus_per_run, gpus_per_run), events, tell).carry_out(
        todo
    )


class _Driver:
    """The runs in flight."""

    def __init__(
        self,
        cells: Mapping[str, list[Cell]],
        datasets: Mapping[str, Dataset],
        store: Store,
        resources: Resources,
        events: Path | None,
        tell: Listener,
    ) -> None:
        self.cells, self.datasets, self.store, self.resources = cells, datasets, store, resources
        self.events, self.tell = events, tell
        self.news: Any = News.remote()  # type: ignore[attr-defined]
        self.references: dict[str, ray.ObjectRef] = {}
        self.flying: dict[ray.ObjectRef, str] = {}
        self.failures: dict[str, str] = {}

    def carry_out(self, todo: list[str]) -> dict[str, str]:
        if not self.resources.fitting():
            self._refuse_or_wait(todo)
        try:
            while todo or self.flying:
                while todo and len(self.flying) < self._room():
                    self._submit(todo.pop(0))
                ready, _ = ray.wait(list(self.flying), timeout=0.5)
                self._hear()
                for reference in ready:
                    self._settle(reference, self.flying.pop(reference))
        finally:  # also on Ctrl-C: what is under way resumes from its checkpoint next time
            for reference in self.flying:
                ray.cancel(reference, force=True)
            ray.kill(self.news)
        return self.failures

    def _room(self) -> int:
        """Return how many runs may be in flight; single-process ones queue up a little, which an autoscaler sees."""
        fitting = self.resources.fitting()
        return max(1, fitting if self.resources.workers > 1 else 2 * fitting)

    def _refuse_or_wait(self, todo: list[str]) -> None:
        each = f"{self.resources.cpus:g} CPU and {self.resources.gpus:g} GPU"
        if self.resources.workers > 1:
            raise ConfigurationError(f"the cluster cannot hold {self.resources.workers} workers of {each}")
        for run_id in todo:
            self.tell(Event("waiting", tuple(self.cells[run_id]), reason=f"no node has {each}"))

    def _submit(self, run_id: str) -> None:
        cell, resources = self.cells[run_id][0], self.resources
        if cell.dataset not in self.references:
            self.references[cell.dataset] = share(self.datasets[cell.dataset])
        order = Order(
            run=replace(cell.run),  # without the settings that this process has cached in it
            id=run_id,
            data=[self.references[cell.dataset]],
            store=self.store.folder,
            news=self.news,
            events=tensorboard.folder(self.events, cell) if self.events else None,
            workers=resources.workers,
            cpus=resources.cpus,
            gpus=resources.gpus,
        )
        alone = resources.workers == 1
        needs: dict[str, Any] = {"num_cpus": resources.cpus if alone else 0, "num_gpus": resources.gpus if alone else 0}
        # Ray keeps the process for the next run, but not after one that used a GPU, as its device is fixed by then.
        remote = ray.remote(work).options(**needs, max_retries=RETRIES, name=f"run {run_id}")
        self.flying[remote.remote(order)] = run_id

    def _hear(self) -> None:
        """Tell what the workers sent since the last time."""
        for run_id, row in ray.get(self.news.take.remote()):
            self.tell(Event("started" if row is None else "epoch", tuple(self.cells[run_id]), row))

    def _settle(self, reference: ray.ObjectRef, run_id: str) -> None:
        """Note how a run has ended; what it raised is shown in its cells."""
        same = tuple(self.cells[run_id])
        try:
            ray.get(reference)
        except RayError as error:
            reason = _reason(error)
        else:
            reason = (
                "" if self.store.has(run_id) else f"finished, but not in {self.store.folder}: is it on shared storage?"
            )
        self._hear()
        if reason:
            self.failures[run_id] = reason
            self.store.fail(run_id, reason)
            self.tell(Event("failed", same, reason=reason))
        else:
            _draw(self.store, run_id, same, self.events)
            self.tell(Event("finished", same))


def _reason(error: RayError) -> str:
    """Say in one line why a run ended: its own words, or what became of its worker."""
    cause = error.cause if isinstance(error, RayTaskError) else error
    if isinstance(cause, KgprismError):
        return str(cause)
    first = (str(cause).strip().splitlines() or [""])[0]
    return f"{type(cause).__name__}: {first}"


def _draw(store: Store, run_id: str, cells: Iterable[Cell], events: Path | None) -> None:
    """Write a finished run's curves for each of its cells."""
    record = store.read(run_id) if events else None
    if events and record:
        for cell in cells:
            tensorboard.write_run(tensorboard.folder(events, cell), record, {"variant": cell.variant})
