"""What happens inside a trial's process: a run, in-process, that reports its validation metric."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray

from kgprism.platform.cluster.session import shared
from kgprism.platform.configuration import Overrides
from kgprism.platform.data.catalogue.prepared import once_a_node
from kgprism.platform.data.graph import Dataset
from kgprism.platform.data.once import kept_by
from kgprism.platform.errors import RunError
from kgprism.platform.files import explain_full_disk
from kgprism.platform.studies.execution.retry import retry_on_shortage
from kgprism.platform.studies.search.searcher import Recalled
from kgprism.platform.studies.search.trainable import Curve, ElsewhereError, Report
from kgprism.platform.studies.store.ownership import owned_elsewhere, owning
from kgprism.platform.studies.store.runs import Store
from kgprism.platform.training.outcome import Outcome, Row
from kgprism.platform.training.run import Run, execute, plan

#: Least seconds between two rows that are sent, unless they were judged.
_PAUSE = 0.5


@dataclass(frozen=True)
class RunObjective:
    """An objective: one method on one shared dataset, everything settled but what the space draws.

    ``base`` is the identity of the run that nothing is drawn for: it tells whether a process has the driver's code.
    """

    method: str
    preset: str | None
    overrides: Overrides
    seed: int
    metric: str
    store: Path
    dataset: ray.ObjectRef
    base: str
    #: to the driver: a run's identity with one of its rows
    channel: Any = None

    def __call__(self, chosen: Overrides, report: Report) -> Curve:
        dataset = shared(self.dataset)
        if self.plan(dataset, {}).id != self.base:
            raise RunError(f"the code of {self.method} has changed since this search was started: start it again")
        run = self.plan(dataset, chosen)
        store = Store(self.store)
        epochs, told = run.settings.train.epochs, self._teller(run.id)

        def listener(row: Row) -> bool:
            told(row)
            # The last epoch is reported with the finished run: stopping it there would throw the run away.
            if self.metric in row and row["epoch"] < epochs:
                report(int(row["epoch"]), row[self.metric])
            return False

        def carry(run: Run) -> Outcome:
            return execute(run, dataset, folder=store.partial(run.id), listener=listener)

        with explain_full_disk(store.folder), kept_by(once_a_node), owning(store, run.id) as mine:
            if (known := curve_of(store, run, self.metric)) is not None:
                return known
            if not mine:
                raise ElsewhereError
            run, outcome = retry_on_shortage(run, carry)
            store.write(run, outcome)
        return {int(row["epoch"]): row[self.metric] for row in outcome.history if self.metric in row}

    def _teller(self, identity: str) -> Callable[[Row], None]:
        """Return what sends as many rows as a display needs, and never waits."""
        sent = -_PAUSE

        def tell(row: Row) -> None:
            nonlocal sent
            judged = any(key.startswith(("valid/", "test/")) for key in row)
            if self.channel is not None and (judged or time.monotonic() - sent >= _PAUSE):
                sent = time.monotonic()
                self.channel.put.remote((identity, row))

        return tell

    def plan(self, dataset: Dataset, chosen: Overrides) -> Run:
        """Return the run of one configuration."""
        return plan(self.method, dataset, self.seed, self.overrides, chosen, preset=self.preset)

    def recall(self, dataset: Dataset, chosen: Overrides) -> Recalled:
        """Return the run's identity, and its curve if the store has it; in the driver."""
        run = self.plan(dataset, chosen)
        return Recalled(run.id, curve_of(Store(self.store), run, self.metric))

    def elsewhere(self, run_id: str) -> bool:
        """Tell whether another process carries a run out; in the driver."""
        return owned_elsewhere(Store(self.store), run_id)


def curve_of(store: Store, run: Run, metric: str) -> Curve | None:
    """Return the metric of a finished run by epoch; none if the run is not finished or was never judged by it."""
    record = store.read(run.id)
    history = record.history() if record else None
    if history is None or metric not in history:
        return None
    judged = history[["epoch", metric]].dropna()
    return dict(zip(judged["epoch"].astype(int).tolist(), judged[metric].tolist(), strict=True))
