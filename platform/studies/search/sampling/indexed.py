"""Samplers that no result changes: what they propose depends on how many were drawn before, on nothing else.

So a search that was killed draws, when it goes on, what it would have drawn undisturbed.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, RandomSampler
from optuna.trial import FrozenTrial

from kgprism.platform.configuration import digest
from kgprism.platform.seeding import derive, generator
from kgprism.platform.studies.search.sampling.attributes import BROKEN, GIVEN, REASON, RUN
from kgprism.platform.studies.search.spaces.parameter import Parameter

#: Points of a sequence that are reckoned at once; a power of two, as Sobol's balance wants it.
_BLOCK = 64
#: What a draw leaves to chance.
_OPEN: Any = object()


def drawn(study: optuna.Study, before: int | None = None) -> int:
    """Return how many configurations a study's sampler has drawn, before the trial of that number."""
    trials = study.get_trials(deepcopy=False)[:before]
    return sum(1 for t in trials if GIVEN not in t.user_attrs and t.user_attrs.keys() & {RUN, REASON, BROKEN})


class Indexed(BaseSampler):
    """A sampler whose value of a parameter follows from `seed`, its name and how many were drawn before."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._at: tuple[int, int | str] = (-1, 0)

    def infer_relative_search_space(self, study: optuna.Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Let each parameter be drawn when it is asked for."""
        return {}

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Draw nothing beforehand."""
        return {}

    def sample_independent(
        self, study: optuna.Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """Return the value that the number of earlier draws decides."""
        if self._at[0] != trial.number:
            # What a starting point leaves open is no draw of the sequence.
            given = trial.user_attrs.get(GIVEN)
            self._at = (trial.number, drawn(study, trial.number) if given is None else digest(given))
        index = self._at[1]
        value = _OPEN if isinstance(index, str) else self.value(index, param_name)
        if value is not _OPEN:
            return value
        chance = RandomSampler(seed=derive(self.seed, index, param_name) % 2**32)
        return chance.sample_independent(study, trial, param_name, param_distribution)

    def value(self, index: int, name: str) -> Any:
        """Return the value of one draw, or that it is left to chance."""
        return _OPEN


class Spread(Indexed):
    """A sequence that fills the space evenly: a dimension a parameter, those that do not exist beside others too."""

    def __init__(self, seed: int, params: Mapping[str, Parameter], sequence: Literal["sobol", "halton"]) -> None:
        from scipy.stats import qmc  # takes longer to load than a list of searches to be made

        super().__init__(seed)
        self.params, self.dimensions = params, {name: number for number, name in enumerate(params)}
        kind = qmc.Sobol if sequence == "sobol" else qmc.Halton
        self.engine = kind(max(len(params), 1), scramble=True, rng=generator(seed, sequence))
        self.points: list[Any] = []

    def value(self, index: int, name: str) -> Any:
        """Return the value at the place that the sequence's point has in this dimension."""
        while len(self.points) <= index:
            self.points.extend(self.engine.random(_BLOCK))
        if name not in self.params:
            return _OPEN
        return self.params[name].at(float(self.points[index][self.dimensions[name]]))


class Enumerated(Indexed):
    """Given configurations in an order of chance, each once."""

    def __init__(self, seed: int, configurations: Sequence[Mapping[str, Any]]) -> None:
        super().__init__(seed)
        order = generator(seed, "grid").permutation(len(configurations))
        self.configurations = [configurations[number] for number in order]

    def left(self, study: optuna.Study) -> int:
        """Return how many it has not proposed yet."""
        return max(0, len(self.configurations) - drawn(study))

    def value(self, index: int, name: str) -> Any:
        """Return the value that the configuration of this place has."""
        return self.configurations[index].get(name, _OPEN) if index < len(self.configurations) else _OPEN
