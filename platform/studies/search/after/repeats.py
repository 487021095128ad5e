"""The best trials again with other seeds, as one may be lucky; which runs these are is read off the study alone."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Annotated, Any

import optuna
from optuna.trial import FrozenTrial, TrialState
from pydantic import Field

from kgprism.platform.kept import DamagedError, Kept, checked
from kgprism.platform.studies.execution.events import Event
from kgprism.platform.studies.search.request import Request
from kgprism.platform.studies.search.sampling.attributes import REPEATS
from kgprism.platform.studies.store.runs import Store
from kgprism.platform.studies.suites.cells import Cell
from kgprism.platform.training.run import plan

#: The study's attribute of which runs repeat which trial, for whoever shows them.
ATTRIBUTE = "repeated"
#: Trial -> seed -> run, numbers in words.
Runs = Mapping[str, Mapping[str, str]]
_TRIAL = "trial "
_Number = Annotated[str, Field(pattern=r"^[0-9]{1,18}$")]


class _Told(Kept):
    runs: dict[_Number, dict[_Number, str]]


@dataclass(frozen=True)
class Repeated:
    """A trial over several seeds, its own first: ``values`` of those that are finished, of `wanted` in all.

    ``place`` is where it stood, from 0 on, by its own seed; ``tied`` trials were as good there, itself included: of
    equally good ones the earliest are repeated.
    """

    trial: int
    place: int
    single: float
    wanted: int
    values: Mapping[int, float]
    tied: int = 1

    @property
    def mean(self) -> float | None:
        """The mean over seeds, none as long as one is missing."""
        return fmean(self.values.values()) if len(self.values) == self.wanted else None

    @property
    def std(self) -> float | None:
        """The sample standard deviation of the seeds that are there, none of a single one."""
        return stdev(self.values.values()) if len(self.values) > 1 else None


def promoted(study: optuna.Study, top: int) -> list[FrozenTrial]:
    """Return the best complete trials, best first; equally good ones in the order they were tried."""
    trials = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    own = [trial for trial in trials if REPEATS not in trial.user_attrs]
    return sorted(own, key=lambda trial: (_sign(study) * trial.values[0], trial.number))[:top]


def seeds_from(first: int, number: int) -> list[int]:
    """Return a trial's own seed and the next ones."""
    return [first + n for n in range(number)]


def cells(wanted: Request, study: optuna.Study) -> list[Cell]:
    """Return the runs that repeat the best trials, seed by seed, their own run being the first."""
    asked = wanted.space.search.repeats
    if asked is None:
        return []
    return [
        Cell(f"{_TRIAL}{trial.number}", wanted.dataset.name, None, seed, _run(wanted, trial, seed))
        for seed in seeds_from(wanted.seed, asked.seeds)
        for trial in promoted(study, asked.promote_top)
    ]


def _run(wanted: Request, trial: FrozenTrial, seed: int) -> Any:
    layers = (wanted.overrides, trial.params)
    return plan(wanted.space.method, wanted.dataset, seed, *layers, preset=wanted.preset)


def left(wanted: Request, study: optuna.Study, store: Store) -> list[Cell]:
    """Return the runs that repeat a trial and are not in the store yet."""
    return [cell for cell in cells(wanted, study) if not store.has(cell.run.id)]


def repeat(
    wanted: Request,
    study: optuna.Study,
    store: Store,
    *,
    cpus: float = 1.0,
    gpus: float = 0.0,
    listener: Callable[[Event], None] | None = None,
) -> tuple[str, ...]:
    """Carry out what is left of the repeats, inside a Ray session; return a line for each run that failed."""
    from kgprism.platform.studies.execution.ablation import carry_out  # here: a page of repeats needs no Ray

    asked = cells(wanted, study)
    if not asked:
        return ()
    runs = runs_of(asked)
    if study.user_attrs.get(ATTRIBUTE) != runs:
        study.set_user_attr(ATTRIBUTE, runs)
    todo = [cell for cell in asked if not store.has(cell.run.id)]
    data = {wanted.dataset.name: wanted.dataset}
    failures = carry_out(todo, data, store, cpus_per_run=cpus, gpus_per_run=gpus, listener=listener)
    named = {cell.run.id: f"{cell.variant} with seed {cell.seed}" for cell in todo}
    return tuple(f"{named[run_id]}: {reason}" for run_id, reason in failures.items())


