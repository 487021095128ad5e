"""Carry out the cells of a suite on Ray: every distinct run once, resumable, a failing run ends nothing else."""

import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import RayActorError, RayError, RayTaskError

from kgprism.platform.cluster.channel import open_channel
from kgprism.platform.cluster.resources import Resources
from kgprism.platform.cluster.session import share
from kgprism.platform.data.graph import Dataset
from kgprism.platform.errors import ConfigurationError, KgprismError, first_line
from kgprism.platform.files import explain_full_disk
from kgprism.platform.studies.execution.events import Event as Event
from kgprism.platform.studies.execution.events import Listener as Listener
from kgprism.platform.studies.execution.events import by_run, reuse, write_curves
from kgprism.platform.studies.execution.packing import measure
from kgprism.platform.studies.execution.retry import MemoryShortageError
from kgprism.platform.studies.execution.worker import Order, carry_out_order
from kgprism.platform.studies.reports.board.folders import cell_folder
from kgprism.platform.studies.store.runs import Store
from kgprism.platform.studies.suites.cells import Cell
from kgprism.platform.training.outcome import Row

#: Seconds between two looks at the runs in flight.
_PAUSE = 0.5
#: Seconds until a run that another process carries out is tried again, in case that one has died.
_AGAIN = 3.0
#: How often a run is started again after its worker has died.
RETRIES = 3


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
        ConfigurationError: if this machine cannot hold a run, or the cluster its workers.
        RunError: if the disk of the store is full.
    """
    asked = Resources(workers, cpus_per_run, gpus_per_run)
    if pack and workers > 1:
        raise ConfigurationError("--pack measures runs of one process: leave --workers out")
    tell = listener or (lambda event: None)
    grouped = by_run(cells)
    todo = reuse(grouped, store, events, tell)
    if not todo:
        return {}
    asked.refuse_unaffordable()
    with explain_full_disk(store.folder):
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
        self.channel = open_channel()
        self.shares: dict[str, Resources] = {}
        self.notes: dict[str, tuple[str, ...]] = {}
        self.references: dict[str, ray.ObjectRef] = {}
        self.flying: dict[ray.ObjectRef, str] = {}
        self.failures: dict[str, str] = {}
        #: runs that other processes carry out, and when to try again
        self.elsewhere: dict[str, float] = {}
        self.left: set[str] = set()

    def carry_out(self, todo: list[str], pack: bool) -> dict[str, str]:
        if not self.asked.fitting():
            self._refuse_or_wait(todo)
        try:
            if pack:
                runs = {run_id: self.cells[run_id][0].run for run_id in todo}
                references = {run.dataset: self._reference(run.dataset) for run in runs.values()}
                self.shares = measure(runs, references, self.asked)
            while todo or self.flying or self.elsewhere:
                while todo and len(self.flying) < self._room(todo[0]):
                    self._submit(todo.pop(0))
                todo += self._returned()
                self._tell_news()
                self._wait()
        finally:  # also on Ctrl-C: what is under way resumes from its checkpoint next time
            for reference in self.flying:
                ray.cancel(reference, force=True)
            ray.kill(self.channel)
        return self.failures

    def _wait(self) -> None:
        """Settle what has ended; several workers may have to wait until a lost node is back."""
        if not self.flying:
            time.sleep(_PAUSE)
            return
        ready, _ = ray.wait(list(self.flying), timeout=_PAUSE)
        for reference in ready:
            self._settle(reference, self.flying.pop(reference))

    def _returned(self) -> list[str]:
        """Return the runs to try again, of those that other processes had; a finished one is taken as it is."""
        for run_id in [run_id for run_id in self.elsewhere if self.store.has(run_id)]:
            del self.elsewhere[run_id]
            self._finish(run_id)
        due = [run_id for run_id, when in self.elsewhere.items() if when <= time.monotonic()]
        for run_id in due:
            del self.elsewhere[run_id]
        return due

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
            channel=self.channel,
            events=cell_folder(self.events, cell) if self.events else None,
            resources=resources,
        )
        name: dict[str, Any] = {"max_retries": RETRIES, "name": f"run {run_id}"}
        if resources.workers == 1:
            needs = {"num_cpus": resources.cpus, "num_gpus": resources.gpus, "memory": resources.memory or None}
            # Ray keeps the process for the next run, but not after one that used a GPU: its device is fixed by then.
            remote = ray.remote(carry_out_order).options(**needs, **name)
        else:
            # It only starts and awaits others. Ray Train's actors live as long as their process; one on a lost node
            # takes the run with it.
            kind = ray.remote(num_cpus=0, max_calls=1)(carry_out_order)
            remote = kind.options(retry_exceptions=[RayActorError], **name)
        self.flying[remote.remote(order)] = run_id

    def _tell_news(self) -> None:
        """Tell what the workers sent since the last time."""
        news: list[tuple[str, Row | None]] = []
        with suppress(RayActorError):  # its process died and is started again: only news is lost
            news = ray.get(self.channel.take.remote())
        for run_id, row in news:
            self.tell(Event("started" if row is None else "epoch", tuple(self.cells[run_id]), row))

    def _settle(self, reference: ray.ObjectRef, run_id: str) -> None:
        """Note how a run has ended; what it raised is shown in its cells."""
        reason = ""
        try:
            mine = ray.get(reference)
        except RayError as error:
            mine, reason = True, _reason(error)
            if isinstance(_cause(error), MemoryShortageError) and self._retry(run_id, reason):
                return
        finished = self.store.has(run_id)
        if not mine and not finished:
            self._leave(run_id)
            return
        self._tell_news()
        if finished:
            self._finish(run_id)
            return
        self.failures[run_id] = reason or f"finished, but not in {self.store.folder}: is it on shared storage?"
        with suppress(OSError):  # perhaps the disk is full, which is then the reason
            self.store.fail(run_id, self.failures[run_id])
        self.tell(Event("failed", tuple(self.cells[run_id]), reason=self.failures[run_id]))

    def _finish(self, run_id: str) -> None:
        write_curves(self.store, run_id, self.cells[run_id], self.events)
        self.tell(Event("finished", tuple(self.cells[run_id])))

    def _leave(self, run_id: str) -> None:
        """Leave a run to the process that carries it out, and look again later."""
        if run_id not in self.left:
            self.tell(Event("waiting", tuple(self.cells[run_id]), reason="another process carries it out"))
        self.left.add(run_id)
        self.elsewhere[run_id] = time.monotonic() + _AGAIN

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
    return f"{type(cause).__name__}: {first_line(str(cause))}"
