"""A search as it was asked for: checked against its data, told to the study, and read back from there."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import optuna
from optuna.trial import FrozenTrial
from pydantic import Field, JsonValue, ValidationError

from kgprism.platform import configuration
from kgprism.platform.configuration import Overrides
from kgprism.platform.data.catalogue import datasets
from kgprism.platform.data.graph import Dataset
from kgprism.platform.errors import ConfigurationError
from kgprism.platform.home import home
from kgprism.platform.kept import DamagedError, Kept, checked
from kgprism.platform.studies.search.spaces.budget import Budget
from kgprism.platform.studies.search.spaces.budget import budget as budget_of
from kgprism.platform.studies.search.spaces.comparison import Goal, goal_of
from kgprism.platform.studies.search.spaces.feasibility import nothing
from kgprism.platform.studies.search.spaces.region import Region
from kgprism.platform.studies.search.spaces.space import Space
from kgprism.platform.studies.search.study import sqlite
from kgprism.platform.studies.store.record import Record
from kgprism.platform.studies.suites.reading.document import quoted
from kgprism.platform.studies.suites.recipe import Recipe, written
from kgprism.platform.training.run import Run, plan

#: Bytes of a name: files that are called after it take a few more.
_LONGEST = 100
#: Of what differs in two searches of one name: so many keys are named; values that are longer are not shown.
_NAMED, _SHOWN = 5, 40
#: The study's attribute of how many trials were asked for when nothing new was found any more.
EXHAUSTED = "exhausted"


class Asked(Kept):
    """What a study says of its search, as attributes that Optuna's own tools show; ``search`` is a digest of it all."""

    search: str
    method: str
    dataset: str
    objective: str
    preset: str | None
    settings: dict[str, JsonValue]
    seed: int
    trials: int
    space: dict[str, JsonValue]
    # Earlier versions had one objective.
    costs: list[str] = Field(default_factory=list)
    budget: str | None = None


@dataclass(frozen=True)
class Request:
    """A search: everything that decides a trial's value, how many trials, and where they are told.

    ``space`` is as it was read, ``base`` the run that nothing is drawn for.
    """

    space: Space
    dataset: Dataset
    preset: str | None
    overrides: Overrides
    seed: int
    trials: int
    storage: str
    base: Run
    name: str
    budget: Budget | None = None

    @property
    def goal(self) -> Goal:
        """Return what runs pick their epoch by, and trials are compared by."""
        return goal_of(self.base.configuration)

    @property
    def drawn(self) -> Space:
        """Return the space without what the user has set."""
        return self.space.pinned(self.overrides).model_copy(update={"objective": self.goal})

    @property
    def region(self) -> Region:
        """Return where is searched: what is drawn is put on the base run's configuration."""
        asked: dict[str, Any] = {"preset": self.preset}
        method, dataset, seed, given = self.space.method, self.dataset, self.seed, self.overrides
        return Region(
            self.drawn,
            self.base.configuration,
            lambda parts: plan(method, dataset, seed, given, parts, **asked).configuration,
        )

    @property
    def identity(self) -> str:
        """Return what changes with whatever decides a trial's value; more trials of the same are the same search."""
        return study_name(self.drawn, self.base.id)

    def asked(self) -> Asked:
        """Return what is told to the study."""
        return Asked(
            search=self.identity,
            method=self.space.method,
            dataset=self.dataset.name,
            objective=self.goal.metric,
            preset=self.preset,
            settings=dict(self.overrides),
            seed=self.seed,
            trials=self.trials,
            space=self.space.model_dump(mode="json", by_alias=True),
            costs=list(self.space.costs),
            budget=str(self.budget) if self.budget else None,
        )

    def recipe(self, record: Record, best: FrozenTrial) -> Recipe:
        """Return what carries the best trial's run out again."""
        given = {self.space.address(key): value for key, value in self.overrides.items()} | best.params
        # What a part would have that the trial has not drawn says nothing there.
        settings = {key: value for key, value in given.items() if _stands(key, record.configuration)}
        found = Recipe.of(record, settings, self.preset)
        if found.makes(record.id, self.dataset):
            return found
        return Recipe.of(record, record.configuration, self.preset)