def runs_of(asked: Sequence[Cell]) -> Runs:
    """Return the runs of each trial by its number and their seeds, in words as a study keeps them."""
    runs: dict[str, dict[str, str]] = {}
    for cell in asked:
        runs.setdefault(cell.variant.removeprefix(_TRIAL), {})[str(cell.seed)] = cell.run.id
    return runs


def repeated(study: optuna.Study, store: Store, objective: str, runs: Runs | None = None) -> tuple[Repeated, ...]:
    """Return what is known of repeats: the best mean first, those that lack a seed last.

    Without `runs` they are those that were asked for when the study was last carried out.
    """
    told = _told(study) if runs is None else runs
    trials = {trial.number: trial for trial in study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))}
    singles = [trial.values[0] for trial in trials.values() if REPEATS not in trial.user_attrs]
    found = [
        Repeated(number, place, single, len(seeds), _values(store, seeds, objective), singles.count(single))
        for place, (number, seeds) in enumerate((int(word), seeds) for word, seeds in told.items())
        if number in trials
        for single in [trials[number].values[0]]
    ]
    sign = _sign(study)
    found.sort(key=lambda one: (one.mean is None, sign * (one.mean or 0), sign * one.single, one.trial))
    return tuple(found)


def _told(study: optuna.Study) -> Runs:
    """Return what a study says; nothing where it says something else."""
    try:
        return checked({"runs": study.user_attrs.get(ATTRIBUTE) or {}}, _Told, ATTRIBUTE).runs
    except DamagedError:
        return {}


def _values(store: Store, runs: Mapping[str, str], objective: str) -> dict[int, float]:
    records = ((int(seed), store.read(run_id)) for seed, run_id in runs.items())
    values = {seed: record.metric("valid", objective) for seed, record in records if record}
    return {seed: value for seed, value in values.items() if value is not None}


def verdict(found: Sequence[Repeated]) -> str:
    """Say in a line whether the best single trial is the best over seeds too; nothing as long as a seed is missing.

    Where several are equally good none of them is called the best.
    """
    if not found or any(one.mean is None for one in found):
        return ""
    first, single = found[0], min(found, key=lambda one: one.place)
    level, seeds = [one.trial for one in found if one.mean == first.mean], f"over {first.wanted} seeds"
    if len(found) == 1:
        among = f", the earliest of {single.tied} that tie," if single.tied > 1 else ""
        return f"only trial {single.trial}{among} was repeated: nothing to compare"
    if single.tied > 1:
        others = single.tied - sum(one.single == single.single for one in found)
        left = f", {others} of which were not repeated" if others else ""
        over = f"trial {first.trial} is the best" if len(level) == 1 else f"{_listed(level)} tie"
        return f"{single.tied} trials tie with their own seed{left}; {seeds} {over}"
    if single.trial in level:
        one = f"trial {single.trial} is the best with its own seed"
        return f"{one} and {seeds}" if len(level) == 1 else f"{one}; {seeds} {_listed(level)} tie"
    lucky = f"the ranking changed: trial {single.trial} was the best with its own seed (a lucky seed), "
    return f"{lucky}{f'trial {first.trial} is' if len(level) == 1 else f'{_listed(level)} tie'} {seeds}"


def _listed(trials: Sequence[int]) -> str:
    *some, last = map(str, sorted(trials))
    return f"trials {', '.join(some)} and {last}"


def _sign(study: optuna.Study) -> int:
    return -1 if study.directions[0] == optuna.study.StudyDirection.MAXIMIZE else 1
