"""A search space: what may be tuned and when, where to start, and what trials are compared by."""

from collections.abc import Callable, Iterator, Mapping
from itertools import product
from typing import Annotated, Any, Literal

import optuna
from optuna.distributions import BaseDistribution
from pydantic import BeforeValidator, Field, SerializerFunctionWrapHandler, model_serializer

from kgprism.platform import configuration
from kgprism.platform.configuration import Overrides
from kgprism.platform.errors import ConfigurationError, nearest, nearest_key
from kgprism.platform.method import load
from kgprism.platform.part import Settings, Slot, slots
from kgprism.platform.studies.search.spaces.comparison import Aim, Goal, first_of, refuse_incomparable
from kgprism.platform.studies.search.spaces.feasibility import refuse_unmet
from kgprism.platform.studies.search.spaces.parameter import Parameter, Scalar
from kgprism.platform.studies.search.spaces.samplers import Search, Word
from kgprism.platform.studies.search.spaces.schedules import Patient, Schedule
from kgprism.platform.studies.suites.reading.document import Document, Name, Place, document_names, open_document

PACKAGE = "kgprism.search_spaces"


#: What earlier versions did not write.
_LATER = {"requires", "objectives", "warm_start"}


def _several(given: Any) -> Any:
    return [given] if isinstance(given, str) else given


class Space(Settings):
    """A search space file; `read` has checked it against its method."""

    version: Literal[1] = Field(alias="schema")
    space: Name
    method: str
    preset: str | None = None
    params: dict[str, Parameter] = Field(min_length=1)
    start: list[dict[str, Scalar]] = Field(default_factory=list)
    objective: Goal | None = Field(
        None, description="what runs pick their epoch by and trials are compared by; none: what the method picks by"
    )
    objectives: tuple[Aim, ...] = Field(
        (), description="instead of objective: what is maximised, and the costs that are minimised beside it"
    )
    search: Search = Search()
    schedule: Slot[Schedule] = Patient()
    requires: Annotated[tuple[str, ...], BeforeValidator(_several), Word()] = Field(
        (), description="what every configuration keeps, such as 'fusion.rank <= modal_width'"
    )

    warm_start: Annotated[tuple[str, ...], BeforeValidator(_several), Word()] = Field(
        (), description="searches whose best trials are tried first: NAME, or NAME@STORAGE"
    )

    @model_serializer(mode="wrap")
    def _said(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out the keys of later versions that say nothing: a search is still the one that it was."""
        return {key: value for key, value in handler(self).items() if key not in _LATER or value}

    @property
    def costs(self) -> tuple[str, ...]:
        """Return what is minimised besides."""
        return tuple(aim.metric for aim in self.objectives[1:])

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
        return self.filled(self.base() if base is None else base, lambda key: self.params[key].draw(trial, key))

    def filled(self, base: Overrides, value: Callable[[str], Any]) -> dict[str, Any]:
        """Return a value of every parameter that exists beside those above it."""
        chosen: dict[str, Any] = {}
        for key in self.params:
            if self.exists(key, chosen, base):
                chosen[key] = value(key)
        return chosen

    def distributions(self, overrides: Overrides, base: Overrides | None = None) -> dict[str, BaseDistribution]:
        """Return the distribution of every parameter that exists beside these overrides."""
        base = self.base() if base is None else base
        given = {self.address(key): value for key, value in overrides.items()}
        return {key: p.distribution for key, p in self.params.items() if self.exists(key, given, base)}

    def points(self, base: Overrides | None = None) -> list[dict[str, Any]]:
        """Return the starting points; what one leaves open has the value of `base` where the space holds that value."""
        base = self.base() if base is None else base
        found = []
        for start in self.start:
            given = {self.address(key): value for key, value in start.items()}
            point: dict[str, Any] = {}
            for key, parameter in self.params.items():
                value = given.get(key, base.get(key))
                if self.exists(key, point, base) and parameter.holds(value):
                    point[key] = parameter.plain(value)
            found.append(point)
        return found

    def exists(self, key: str, chosen: Overrides, base: Overrides) -> bool:
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
    """Read a search space and check it against its method's configuration and task; nothing is started.

    Raises:
        ConfigurationError: naming file, line, key and the nearest valid word.
    """
    return told_by(open_document(PACKAGE, name_or_path))


def told_by(document: Document) -> Space:
    """Return what a document says, checked as `read` does.

    Raises:
        ConfigurationError: naming file, line, key and the nearest valid word.
    """
    space = document.checked(Space)
    try:
        kind = load(space.method)
    except ConfigurationError as error:
        raise document.error(("method",), str(error)) from None
    if space.preset is not None and space.preset not in kind.presets:
        message = f"{space.method} has no preset '{space.preset}'{nearest(space.preset, kind.presets)}"
        raise document.error(("preset",), message)
    if "objectives" in document.content and not space.objectives:
        raise document.error(("objectives",), "objectives: expected at least one, or objective, or neither")
    if space.objectives:
        goal = first_of(document, space.objectives, space.objective)
        space = space.model_copy(update={"objective": goal})
        _refuse_single(document, space)
    refuse_incomparable(document, space.objective, space.params, kind)
    base = space.base()
    tuned: dict[str, Parameter] = {}
    for key, parameter in space.params.items():
        when = _conditions(document, space, key, tuned, base)
        tuned[space.address(key)] = parameter.model_copy(update={"when": when})
    for key in space.params:
        _refuse_edges(document, ("params", key), kind.Config, base, tuned, space.address(key))
    space = space.model_copy(update={"params": tuned})
    for number, start in enumerate(space.start):
        for key, value in start.items():
            _refuse_start(document, ("start", number, key), space, space.address(key), value)
    refuse_unmet(document, space)
    return space


def _refuse_single(document: Document, space: Space) -> None:
    """Refuse a sampler or a schedule that knows one objective only."""
    if len(space.objectives) > 1:
        if not space.search.sampler.several:
            told = f"{space.search.sampler.kind} searches for one objective only: choose tpe, nsga2, random or qmc"
            raise document.error(("search", "sampler"), told)
        if not isinstance(space.schedule, Patient):
            told = "with several objectives no trial is stopped early, as its costs are known at its end: kind: none"
            raise document.error(("schedule", "kind"), told)


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
            known = nearest_key(name, {*above, *base})
            raise document.error(place, f"'{name}' is neither tuned nor part of the configuration{known}")
        for value in values:
            if key in above and not above[key].holds(value):
                words = {str(edge) for edge in above[key].edges()}
                raise document.error(place, f"{name} is never {value!r}{nearest(str(value), words)}")
        found[key] = values
    return found


def _refuse_edges(
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


def _refuse_start(document: Document, place: Place, space: Space, key: str, value: Any) -> None:
    if key not in space.params:
        raise document.error(place, f"'{place[-1]}' is not tuned{nearest_key(key, space.params)}")
    if not space.params[key].holds(value):
        raise document.error(place, f"{place[-1]} is never {value!r}: the space does not hold this value")
