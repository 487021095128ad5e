"""What a user can mend: errors of one line that name the place and the nearest valid word."""

from collections.abc import Iterable
from difflib import get_close_matches


class KgprismError(Exception):
    """Anything that the user can mend; printed without a traceback, exit code 2."""


class ConfigurationError(KgprismError):
    """An unknown key, a value out of range, an unknown name; raised before anything starts."""


class DataError(KgprismError):
    """A file that cannot be read as what it claims to be; names file and line."""


class RunError(KgprismError):
    """A run that cannot go on, such as a non-finite loss."""


def nearest(word: str, known: Iterable[str]) -> str:
    """Return `` (did you mean 'x'?)`` for the closest known word, else the known words if they are few, else ``''``."""
    known = sorted(known)
    close = get_close_matches(word, known, n=1, cutoff=0.6)
    if close:
        return f" (did you mean '{close[0]}'?)"
    return f" (known: {', '.join(known)})" if 0 < len(known) <= 12 else ""
