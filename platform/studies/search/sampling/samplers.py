"""From a search's settings to its sampler."""

import warnings

import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.samplers import BaseSampler

from kgprism.platform.errors import ConfigurationError
from kgprism.platform.seeding import derive
from kgprism.platform.studies.search.sampling.indexed import Enumerated, Indexed, Spread
from kgprism.platform.studies.search.spaces import samplers
from kgprism.platform.studies.search.spaces.region import Region
from kgprism.platform.studies.search.spaces.samplers import Search


def sampler(search: Search, seed: int, done: int = 0, region: Region | None = None) -> BaseSampler:
    """Return the sampler: the same seed gives the same trials; after `done` trials it does not begin anew.

    A grid and a sequence need to know where they draw.

    Raises:
        ConfigurationError: if an installed sampler cannot be made.
    """
    chosen, always = search.sampler, derive(seed, "sampler", search.seed)
    match chosen:
        case samplers.Chance():
            return Indexed(always)
        case samplers.Qmc():
            return Spread(always, region.space.params if region else {}, chosen.sequence)
        case samplers.Grid():
            return Enumerated(always, list(region.configurations()) if region else [])
    number = derive(seed, "sampler", search.seed, done) % 2**32
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        # Optuna will take sigma0 away one day: no matter of whoever sets `sigma`.
        warnings.filterwarnings("ignore", ".*sigma0", FutureWarning)
        return _learning(search, number)


def _learning(search: Search, seed: int) -> BaseSampler:
    chosen = search.sampler
    match chosen:
        case samplers.Gp():
            return optuna.samplers.GPSampler(
                seed=seed, n_startup_trials=search.startup, warn_independent_sampling=False
            )
        case samplers.CmaEs():
            return optuna.samplers.CmaEsSampler(
                seed=seed,
                n_startup_trials=search.startup,
                sigma0=chosen.sigma,
                popsize=chosen.population,
                warn_independent_sampling=False,
            )
        case samplers.Nsga2():
            return optuna.samplers.NSGAIISampler(seed=seed, population_size=chosen.population)
        case samplers.Installed():
            try:
                return chosen.make(seed)
            except ValueError as error:
                raise ConfigurationError(f"search.sampler: {error}") from None
    assert isinstance(chosen, samplers.Tpe)
    return optuna.samplers.TPESampler(
        seed=seed,
        n_startup_trials=search.startup,
        multivariate=chosen.multivariate,
        group=chosen.group,
    )
