"""How configurations are proposed: a word, or a mapping with the sampler's own settings; installed ones by name."""

import inspect
import warnings
from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, Literal

from optuna.exceptions import ExperimentalWarning
from optuna.samplers import BaseSampler
from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    JsonValue,
    PlainSerializer,
    SerializerFunctionWrapHandler,
    StrictBool,
    Tag,
    model_serializer,
    model_validator,
)

from kgprism.platform.errors import first_line, nearest
from kgprism.platform.method import FAULTS
from kgprism.platform.part import Settings
from kgprism.platform.studies.search.spaces.budget import checked
from kgprism.platform.studies.search.spaces.repeats import Repeats

#: Entry points of this group name samplers: what each leads to is called with ``seed`` and the file's settings.
GROUP = "kgprism.samplers"


class _Sampler(Settings):
    #: whether it can search for several objectives
    several: ClassVar[bool] = True


class Tpe(_Sampler):
    """Tree-structured Parzen estimator. None: together where there is one objective, which is Optuna's own choice."""

    kind: Literal["tpe"] = "tpe"
    multivariate: StrictBool | None = Field(None, description="parameters together, not one by one")
    group: StrictBool = Field(False, description="together with those that exist under the same conditions")

    @model_validator(mode="after")
    def _together(self) -> "Tpe":
        if self.group and not self.multivariate:
            raise ValueError("group: needs multivariate: true")
        return self


class Gp(_Sampler):
    """Gaussian process."""

    kind: Literal["gp"] = "gp"


class CmaEs(_Sampler):
    """Covariance matrix adaptation: numbers that always exist; all else is drawn at random."""

    kind: Literal["cmaes"] = "cmaes"
    several: ClassVar[bool] = False
    sigma: float | None = Field(None, gt=0, description="first standard deviation; none: a sixth of the range")
    population: int | None = Field(None, ge=3, description="trials of a generation; none: by the parameters' number")

    @model_validator(mode="after")
    def _there(self) -> "CmaEs":
        if find_spec("cmaes") is None:
            raise ValueError("cmaes needs the package of that name: pip install cmaes")
        return self


class Chance(_Sampler):
    """Independent of each other and of all results."""

    kind: Literal["random"] = "random"


class Grid(_Sampler):
    """Every configuration once, in an order of chance; then the search is through."""

    kind: Literal["grid"] = "grid"


class Qmc(_Sampler):
    """Quasi-Monte Carlo: spread evenly; as at random, no result changes what comes next."""

    kind: Literal["qmc"] = "qmc"
    sequence: Literal["sobol", "halton"] = "sobol"


class Nsga2(_Sampler):
    """Evolution of a population; made for several objectives."""

    kind: Literal["nsga2"] = "nsga2"
    population: int = Field(20, ge=2, description="trials of a generation, the first at random")


class Installed(_Sampler):
    """A sampler that an installed package brings, with settings of its own."""

    model_config = ConfigDict(frozen=True, extra="allow")
    __pydantic_extra__: dict[str, JsonValue]
    kind: str = ""

    @model_validator(mode="after")
    def _made(self) -> "Installed":
        self.make(0)
        return self

    def make(self, seed: int) -> BaseSampler:
        """Return the sampler.

        Raises:
            ValueError: if there is none of this name, or it is none, or does not take these settings.
        """
        points = {point.name: point for point in entry_points(group=GROUP)}
        if self.kind not in points:
            raise ValueError(f"unknown word '{self.kind}'{nearest(self.kind, {*_SHIPPED, *points})}")
        build, settings = _loaded(points[self.kind]), dict(self.model_extra or {})
        try:
            known = inspect.signature(build).parameters
        except ValueError:  # Python knows none of what is written in C
            known = MappingProxyType({})
        words = {*known}
        if any(one.kind == inspect.Parameter.VAR_KEYWORD for one in known.values()):
            words |= {*settings}
        for key in settings:
            if key not in words - {"seed"}:
                raise ValueError(f"unknown key '{key}' of the sampler {self.kind}{nearest(key, words - {'seed'})}")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ExperimentalWarning)
                made = build(**settings, **({"seed": seed} if "seed" in words else {}))
        except FAULTS as error:
            raise ValueError(f"the sampler {self.kind} cannot be made: {first_line(error)}") from None
        if not isinstance(made, BaseSampler):
            raise ValueError(f"{points[self.kind].value}: no sampler of Optuna's, but {type(made).__name__}")
        return made


def _loaded(point: EntryPoint) -> Callable[..., Any]:
    try:
        found: Callable[..., Any] = point.load()
    except FAULTS as error:
        raise ValueError(f"the sampler {point.name} ({point.value}) cannot be loaded: {first_line(error)}") from None
    if not callable(found):
        raise ValueError(f"the sampler {point.name} ({point.value}) cannot be called")
    return found


_SHIPPED = ("tpe", "gp", "cmaes", "random", "grid", "qmc", "nsga2")


def _tag(given: Any) -> str:
    kind = given.get("kind", "") if isinstance(given, dict) else getattr(given, "kind", "")
    return kind if kind in _SHIPPED else "installed"


def _mapping(given: Any) -> Any:
    return {"kind": given} if isinstance(given, str) else given


def _word(sampler: Tpe | Gp | CmaEs | Chance | Grid | Qmc | Nsga2 | Installed) -> Any:
    """Return it as it is written: a word where nothing else is said, as it always was."""
    said = sampler.model_dump(mode="json", exclude_defaults=True) | {"kind": sampler.kind}
    return said["kind"] if len(said) == 1 else said


class Word:
    """Lets a JSON schema say that a word is enough."""

    @staticmethod
    def __get_pydantic_json_schema__(core: Any, handler: Any) -> Any:
        known = handler(core)
        return {"anyOf": [{"type": "string"}, *(known.get("oneOf") or [known])]}


Sampler = Annotated[
    Annotated[Tpe, Tag("tpe")]
    | Annotated[Gp, Tag("gp")]
    | Annotated[CmaEs, Tag("cmaes")]
    | Annotated[Chance, Tag("random")]
    | Annotated[Grid, Tag("grid")]
    | Annotated[Qmc, Tag("qmc")]
    | Annotated[Nsga2, Tag("nsga2")]
    | Annotated[Installed, Tag("installed")],
    Discriminator(_tag),
    BeforeValidator(_mapping),
    PlainSerializer(_word),
    Word(),
]


class Search(Settings):
    """How configurations are proposed, and how many."""

    sampler: Sampler = Tpe()
    trials: int = Field(60, ge=1)
    startup: int = Field(10, ge=1, description="configurations drawn at random before the sampler learns")
    seed: int = Field(0, ge=0)
    budget: Annotated[str, AfterValidator(checked)] | None = Field(None, description="what it may spend, such as 2h")
    repeats: Repeats | None = Field(None, description="the best trials again with other seeds")

    @model_serializer(mode="wrap")
    def _said(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out the keys of later versions that say nothing."""
        return {key: value for key, value in handler(self).items() if value is not None}
