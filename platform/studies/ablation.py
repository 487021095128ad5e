"""Carry out the cells of a suite on Ray: every distinct run once, resumable, a failing run ends nothing else."""

import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import ray
from ray.exceptions import RayActorError, RayError, RayTaskError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from kgprism.platform.data.graph import Dataset
from kgprism.platform.errors import ConfigurationError, KgprismError
from kgprism.platform.studies import tensorboard
from kgprism.platform.studies.cells import Cell
from kgprism.platform.studies.news import News
from kgprism.platform.studies.packing import pack as measured
from kgprism.platform.studies.resources import Resources
from kgprism.platform.studies.retry import MemoryShortageError, disk
from kgprism.platform.studies.session import share
from kgprism.platform.studies.store import Store
from kgprism.platform.studies.worker import Order, work
from kgprism.platform.training.outcome import Row

#: Seconds between two looks at the runs in flight.
_PAUSE = 0.5
#: How often a run is started again after its worker has died.
RETRIES = 3


@dataclass(frozen=True)
class Event:
    """Something that happened to a run and so to all of its cells. ``row`` belongs to ``epoch``."""

    kind: Literal["reused", "queued", "waiting", "started", "epoch", "finished", "failed", "retried"]
    cells: tuple[Cell, ...]
    row: Row | None = None
    reason: str = ""


Listener = Callable[[Event], None]


def carry_out(
    cells: Iterable[Cell],
    datasets: Mapping[str, Dataset],
    store: Store,
    *,
    cpus_per_run: float = 1.0,
    gpus_per_run: float = 0.0,
    workers: int = 1,
    pack: bool = False,
    events: Path | None = None,
    listener: Listener | None = None,
) -> dict[str, str]:
    """Run what is not finished, in the order of the cells, inside a Ray session; return why runs failed, by run id.

    Args:
        cpus_per_run: of each of a run's workers, and so `gpus_per_run`.
        workers: more than one: Ray Train inside each run.
        pack: measure a run of each method and dataset first, then give the others the share of a GPU and the memory
            that it needs; `gpus_per_run` only says whether there are any.
        events: where TensorBoard's files go, such as ``<home>/studies/<suite>/tensorboard``.
        listener: told what happens, in this process.

    Raises:
        ConfigurationError: if the cluster cannot hold the workers of a run.
        RunError: if the disk of the store is full.
    """
    asked = Resources(workers, cpus_per_run, gpus_per_run)
    if pack and workers > 1:
        raise ConfigurationError("--pack measures runs of one process: leave --workers out")
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
    with disk(store.folder):
        return _Driver(grouped, datasets, store, asked, events, tell).carry_out(todo, pack)