def request(
    space: Space,
    dataset: Dataset,
    *,
    preset: str | None = None,
    overrides: Overrides | None = None,
    trials: int | None = None,
    seed: int = 0,
    storage: str | None = None,
    name: str | None = None,
    budget: str | None = None,
) -> Request:
    """Check a search; an objective of the space is what its runs pick their epoch by, unless `overrides` say otherwise.

    Raises:
        ConfigurationError: a configuration that does not fit, or no validation pairs.
    """
    if name is not None:
        _refuse_no_name(name)
    preset, given = preset or space.preset, dict(overrides or {})
    picked = space.objective.selection() if space.objective else {}
    base = plan(space.method, dataset, seed, picked, given, preset=preset)
    given |= {key: base.configuration[key] for key in picked}
    if base.configuration.get("eval.valid_ratio") == 0:
        metric = goal_of(base.configuration).metric
        raise ConfigurationError(f"eval.valid_ratio is 0: {metric} needs pairs that are held out")
    if "parameters" in space.costs and not base.configuration.get("train.keep_weights", True):
        raise ConfigurationError("train.keep_weights is false: parameters are counted in the weights that are kept")
    storage = sqlite(home() / "studies" / space.space / "optuna.db") if storage is None else storage
    limit, number = _budget(space.search.budget if budget is None else budget), trials or space.search.trials
    asked = Request(space, dataset, preset, given, seed, number, storage, base, name or "", limit)
    if space.requires:
        _refuse_unmet(asked.region)
    return asked if name else Request(**(vars(asked) | {"name": asked.identity}))


def _budget(text: str | None) -> Budget | None:
    try:
        return None if text is None else budget_of(text)
    except ValueError as error:
        raise ConfigurationError(f"--budget: {error}") from None


def _refuse_unmet(region: Region) -> None:
    """Refuse settings beside which nothing keeps the space's requirements."""
    points = region.space.points(region.base)
    if all(region.broken(point) for point in points) and region.by_chance(0, 0) is None:
        texts = " and ".join(quoted(text) for text in region.space.requires)
        raise ConfigurationError(f"requires: {nothing(f'{texts} beside these settings')}")


def study_name(space: Space, base: str) -> str:
    """Return a name that changes with whatever decides a trial's value: more trials or repeats do not."""
    content = space.model_dump(mode="json", exclude={"search": {"trials", "repeats", "budget"}, "warm_start": True})
    return f"{space.space}-{configuration.digest(content, base)}"


def asked_of(study: optuna.Study) -> Asked | None:
    """Return what a study says of its search; none where it was begun before studies said it.

    Raises:
        DamagedError: if it says something else.
    """
    told = study.user_attrs
    return checked(told, Asked, f"study {study.study_name}") if told.keys() & {"search", "space"} else None


def exhausted_at(study: optuna.Study) -> int:
    """Return how many trials were asked for when nothing new was found any more, 0 if that was never so."""
    told = study.user_attrs.get(EXHAUSTED)
    return told if type(told) is int else 0


