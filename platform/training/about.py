"""What a method is for, known without loading it: torch takes longer than a table."""

from contextlib import suppress
from functools import cache
from importlib.metadata import entry_points

from kgprism.platform import source
from kgprism.platform.errors import DataError
from kgprism.platform.files import replacing
from kgprism.platform.home import home
from kgprism.platform.kept import Kept, read


class About(Kept):
    """The method's task and its module, and the digest of the code that says so."""

    task: str
    module: str
    code: str


def about(method: str) -> About:
    """Return what a method is for, as it was found last time if its code is still the same.

    Plug-ins are loaded each time: which code they are is known only then.

    Raises:
        ConfigurationError: if there is no such method, or it cannot be loaded.
    """
    return _loaded(method) if _plugged(method) else _shipped(method)


def code_of_shipped(method: str) -> str | None:
    """Return the digest of a method's own code, none for a plug-in or what is none."""
    module = f"kgprism.methods.{method}"
    if not method.isidentifier() or _plugged(method) or not source.find(module):
        return None
    return source.digest_of(module)


@cache
def _plugged(method: str) -> bool:
    """Whether an installed package brings the method: looking takes longer than all that is asked here."""
    return bool(entry_points(group="kgprism.methods", name=method))


@cache
def _shipped(method: str) -> About:
    code, file = code_of_shipped(method), home() / "cache" / "methods" / f"{method}.json"
    if code:
        with suppress(DataError):  # it is found again
            known = read(file, About)
            if known and known.code == code:
                return known
    found = _loaded(method, code or "")
    # What cannot be kept is found again.
    with suppress(OSError), replacing(file) as scratch:
        scratch.write_text(found.model_dump_json(), encoding="utf-8")
    return found


def _loaded(method: str, code: str = "") -> About:
    from kgprism.platform.method import load

    kind = load(method)
    return About(task=kind.task, module=kind.__module__, code=code)
