"""One run of a suite in a Ray worker: carried out, stored, its epochs told to the driver."""

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import RayError

from kgprism.platform.cluster.resources import Resources
from kgprism.platform.cluster.session import shared
from kgprism.platform.data.catalogue.prepared import once_a_node
from kgprism.platform.data.once import kept_by
from kgprism.platform.errors import RunError
from kgprism.platform.files import explain_full_disk
from kgprism.platform.method import load
from kgprism.platform.studies.execution.retry import retry_on_shortage
from kgprism.platform.studies.reports.board.tensorboard import Live
from kgprism.platform.studies.store.ownership import owning
from kgprism.platform.studies.store.progress import Noting
from kgprism.platform.studies.store.runs import Store
from kgprism.platform.training.mistakes import Mistakes
from kgprism.platform.training.outcome import Outcome, Row
from kgprism.platform.training.run import Run, execute

#: Least seconds between two rows that a run sends to the driver, unless they were evaluated.
_PAUSE = 0.5
#: Most seconds that a finished run waits until the driver has all of its rows.
_PATIENCE = 5.0


@dataclass(frozen=True)
class Order:
    """What a worker is asked to do; ``data`` holds one reference, in a list so that Ray does not resolve it early."""

    run: Run
    id: str
    data: list[Any]
    store: Path
    channel: Any
    events: Path | None
    resources: Resources


def carry_out_order(order: Order) -> bool:
    """Carry a run out, from its checkpoint if there is one, and store it; return false if another process does.

    Raises:
        KgprismError: if the run cannot go on, by a mistake in its method or for any reason of its own; or if this
            node's code is not the driver's.
    """
    store = Store(order.store)
    if order.run.id != order.id:
        raise RunError("the worker's code differs from the driver's: install the same version on every node")
    if store.has(order.id):
        return True
    module, several = load(order.run.method).__module__, order.resources.workers > 1
    mistakes = Mistakes(module, several=several, besides=RayError)
    with mistakes, explain_full_disk(store.folder), kept_by(once_a_node), owning(store, order.id) as mine:
        if mine and not store.has(order.id):
            _carry_out(order, store)
        return mine or store.has(order.id)


def _carry_out(order: Order, store: Store) -> None:
    """Carry out a run that this process owns."""
    told = [order.channel.put.remote((order.id, None))]
    dataset, resources = shared(order.data[0]), order.resources
    folder = store.partial(order.id)
    with ExitStack() as stack:
        live = stack.enter_context(Live(order.events, order.id)) if order.events else None
        listener = Noting(store, order.run, _row_listener(order, live, told))

        def carry(run: Run) -> Outcome:
            if resources.workers == 1:
                return execute(run, dataset, folder=folder, listener=listener)
            each: dict[str, Any] = {"cpus_per_worker": resources.cpus, "gpus_per_worker": resources.gpus}
            from kgprism.platform.training import trainer  # Ray Train takes a second to load

            await_nodes(resources)
            return trainer.fit(run, dataset, folder=folder, workers=resources.workers, listener=listener, **each)

        run, outcome = retry_on_shortage(order.run, carry)
    store.write(run, outcome)
    ray.wait(told, timeout=_PATIENCE)


def await_nodes(resources: Resources) -> None:
    """Wait until the living nodes hold a run: one that this run was lost with may come back."""
    while not resources.fitting():
        time.sleep(_PAUSE)


def _row_listener(order: Order, live: Live | None, told: list[Any]) -> Callable[[Row], bool]:
    """Return a listener that writes every row to TensorBoard and sends the driver as many as a display needs.

    It never waits for the driver: a run must not depend on whether somebody listens. `told` holds the last message.
    """
    sent = -_PAUSE

    def tell(row: Row) -> bool:
        nonlocal sent
        if live:
            live(row)
        judged = any(key.startswith(("valid/", "test/")) for key in row)
        if judged or time.monotonic() - sent >= _PAUSE:
            sent = time.monotonic()
            told[:] = [order.channel.put.remote((order.id, row))]
        return False

    return tell
