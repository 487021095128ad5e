"""A search space: what may be tuned and when, where to start, and what is maximised."""

from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any, Literal

import optuna
from optuna.distributions import BaseDistribution
from pydantic import Field, model_validator

from kgprism.platform import configuration
from kgprism.platform.configuration import Overrides
from kgprism.platform.errors import ConfigurationError, nearest
from kgprism.platform.method import load
from kgprism.platform.part import Part, Settings, Slot, slots
from kgprism.platform.studies.document import Document, Place, document_names, open_document
from kgprism.platform.studies.parameter import Parameter, Scalar

PACKAGE = "kgprism.search_spaces"


class Objective(Settings):
    """What is compared; test numbers never choose."""

    metric: str = Field("valid/l2r/mrr", pattern=r"^valid/")
    mode: Literal["max", "min"] = "max"


class Search(Settings):
    """How configurations are proposed."""

    sampler: Literal["tpe", "random", "gp"] = "tpe"
    trials: int = Field(60, ge=1)
    startup: int = Field(10, ge=1, description="configurations drawn at random before the sampler learns")
    seed: int = Field(0, ge=0)


class Halving(Part):
    """Asynchronous successive halving: at each rung, only the best of `eta` goes on. Unit: epochs."""

    kind: Literal["asha"] = "asha"
    min: int = Field(ge=1, description="no trial is stopped before")
    max: int = Field(ge=1, description="no trial is stopped after")
    eta: float = Field(3, gt=1)

    @model_validator(mode="after")
    def _ordered(self) -> "Halving":
        if self.min > self.max:
            raise ValueError(f"min is larger than max, {self.max}")
        return self


class Patient(Part):
    """Every trial runs to its end."""

    kind: Literal["none"] = "none"


class Space(Settings):
    """A search space file; `read` has checked it against its method."""

    version: Literal[1] = Field(alias="schema")
    space: str = Field(pattern=r"^[\w.-]+$")
    method: str
    preset: str | None = None
    params: dict[str, Parameter] = Field(min_length=1)
    start: list[dict[str, Scalar]] = Field(default_factory=list)
    objective: Objective = Objective()
    search: Search = Search()
    schedule: Slot[Halving | Patient] = Patient()

    def base(self) -> Overrides:
        """Return the method's flat configuration under the space's preset."""
        kind = load(self.method)
        return configuration.flatten(
            configuration.resolve(kind.Config, kind.presets[self.preset] if self.preset else {})
        )

    def pinned(self, overrides: Overrides) -> "Space":
        """Return the space without the parameters that the user has set by hand."""
        fixed = {self.address(key) for key in overrides}
        return self.model_copy(update={"params": {k: p for k, p in self.params.items() if k not in fixed}})

    def address(self, key: str) -> str:
        """Return the one address of a key: a slot's is that of its kind."""
        return f"{key}.kind" if key in slots(load(self.method).Config) else key

    def suggest(self, trial: optuna.Trial, base: Overrides | None = None) -> dict[str, Any]:
        """Draw the overrides of one trial; parameters whose conditions fail are not drawn.

        `base` is the flat configuration that the overrides will be put on, by default `base()`.
        """
        chosen: dict[str, Any] = {}
        base = self.base() if base is None else base
        for key, parameter in self.params.items():
            if self._exists(key, chosen, base):
                chosen[key] = parameter.draw(trial, key)
        return chosen

    def distributions(self, overrides: Overrides, base: Overrides | None = None) -> dict[str, BaseDistribution]:
        """Return the distribution of every parameter that exists beside these overrides."""
        base = self.base() if base is None else base
        given = {self.address(key): value for key, value in overrides.items()}
        return {key: p.distribution for key, p in self.params.items() if self._exists(key, given, base)}

    def points(self, base: Overrides | None = None) -> list[dict[str, Any]]:
        """Return the starting points; what one leaves open has the value of `base` where the space holds that value."""
        base = self.base() if base is None else base
        found = []
        for start in self.start:
            given = {self.address(key): value for key, value in start.items()}
            point: dict[str, Any] = {}
            for key, parameter in self.params.items():
                value = given.get(key, base.get(key))
                if self._exists(key, point, base) and parameter.holds(value):
                    point[key] = value
            found.append(point)
        return found

    def _exists(self, key: str, chosen: Overrides, base: Overrides) -> bool:
        """Tell whether a parameter's conditions hold. `base` speaks only for what is not tuned."""
        for name, values in self.params[key].conditions().items():
            settled = chosen if name in self.params else base
            if name not in settled or settled[name] not in values:
                return False
        return True