class _Driver:
    """The runs in flight."""

    def __init__(
        self,
        cells: Mapping[str, list[Cell]],
        datasets: Mapping[str, Dataset],
        store: Store,
        asked: Resources,
        events: Path | None,
        tell: Listener,
    ) -> None:
        self.cells, self.datasets, self.store, self.asked = cells, datasets, store, asked
        self.events, self.tell = events, tell
        # Beside this process: on another node it could be lost with it.
        here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
        self.news: Any = News.options(scheduling_strategy=here, max_restarts=-1).remote()  # type: ignore[attr-defined]
        self.shares: dict[str, Resources] = {}
        self.notes: dict[str, tuple[str, ...]] = {}
        self.references: dict[str, ray.ObjectRef] = {}
        self.flying: dict[ray.ObjectRef, str] = {}
        self.failures: dict[str, str] = {}

    def carry_out(self, todo: list[str], pack: bool) -> dict[str, str]:
        if not self.asked.fitting():
            self._refuse_or_wait(todo)
        try:
            if pack:
                runs = {run_id: self.cells[run_id][0].run for run_id in todo}
                references = {run.dataset: self._reference(run.dataset) for run in runs.values()}
                self.shares = measured(runs, references, self.asked)
            while todo or self.flying:
                while todo and len(self.flying) < self._room(todo[0]):
                    self._submit(todo.pop(0))
                self._hear()
                self._wait()
        finally:  # also on Ctrl-C: what is under way resumes from its checkpoint next time
            for reference in self.flying:
                ray.cancel(reference, force=True)
            ray.kill(self.news)
        return self.failures

    def _wait(self) -> None:
        """Settle what has ended; several workers may have to wait until a lost node is back."""
        if not self.flying:
            time.sleep(_PAUSE)
            return
        ready, _ = ray.wait(list(self.flying), timeout=_PAUSE)
        for reference in ready:
            self._settle(reference, self.flying.pop(reference))

    def _room(self, run_id: str) -> int:
        """Return how many runs may be in flight; single-process ones queue up a little, which an autoscaler sees."""
        fitting = self._share(run_id).fitting()
        return fitting if self.asked.workers > 1 else max(1, 2 * fitting)

    def _share(self, run_id: str) -> Resources:
        return self.shares.get(run_id, self.asked)

    def _reference(self, dataset: str) -> ray.ObjectRef:
        """Return the dataset in the object store, put there once."""
        if dataset not in self.references:
            self.references[dataset] = share(self.datasets[dataset])
        return self.references[dataset]

    def _refuse_or_wait(self, todo: list[str]) -> None:
        if self.asked.workers > 1:
            raise ConfigurationError(f"the cluster cannot hold {self.asked.workers} workers of {self.asked}")
        for run_id in todo:
            self.tell(Event("waiting", tuple(self.cells[run_id]), reason=f"no node has {self.asked}"))

    def _submit(self, run_id: str) -> None:
        cell, resources = self.cells[run_id][0], self._share(run_id)
        order = Order(
            # Without the settings that this process has cached in it.
            run=replace(cell.run, notes=(*cell.run.notes, *self.notes.get(run_id, ()))),
            id=run_id,
            data=[self._reference(cell.dataset)],
            store=self.store.folder,
            news=self.news,
            events=tensorboard.folder(self.events, cell) if self.events else None,
            resources=resources,
        )
        name: dict[str, Any] = {"max_retries": RETRIES, "name": f"run {run_id}"}
        if resources.workers == 1:
            needs = {"num_cpus": resources.cpus, "num_gpus": resources.gpus, "memory": resources.memory or None}
            # Ray keeps the process for the next run, but not after one that used a GPU: its device is fixed by then.
            remote = ray.remote(work).options(**needs, **name)
        else:
            # It only starts and awaits others. Ray Train's actors live as long as their process; one on a lost node
            # takes the run with it.
            remote = ray.remote(num_cpus=0, max_calls=1)(work).options(retry_exceptions=[RayActorError], **name)
        self.flying[remote.remote(order)] = run_id

    def _hear(self) -> None:
        """Tell what the workers sent since the last time."""
        news: list[tuple[str, Row | None]] = []
        with suppress(RayActorError):  # its process died and is started again: only news is lost
            news = ray.get(self.news.take.remote())
        for run_id, row in news:
            self.tell(Event("started" if row is None else "epoch", tuple(self.cells[run_id]), row))

    def _settle(self, reference: ray.ObjectRef, run_id: str) -> None:
        """Note how a run has ended; what it raised is shown in its cells."""
        same = tuple(self.cells[run_id])
        try:
            ray.get(reference)
        except RayError as error:
            reason = _reason(error)
            if isinstance(_cause(error), MemoryShortageError) and self._retry(run_id, reason):
                return
        else:
            reason = (
                "" if self.store.has(run_id) else f"finished, but not in {self.store.folder}: is it on shared storage?"
            )
        self._hear()
        if reason:
            self.failures[run_id] = reason
            with suppress(OSError):  # perhaps the disk is full, which is then the reason
                self.store.fail(run_id, reason)
            self.tell(Event("failed", same, reason=reason))
        else:
            _draw(self.store, run_id, same, self.events)
            self.tell(Event("finished", same))

    def _retry(self, run_id: str, reason: str) -> bool:
        """Start a run that does not fit into its memory again with a larger share, if there is one; it goes on."""
        before = self._share(run_id)
        larger = before.larger()
        if larger is None:
            return False
        note = f"{reason}: {before} -> {larger}"
        self.shares[run_id], self.notes[run_id] = larger, (*self.notes.get(run_id, ()), note)
        self.tell(Event("retried", tuple(self.cells[run_id]), reason=note))
        self._submit(run_id)
        return True


def _cause(error: RayError) -> BaseException:
    return error.cause if isinstance(error, RayTaskError) else error


def _reason(error: RayError) -> str:
    """Say in one line why a run ended: its own words, or what became of its worker."""
    cause = _cause(error)
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
