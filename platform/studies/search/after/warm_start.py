"""The best of other searches as first points of this one: starting points only, never values.

A value counts where the very same run would come of it: such a run is in the store, and is answered from there.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from kgprism.platform.configuration import Overrides
from kgprism.platform.errors import ConfigurationError
from kgprism.platform.studies.search.after.findings import Findings, Seen, findings
from kgprism.platform.studies.search.listing import named
from kgprism.platform.studies.search.request import Request
from kgprism.platform.studies.search.spaces.region import Region
from kgprism.platform.studies.search.spaces.space import PACKAGE
from kgprism.platform.studies.search.study import explain_storage
from kgprism.platform.studies.suites.reading.document import open_document

#: Of each other search so many of its best trials that fit are tried first.
BEST = 5


@dataclass(frozen=True)
class Warm:
    """What another search gives: its best trials that fit, of so many that are complete."""

    name: str
    dataset: str
    points: tuple[dict[str, Any], ...]
    complete: int

    def __str__(self) -> str:
        on = f" on {self.dataset}" if self.dataset else ""
        if not self.points:
            return f"warm start: none of the {self.complete} complete trials of {self.name}{on} fits this space"
        return f"warm start: the best {len(self.points)} of {self.name}{on} are tried first"


def warm_starts(wanted: Request, written: str | None = None) -> list[Warm]:
    """Return what the searches that a space names give; `written` is the space's name or file where they stand there.

    Raises:
        ConfigurationError: no such search, or one of another method.
    """
    found = []
    for number, word in enumerate(wanted.space.warm_start):
        try:
            name, storage = parted(word)
            study, place = named(name, storage, "warm start: ")
            if (name, place) != (wanted.name, wanted.storage):
                with explain_storage(place, "cannot be read"):
                    found.append(_of(wanted, findings(study, place)))
        except ConfigurationError as error:
            if written is None:
                raise
            raise open_document(PACKAGE, written).error(("warm_start", number), str(error)) from None
    return found


def first_points(wanted: Request) -> list[dict[str, Any]]:
    """Return the configurations that are tried first, each once."""
    points: list[dict[str, Any]] = []
    for warm in warm_starts(wanted):
        points += [point for point in warm.points if point not in points]
    return points


def parted(word: str) -> tuple[str, str | None]:
    """Return the name and the storage of ``NAME`` or ``NAME@URL``: a name may have an ``@`` too."""
    found = re.fullmatch(r"(.+?)@([a-z][a-z0-9+]*://.*)", word)
    return (found[1], found[2]) if found else (word, None)


def _of(wanted: Request, other: Findings) -> Warm:
    asked = other.asked
    if asked and asked.method != wanted.space.method:
        told = f"warm start: '{other.name}' tunes {asked.method}, not {wanted.space.method}"
        raise ConfigurationError(f"{told}: only a search of the same method can")
    best_first = [trial for trial in other.ordered if trial.state == "complete"]
    points = _points(wanted.region, best_first, asked.settings if asked else {})
    return Warm(other.name, asked.dataset if asked else "", tuple(points)[:BEST], len(best_first))


def _points(region: Region, trials: Iterable[Seen], settings: Overrides) -> Iterator[dict[str, Any]]:
    """Yield the trials as points of this space, those that it does not hold left out."""
    for trial in trials:
        point = fitting(region, {**settings, **trial.parameters})
        if point is not None and point.keys() & trial.parameters.keys():
            yield point


def fitting(region: Region, given: Overrides) -> dict[str, Any] | None:
    """Return a point of the space with these values, none if it holds one of them not, or they break what it requires.

    What they leave open is as in the configuration that is searched on, where the space holds that.
    """
    space = region.space
    said = {space.address(key): value for key, value in given.items()}
    point: dict[str, Any] = {}
    for key, parameter in space.params.items():
        if space.exists(key, point, region.base):
            value = said.get(key, region.base.get(key))
            if parameter.holds(value):
                point[key] = parameter.plain(value)
            elif key in said:
                return None
    return None if region.broken(point) else point
