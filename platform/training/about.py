"""What a method is for, known without loading it: torch takes longer than a table."""

from contextlib import suppress
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path

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


def kept(method: str) -> About | None:
    """Return what was found of a shipped method whose code is still the same; none where it must be loaded."""
    with suppress(DataError):  # it is found again
        if code := code_of_shipped(method):
            known = read(_file(method), About)
            return known if known and known.code == code else None
    return None


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
    if known := kept(method):
        return known
    found = _loaded(method, code_of_shipped(method) or "")
    # What cannot be kept is found again.
    with suppress(OSError), replacing(_file(method)) as scratch:
        scratch.write_text(found.model_dump_json(), encoding="utf-8")
    return found


def _file(method: str) -> Path:
    return home() / "cache" / "methods" / f"{method}.json"


def _loaded(method: str, code: str = "") -> About:
    from kgprism.platform.method import load

    kind = load(method)
    return About(task=kind.task, module=kind.__module__, code=code)
