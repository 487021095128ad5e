"""Whether a space's requirements and its grid can be carried out, told when the file is read."""

from itertools import islice
from typing import TYPE_CHECKING

from kgprism.platform.method import load
from kgprism.platform.part import keys
from kgprism.platform.studies.search.spaces.constraint import NotReckonedError, parsed, unknown
from kgprism.platform.studies.search.spaces.region import LARGEST, PATIENCE, Region
from kgprism.platform.studies.search.spaces.samplers import Grid
from kgprism.platform.studies.suites.reading.document import Document, quoted

if TYPE_CHECKING:
    from kgprism.platform.studies.search.spaces.space import Space

#: Configurations for which each requirement is reckoned when it is read.
_LOOKS = 200


def refuse_unmet(document: Document, space: "Space") -> None:
    """Refuse a grid that cannot be counted, and requirements that nothing keeps, the starting points included.

    Raises:
        ConfigurationError: naming file, line and the nearest key.
    """
    region = Region(space, space.base())
    known = {*keys(load(space.method).Config), *region.base}
    for number, text in enumerate(space.requires):
        try:
            told = unknown(parsed(text), known)
        except ValueError as error:
            told = str(error)
        if told:
            raise document.error(("requires", number), f"{quoted(text)}: {told}")
    refuse_uncounted(document, space)
    if isinstance(space.search.sampler, Grid) and next(region.configurations(), None) is None:
        raise document.error(("requires",), "no configuration of the grid keeps it")
    for number, text in enumerate(space.requires):
        alone = Region(space.model_copy(update={"requires": (text,)}), region.base)
        try:
            _refuse_starts(document, alone)
            for chosen in islice(alone.draws(0), _LOOKS):  # some hold words, some numbers
                alone.broken(chosen)
            unmet = not space.start and alone.by_chance(0, 0) is None
        except NotReckonedError as error:
            raise document.error(("requires", number), str(error)) from None
        if unmet:
            raise document.error(("requires", number), f"{quoted(text)}: {nothing()}")
    if space.requires and not space.start and region.by_chance(0, 0) is None:
        raise document.error(("requires",), nothing("all of these"))


def refuse_uncounted(document: Document, space: "Space") -> None:
    """Refuse a grid that cannot be counted.

    Raises:
        ConfigurationError: naming file and line of the parameter, or of the sampler.
    """
    if not isinstance(space.search.sampler, Grid):
        return
    for key, parameter in space.params.items():
        if not parameter.values():
            raise document.error(("params", key), f"{key}: a grid needs a step, or type: choice with its values")
    if sum(1 for _ in islice(Region(space, space.base()).every(), LARGEST + 1)) > LARGEST:
        raise document.error(("search", "sampler"), f"the grid has more than {LARGEST:,} configurations")


def nothing(what: str = "it") -> str:
    """Say that chance has found nothing that keeps the requirements."""
    return f"no configuration keeps {what}: none of {PATIENCE:,} that were drawn at random"


def _refuse_starts(document: Document, region: Region) -> None:
    (text,) = region.space.requires
    for number, point in enumerate(region.space.points(region.base)):
        # What a starting point leaves open is drawn, and looked at then.
        left = [key for key in region.space.params if key not in point]
        named = {*parsed(text).keys, *(f"{key}.kind" for key in parsed(text).keys)}
        drawn = [key for key in left if region.space.exists(key, point, region.base)]
        if not named & {*drawn} and region.broken(point):
            told = ", ".join(f"{key}: {value}" for key, value in point.items() if key in named) or "as it stands"
            message = f"starting point {number + 1} ({told}) does not keep the requirement {quoted(text)}"
            raise document.error(("start", number), message)
