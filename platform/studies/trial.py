"""What happens inside a trial's process: a run, in-process, that reports its validation metric."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import ray
from ray import tune

from kgprism.platform.configuration import Overrides
from kgprism.platform.data.graph import Dataset
from kgprism.platform.errors import KgprismError, RunError, nearest
from kgprism.platform.studies.searcher import CURVE, EPOCH, FAILED, VALUE, Curve, Recalled
from kgprism.platform.studies.session import shared
from kgprism.platform.studies.store import Store
from kgprism.platform.training.outcome import Row
from kgprism.platform.training.run import Run, execute, plan

#: Tells one intermediate value, ``report(epoch, value)``; it does not return if the trial is stopped.
Report = Callable[[int, float], None]
#: Carries one configuration out and returns the whole curve; a KgprismError is a failed trial.
Objective = Callable[[Overrides, Report], Curve]


def trainable(config: Mapping[str, Any], objective: Objective) -> None:
    """Carry one configuration out and tell Tune how it went."""
    try:
        curve = objective(config["overrides"], lambda epoch, value: tune.report({EPOCH: epoch, VALUE: value}))
        last = max(curve) if curve else None
        if last is None:
            raise RunError("the run reported no value")
    except KgprismError as error:
        # A report instead of an exception: Tune keeps the process and does not try again.
        tune.report({VALUE: float("nan"), FAILED: str(error)})
    else:
        tune.report({EPOCH: last, VALUE: curve[last], CURVE: list(curve.items())})


@dataclass(frozen=True)
class Trial:
    """An objective: one method on one shared dataset, everything settled but what the space draws."""

    method: str
    preset: str | None
    overrides: Overrides
    seed: int
    metric: str
    store: Path
    dataset: ray.ObjectRef

    def __call__(self, chosen: Overrides, report: Report) -> Curve:
        dataset = _shared(self.dataset)
        run = self.plan(dataset, chosen)
        store = Store(self.store)
        if (known := curve_of(store, run, self.metric)) is not None:
            return known
        epochs = run.settings.train.epochs

        def listener(row: Row) -> bool:
            # The last epoch is reported with the finished run: stopping it there would throw the run away.
            if self.metric in row and row["epoch"] < epochs:
                report(int(row["epoch"]), row[self.metric])
            return False

        outcome = execute(run, dataset, folder=store.partial(run.id), listener=listener)
        curve = {int(row["epoch"]): row[self.metric] for row in outcome.history if self.metric in row}
        if not curve:
            raise RunError(
                f"the objective is never reported: {self.metric}{nearest(self.metric, _metrics(outcome.history))}"
            )
        store.write(run, outcome)
        return curve

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


def _metrics(history: list[Row]) -> set[str]:
    return {key for row in history for key in row if key.startswith("valid/")}


@lru_cache(maxsize=1)
def _shared(reference: ray.ObjectRef) -> Dataset:
    """Return the dataset, unpacked once a process: processes are reused from trial to trial."""
    return shared(reference)
