"""What happens inside a trial's process: a run, in-process, that reports its validation metric."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import ray

from kgprism.platform.configuration import Overrides
from kgprism.platform.data.graph import Dataset
from kgprism.platform.errors import RunError, nearest
from kgprism.platform.studies.retry import disk, persevere
from kgprism.platform.studies.searcher import Recalled
from kgprism.platform.studies.session import shared
from kgprism.platform.studies.store import Store
from kgprism.platform.studies.trainable import Curve, Report
from kgprism.platform.training.outcome import Outcome, Row
from kgprism.platform.training.run import Run, execute, plan


@dataclass(frozen=True)
class Trial:
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

    def __call__(self, chosen: Overrides, report: Report) -> Curve:
        dataset = _shared(self.dataset)
        if self.plan(dataset, {}).id != self.base:
            raise RunError(f"the code of {self.method} has changed since this search was started: start it again")
        run = self.plan(dataset, chosen)
        store = Store(self.store)
        if (known := curve_of(store, run, self.metric)) is not None:
            return known
        epochs = run.settings.train.epochs

        def listener(row: Row) -> bool:
            judged = {key for key in row if key.startswith("valid/")}
            if judged and self.metric not in judged:
                raise RunError(f"the objective '{self.metric}' is never reported{nearest(self.metric, judged)}")
            # The last epoch is reported with the finished run: stopping it there would throw the run away.
            if judged and row["epoch"] < epochs:
                report(int(row["epoch"]), row[self.metric])
            return False

        def carry(run: Run) -> Outcome:
            return execute(run, dataset, folder=store.partial(run.id), listener=listener)

        with disk(store.folder):
            run, outcome = persevere(run, carry)
            store.write(run, outcome)
        return {int(row["epoch"]): row[self.metric] for row in outcome.history if self.metric in row}

    def plan(self, dataset: Dataset, chosen: Overrides) -> Run:
        """Return the run of one configuration."""
        return plan(self.method, dataset, self.seed, self.overrides, chosen, preset=self.preset)

    def recall(self, dataset: Dataset, chosen: Overrides) -> Recalled:
        """Return the run's identity, and its curve if the store has it; in the driver."""
        run = self.plan(dataset, chosen)
        return Recalled(run.id, curve_of(Store(self.store), run, self.metric))


def curve_of(store: Store, run: Run, metric: str) -> Curve | None:
    """Return the metric of a finished run by epoch; none if the run is not finished or was never judged by it."""
    record = store.read(run.id)
    history = record.history() if record else None
    if history is None or metric not in history:
        return None
    judged = history[["epoch", metric]].dropna()
    return dict(zip(judged["epoch"].astype(int).tolist(), judged[metric].tolist(), strict=True))


@lru_cache(maxsize=1)
def _shared(reference: ray.ObjectRef) -> Dataset:
    """Return the dataset, unpacked once a process: processes are reused from trial to trial."""
    return shared(reference)
