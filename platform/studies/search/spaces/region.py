"""A space on one configuration: what is drawn there, by whom and how often, and whether it may be."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any

from kgprism.platform import configuration
from kgprism.platform.configuration import Overrides
from kgprism.platform.errors import ConfigurationError
from kgprism.platform.method import load
from kgprism.platform.seeding import generator
from kgprism.platform.studies.search.spaces.constraint import Requirement, parsed
from kgprism.platform.studies.search.spaces.schedules import idle

if TYPE_CHECKING:
    from kgprism.platform.studies.search.spaces.space import Space

#: Draws of chance after which nothing is thought to meet the requirements.
PATIENCE = 5_000
#: Configurations that a grid may have.
LARGEST = 10_000


@dataclass(frozen=True)
class Region:
    """A search's parameters on the flat configuration `base`, on which whatever is drawn will be put.

    `configured` returns the whole configuration with the parts that are drawn, by default from `base` alone.
    """

    space: "Space"
    base: Overrides
    configured: Callable[[Overrides], Overrides] | None = None
    _known: dict[tuple[Any, ...], Overrides] = field(default_factory=dict, repr=False, compare=False)

    @property
    def requirements(self) -> list[Requirement]:
        """Return what every configuration must keep."""
        return [parsed(text) for text in self.space.requires]

    def suggest(self, trial: Any) -> dict[str, Any]:
        """Draw the overrides of one of Optuna's trials."""
        return self.space.suggest(trial, self.base)

    def broken(self, chosen: Overrides) -> str:
        """Return the first requirement that a configuration does not keep, nothing if it keeps all."""
        wanted = self.requirements
        flat = self._flat(chosen) if wanted else {}
        return next((one.text for one in wanted if not one.met(flat)), "")

    def edges(self, key: str) -> list[Any]:
        """Return the values of a key between which all that it can have are: its own, and what is tuned."""
        parameter = self.space.params.get(key)
        own = [] if key not in self.base or (parameter and not parameter.when) else [self.base[key]]
        return own + (parameter.edges() if parameter else [])

    def idle(self, trials: int) -> str:
        """Say why the schedule can stop none of so many trials, nothing if it can stop one of them."""
        staged = any("second_stage" in self.edges(key) for key in self.base if key.endswith(".stage.kind"))
        # Where a second stage begins is judged as well.
        every = 1 if staged else min(self.edges("eval.every"))
        return idle(self.space.schedule, every=every, epochs=max(self.edges("train.epochs")), trials=trials)

    def by_chance(self, seed: int, index: int) -> dict[str, Any] | None:
        """Draw a configuration that keeps the requirements, always the same; none if chance finds none."""
        drawn = islice(self.draws(seed, index), PATIENCE)
        return next((chosen for chosen in drawn if not self.broken(chosen)), None)

    def draws(self, *names: int) -> Iterator[dict[str, Any]]:
        """Draw by chance without end, whatever is required; the same names give the same."""
        chance = generator(0, "chance", *names)
        while True:
            yield self.space.filled(self.base, lambda key: self.space.params[key].at(chance.random()))

    def configurations(self) -> Iterator[dict[str, Any]]:
        """Yield all configurations that keep the requirements; each parameter can be counted."""
        return (chosen for chosen in self.every() if not self.broken(chosen))

    def every(self) -> Iterator[dict[str, Any]]:
        """Yield all configurations, whatever is required of them."""
        return self._below({}, list(self.space.params))

    def _below(self, chosen: dict[str, Any], keys: list[str]) -> Iterator[dict[str, Any]]:
        if not keys:
            yield chosen
        elif not self.space.exists(keys[0], chosen, self.base):
            yield from self._below(chosen, keys[1:])
        else:
            for value in self.space.params[keys[0]].values():
                yield from self._below({**chosen, keys[0]: value}, keys[1:])

    def _flat(self, chosen: Overrides) -> Overrides:
        """Return the whole configuration; only its parts decide which keys there are."""
        parts = {key: value for key, value in chosen.items() if key.endswith(".kind")}
        known = self._known.get(name := tuple(parts.items()))
        if known is None:
            try:
                known = self.configured(parts) if self.configured else self._resolved(parts)
            except ConfigurationError:  # whoever carries it out will be told
                known = {}
            self._known[name] = known
        return {**known, **chosen}

    def _resolved(self, parts: Overrides) -> Overrides:
        return configuration.flatten(configuration.resolve(load(self.space.method).Config, self.base, parts))
