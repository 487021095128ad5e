"""Which parameters a search's numbers hang on: fANOVA and PED-ANOVA, with a word where too few trials say it."""

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import optuna
from optuna.importance import FanovaImportanceEvaluator, PedAnovaImportanceEvaluator, get_param_importances
from optuna.trial import FrozenTrial

from kgprism.platform.studies.search.after.findings import Findings

#: Complete trials below which nothing is told, and below which it is told with a warning.
LEAST, ENOUGH = 5, 50
#: Trials that PED-ANOVA's better part must hold.
_BETTER = 5


@dataclass(frozen=True)
class Importances:
    """Of each parameter the share of what moves the first objective, most important first; ``notes`` say what to heed.

    ``fanova``: of the variance over the whole space, of parameters that every trial has. ``ped_anova``: of getting into
    the better part, of all parameters. Either is empty where it cannot be told.
    """

    fanova: Mapping[str, float]
    ped_anova: Mapping[str, float]
    notes: tuple[str, ...] = ()

    @property
    def order(self) -> tuple[str, ...]:
        """The parameters by PED-ANOVA, then those that only fANOVA knows."""
        return tuple(dict.fromkeys([*self.ped_anova, *self.fanova]))


def importances(found: Findings) -> Importances:
    """Return the importances of a search's parameters, the same each time."""
    number = len(found.complete)
    if number < LEAST or found.study is None:
        return Importances({}, {}, (f"importance: {number} of at least {LEAST} complete trials",))
    if len({trial.values[0] for trial in found.complete}) == 1:
        return Importances({}, {}, ("importance: all complete trials have the same value",))
    notes = []
    if number < ENOUGH:
        notes.append(f"importance: only {number} complete trials, take it as a hint; {ENOUGH} or more tell reliably")
    quantile = min(0.5, max(0.1, _BETTER / number))
    ped = _told(found, PedAnovaImportanceEvaluator(target_quantile=quantile), less=found.maximised[0])
    try:
        fanova = _told(found, FanovaImportanceEvaluator(seed=0), less=False)
    except ImportError:
        fanova = {}
        notes.append("fANOVA needs scikit-learn: pip install 'kgprism[importance]'")
    if fanova and (left := [key for key in ped if key not in fanova]):
        notes.append(f"fANOVA is told of parameters that every trial has, not of {', '.join(left)}")
    notes.append(f"PED-ANOVA: what puts a trial among the best {quantile:.0%}")
    return Importances(fanova, ped, tuple(notes))


def _told(
    found: Findings, evaluator: FanovaImportanceEvaluator | PedAnovaImportanceEvaluator, *, less: bool
) -> dict[str, float]:
    """Ask Optuna; `less`: the evaluator takes less for better, and the objective is maximised."""
    study = found.study
    assert study is not None
    target: Callable[[FrozenTrial], float] = (lambda one: -one.values[0]) if less else (lambda one: one.values[0])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it is experimental, and that less is taken for better
        try:
            told = get_param_importances(_counted(study, found), evaluator=evaluator, target=target)
        except (ValueError, RuntimeError):  # no parameter that every trial has, or one value alone
            return {}
    return {key: float(value) for key, value in told.items() if value == value}


def _counted(study: optuna.Study, found: Findings) -> optuna.Study:
    """Return a study in memory of the complete trials that count: one told twice would count twice."""
    numbers = {trial.number for trial in found.complete}
    copy = optuna.create_study(directions=study.directions)
    copy.add_trials([trial for trial in study.get_trials(deepcopy=False) if trial.number in numbers])
    return copy
