"""How often the best trials are carried out again with other seeds, so that none is best by luck."""

import re

from pydantic import Field

from kgprism.platform.errors import ConfigurationError
from kgprism.platform.part import Settings
from kgprism.platform.studies.suites.reading.document import quoted


class Repeats(Settings):
    """The ``promote_top`` best trials are run with so many ``seeds`` each, their own included; the best mean wins."""

    seeds: int = Field(3, ge=2, le=1000)
    promote_top: int = Field(5, ge=1, le=1000)


def parse_repeats(word: str) -> Repeats | None:
    """Read ``3x5``, three seeds of the five best, ``3``, or ``none``.

    Raises:
        ConfigurationError: for anything else.
    """
    if word == "none":
        return None
    found = re.fullmatch(r"([0-9]{1,4})(?:x([0-9]{1,4}))?", word)
    seeds, top = (int(found[1]), int(found[2] or 5)) if found else (0, 0)
    if not (2 <= seeds <= 1000 and 1 <= top <= 1000):
        raise ConfigurationError(f"--repeats: expected 3x5 (3 seeds of the 5 best), 3 or none; got {quoted(word)}")
    return Repeats(seeds=seeds, promote_top=top)