def recalled(study: optuna.Study, storage: str, trials: int | None = None, budget: str | None = None) -> Request:
    """Return the search that a study was begun for, to go on with it.

    Raises:
        ConfigurationError: if the study does not say, or code or data have changed since.
        DataError: if its dataset is not there any more.
    """
    name = study.study_name
    try:
        asked = asked_of(study)
        if asked is None:
            raise ConfigurationError(
                f"'{name}' was begun by a version that did not keep what was asked: repeat its command with --resume"
            )
        space = Space.model_validate(asked.space)
    except (DamagedError, ValidationError) as error:
        first = " ".join(str(error).split())
        raise ConfigurationError(f"'{name}' cannot be gone on with: {first}") from None
    settled: dict[str, Any] = {"preset": asked.preset, "overrides": asked.settings, "seed": asked.seed}
    settled["budget"] = asked.budget if budget is None else budget
    # What the space says of the objective is settled in the settings.
    again = request(
        space, datasets.load(asked.dataset), trials=trials or asked.trials, storage=storage, name=name, **settled
    )
    if again.identity != asked.search:
        told = f"the code of {space.method} or the data of {asked.dataset} have changed since '{name}' was begun"
        raise ConfigurationError(f"{told}: search anew; its trials stay in the storage, its runs in the store")
    return again


def _refuse_no_name(name: str) -> None:
    """Refuse what files and folders of a search cannot be called, and the word that lists the searches.

    Raises:
        ConfigurationError: saying what a name is.
    """
    if not name.isprintable() or not 0 < len(name.encode(errors="replace")) <= _LONGEST or set(name) & set("/\\"):
        told = f"expected at most {_LONGEST} letters that can be printed, and no slash, got {name[:60]!r}"
        raise ConfigurationError(f"--name: {told}")
    if name[0] in ".-" or name == "list":
        raise ConfigurationError(f"--name: '{name}' begins with a dot or a dash, or lists the searches: choose another")


def refuse_other(study: optuna.Study, request: Request) -> None:
    """Refuse a name that another search has.

    Raises:
        ConfigurationError: naming what differs.
    """
    was, now = asked_of(study), request.asked()
    if was is None or was.search == now.search:
        return
    there, here = _told(was, request.space), _told(now, request.space)
    kinds = [kind for kind in there if there[kind] != here[kind]]
    what = f"with other {' and '.join(kinds)} ({_differences(there, here)})" if kinds else "of other code or data"
    raise ConfigurationError(f"--name: '{request.name}' is a search {what}: choose another name")


def _told(asked: Asked, space: Space) -> dict[str, dict[str, Any]]:
    """Return, of each kind of thing that decides a trial's value, its keys; a key is written in one way only."""
    told = {kind: getattr(asked, kind) for kind in ("dataset", "preset", "seed", "objective")}
    kinds = {kind: {} if value is None else {kind: value} for kind, value in told.items()}
    kinds["settings"] = {space.address(key): value for key, value in _leaves(asked.settings).items()}
    kinds["space"] = {f"space.{key}": value for key, value in _leaves(asked.space).items()}
    # More trials of the same are the same search, and so are repeats.
    same = ("space.search.trials", "space.search.repeats", "space.warm_start", "space.search.budget")
    kinds["space"] = {key: value for key, value in kinds["space"].items() if not key.startswith(same)}
    return kinds


def _leaves(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return a tree's values by their dotted keys."""
    found: dict[str, Any] = {}
    for key, value in tree.items():
        found |= _leaves(value, f"{prefix}{key}.") if isinstance(value, Mapping) and value else {prefix + key: value}
    return found


def _differences(there: Mapping[str, Mapping[str, Any]], here: Mapping[str, Mapping[str, Any]]) -> str:
    """Say of each key that differs which value it has there and here."""
    said = []
    for kind in there:
        for key in dict.fromkeys([*there[kind], *here[kind]]):
            sides = [told[kind] for told in (there, here)]
            if all(key in side for side in sides) and sides[0][key] == sides[1][key]:
                continue
            was, now = (written(side[key]) if key in side else "not set" for side in sides)
            said.append(f"{key}: {was} there, {now} here" if max(len(was), len(now)) <= _SHOWN else key)
    more = [f"and {len(said) - _NAMED} more"] if len(said) > _NAMED else []
    return "; ".join([*said[:_NAMED], *more])


def _stands(key: str, flat: Mapping[str, Any]) -> bool:
    return key in flat or any(known.startswith(f"{key}.") for known in flat)
