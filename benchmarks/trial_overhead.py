"""Measure what the search engine costs: 20 trivial trials against the same trials as a bare Tune function.

Run by hand: ``python benchmarks/trial_overhead.py [rounds]``. Both parts run in one Ray session, in turn, after one
round that warms the processes up; the ratio is that of the best times. The promise is 1.3 at most.
"""

import os
import sys
from tempfile import TemporaryDirectory
from time import monotonic

from ray import tune

from kgprism.platform.cluster.session import session
from kgprism.platform.configuration import Overrides
from kgprism.platform.studies.search.engine import carry_out
from kgprism.platform.studies.search.searcher import StudySearcher
from kgprism.platform.studies.search.spaces.comparison import Goal
from kgprism.platform.studies.search.spaces.samplers import Search
from kgprism.platform.studies.search.study import open_study
from kgprism.platform.studies.search.trainable import Curve, Report

TRIALS, EPOCHS, PARAMETERS, CONCURRENT = 20, 5, 8, 2
NAMES = [f"parameter {number}" for number in range(PARAMETERS)]


def curve(overrides: Overrides) -> list[tuple[int, float]]:
    """Return what both parts report."""
    import torch  # every real trial imports it

    total = float(torch.tensor([float(value) for value in overrides.values()]).sum())
    return [(epoch, total * epoch) for epoch in range(1, EPOCHS + 1)]


def bare(config: Overrides) -> None:
    """A Tune function that reports every epoch."""
    for epoch, value in curve(config):
        tune.report({"epoch": epoch, "value": value})


def objective(overrides: Overrides, report: Report) -> Curve:
    """The same for our engine."""
    points = curve(overrides)
    for epoch, value in points[:-1]:
        report(epoch, value)
    return dict(points)


def run_bare() -> float:
    """Return the seconds of the bare trials: random search, process reuse, no loggers."""
    os.environ["TUNE_DISABLE_AUTO_CALLBACK_LOGGERS"] = "1"
    began = monotonic()
    with TemporaryDirectory() as scratch:
        tune.Tuner(
            bare,
            param_space={name: tune.uniform(0.0, 1.0) for name in NAMES},
            tune_config=tune.TuneConfig(num_samples=TRIALS, max_concurrent_trials=CONCURRENT, reuse_actors=True),
            run_config=tune.RunConfig(storage_path=scratch, verbose=0),
        ).fit()
    return monotonic() - began


def run_engine() -> float:
    """Return the seconds of the same trials through the searcher, the study in a SQLite file."""
    began = monotonic()
    with TemporaryDirectory() as scratch:
        study = open_study("overhead", f"sqlite:///{scratch}/optuna.db", Search(), Goal(), seed=0)
        searcher = StudySearcher(study, lambda trial: {n: trial.suggest_float(n, 0.0, 1.0) for n in NAMES}, TRIALS)
        carry_out(objective, searcher, concurrent=CONCURRENT)
        assert len(study.trials) == TRIALS
    return monotonic() - began


def measured(rounds: int) -> dict[str, list[float]]:
    """Return the seconds of every round of both, after one that warms up."""
    times: dict[str, list[float]] = {"bare": [], "engine": []}
    with session(num_cpus=6):
        for _ in range(rounds + 1):
            times["bare"].append(run_bare())
            times["engine"].append(run_engine())
    return {name: seconds[1:] for name, seconds in times.items()}


if __name__ == "__main__":
    found = measured(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
    for name, seconds in found.items():
        print(f"{name:6} {' '.join(f'{second:6.2f}' for second in seconds)} s for {TRIALS} trials")
    print(f"ratio  {min(found['engine']) / min(found['bare']):6.2f} (promised: 1.3)")
