"""Suites and search spaces by name: those that come with this project, and those of installed packages."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

from kgprism.platform.errors import ConfigurationError, nearest
from kgprism.platform.plain_yaml import read_yaml
from kgprism.platform.studies.suites.reading.merging import Tree, laid_over

#: The published numbers: most of a suite's text, and nothing that tells one suite from another.
_REFERENCE = re.compile(r"^reference:.*\n(?:(?:[ \t#-].*)?\n)*", re.MULTILINE)


@dataclass(frozen=True)
class Shelved:
    """A file that is found by its name, and the distribution that has brought it."""

    name: str
    file: Path
    origin: str


def shelf(package: str) -> dict[str, Shelved]:
    """Return the YAML files of a package, such as ``kgprism.ablations``, and of those that entry points add to it.

    The name of the package is the group of entry points; each names a package of YAML files, which is not imported. As
    with methods, what is installed stands before what is shipped.
    """
    # Not importlib.resources: it refuses an editable install's namespace packages.
    own = Path(next(iter(import_module(package).__path__)))
    found = {file.stem: Shelved(file.stem, file, "kgprism") for file in own.glob("*.yaml")}
    for point in entry_points(group=package):
        for file in sorted(folder.glob("*.yaml") if (folder := _folder(point)) else ()):
            found[file.stem] = Shelved(file.stem, file, _origin(point))
    return {name: found[name] for name in sorted(found)}


def broken(package: str) -> Iterator[str]:
    """Yield a line for each entry point that leads to no folder."""
    for point in entry_points(group=package):
        if not _folder(point):
            yield f"{_origin(point)}: the entry point {point.name} = {point.value} of {package} is no installed folder"


def outline(file: Path, above: tuple[Path, ...] = ()) -> Mapping[str, Any]:
    """Return what a suite or a search space says of itself, unchecked and without its published numbers: it is quick.

    What a suite takes from another is in it; `above` are suites that take this one.

    Raises:
        ConfigurationError: if it cannot be read, or is no mapping, or what it takes.
    """
    try:
        about = _outline(file, file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{file}: cannot be read: {error}") from None
    word = about.get("extends")
    if not isinstance(word, str) or not word:
        return about
    place = beside(file, word)
    known = shelf("kgprism.ablations") if isinstance(place, str) else {}
    if isinstance(place, str) and place not in known:
        raise ConfigurationError(f"{file}: extends: unknown suite '{place}'{nearest(place, known)}")
    other = known[place].file if isinstance(place, str) else place
    taking = (*above, file.resolve())
    if other.resolve() in taking:
        raise ConfigurationError(f"{file}: extends: suites take each other in a circle")
    return cast("Mapping[str, Any]", laid_over(Tree(about), Tree(outline(other, taking))).value)


def beside(file: Path, word: str) -> str | Path:
    """Return the name of a suite, or the path of a file as it is seen from another file."""
    named = Path(word).suffix not in (".yaml", ".yml") and len(Path(word).parts) == 1
    return word if named else file.parent / word


@cache
def _outline(file: Path, text: str) -> Mapping[str, Any]:
    try:
        content, _ = read_yaml(_REFERENCE.sub("", text + "\n"))
    except ConfigurationError as error:
        raise ConfigurationError(f"{file}:{error}") from None
    if not isinstance(content, dict):
        raise ConfigurationError(f"{file}:1:1: expected a mapping of keys to values")
    return content


def methods_of(about: Mapping[str, Any]) -> list[str]:
    """Return the methods that an outline names, its own first."""
    rows = about.get("variants") or ()
    named = [about.get("method"), *(row.get("method") for row in rows if isinstance(row, dict))]
    return [word for word in dict.fromkeys(named) if isinstance(word, str) and word]


def naming(package: str, method: str) -> list[str]:
    """Return the names of the suites, or of the search spaces, in which a method stands."""
    found = []
    for entry in shelf(package).values():
        try:
            if method.encode() in entry.file.read_bytes() and method in methods_of(outline(entry.file)):
                found.append(entry.name)
        except (OSError, ConfigurationError):  # `suites list` names it
            continue
    return found


def _folder(point: EntryPoint) -> Path | None:
    top, *below = point.module.split(".")
    try:
        spec = find_spec(top)
    except (ImportError, ValueError):
        return None
    folders = [Path(place, *below) for place in (spec and spec.submodule_search_locations) or ()]
    return next((folder for folder in folders if folder.is_dir()), None)


def _origin(point: EntryPoint) -> str:
    return point.dist.name if point.dist else point.module.partition(".")[0]
