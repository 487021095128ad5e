"""One thing that ``kgprism doctor`` looked at."""

from dataclasses import dataclass

GIB = 1024**3


@dataclass(frozen=True)
class Check:
    """One thing looked at; ``advice`` is what to do where it is not well."""

    name: str
    well: bool
    found: str
    advice: str = ""