def space_names() -> list[str]:
    """Return the names of the shipped search spaces."""
    return document_names(PACKAGE)


def read(name_or_path: str) -> Space:
    """Read a search space and check it against its method's configuration; nothing is started.

    Raises:
        ConfigurationError: naming file, line, key and the nearest valid word.
    """
    document = open_document(PACKAGE, name_or_path)
    space = document.checked(Space)
    try:
        kind = load(space.method)
    except ConfigurationError as error:
        raise document.error(("method",), str(error)) from None
    if space.preset is not None and space.preset not in kind.presets:
        message = f"{space.method} has no preset '{space.preset}'{nearest(space.preset, kind.presets)}"
        raise document.error(("preset",), message)
    base = space.base()
    tuned: dict[str, Parameter] = {}
    for key, parameter in space.params.items():
        when = _conditions(document, space, key, tuned, base)
        tuned[space.address(key)] = parameter.model_copy(update={"when": when})
    for key in space.params:
        _accepted(document, ("params", key), kind.Config, base, tuned, space.address(key))
    space = space.model_copy(update={"params": tuned})
    for number, start in enumerate(space.start):
        for key, value in start.items():
            _startable(document, ("start", number, key), space, space.address(key), value)
    return space


def _conditions(
    document: Document, space: Space, parameter: str, above: Mapping[str, Parameter], base: Overrides
) -> dict[str, list[Any]]:
    """Return a parameter's conditions by address; each names a parameter above it or a key of the configuration."""
    found = {}
    later = {space.address(key) for key in space.params} - above.keys()
    for name, values in space.params[parameter].conditions().items():
        key, place = space.address(name), ("params", parameter, "when", name)
        if key in later:
            raise document.error(place, f"'{name}' must stand above '{parameter}'")
        if key not in above and key not in base:
            known = nearest(name, {*above, *base})
            raise document.error(place, f"'{name}' is neither tuned nor part of the configuration{known}")
        for value in values:
            if key in above and not above[key].holds(value):
                words = {str(edge) for edge in above[key].edges()}
                raise document.error(place, f"{name} is never {value!r}{nearest(str(value), words)}")
        found[key] = values
    return found


def _accepted(
    document: Document, place: Place, schema: type[Settings], base: Overrides, tuned: Mapping[str, Parameter], key: str
) -> None:
    """Resolve a parameter's bounds, or its options, beside everything that it can stand beside."""
    for beside in _neighbours(tuned, key):
        for value in tuned[key].edges():
            try:
                configuration.resolve(schema, base, beside, {key: value}, source="")
            except ConfigurationError as error:
                near = ", ".join(f"{name}: {word}" for name, word in beside.items())
                raise document.error(
                    place, str(error).removeprefix(": ") + (f" beside {near}" if near else "")
                ) from None


def _neighbours(tuned: Mapping[str, Parameter], key: str) -> Iterator[dict[str, Any]]:
    """Yield every choice of the parts around a parameter and of what its conditions name."""
    needed: dict[str, list[Any]] = {}
    waiting = [key]
    while waiting:
        at = waiting.pop()
        around = {
            k: p.edges() for k, p in tuned.items() if k.endswith(".kind") and at.startswith(k.removesuffix("kind"))
        }
        for name, values in (around | tuned[at].conditions()).items():
            if name != at and name not in needed and name != key:
                needed[name] = values
                waiting += [name] if name in tuned else []
    for combination in product(*needed.values()):
        yield dict(zip(needed, combination, strict=True))


def _startable(document: Document, place: Place, space: Space, key: str, value: Any) -> None:
    if key not in space.params:
        raise document.error(place, f"'{place[-1]}' is not tuned{nearest(key, space.params)}")
    if not space.params[key].holds(value):
        raise document.error(place, f"{place[-1]} is never {value!r}: the space does not hold this value")
