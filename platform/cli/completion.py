"""What a shell completes: names of all kinds, keys and their values. Torch and Ray are not loaded: somebody waits.

Keys stand in the code of methods, which needs torch. Commands that load a method keep its keys in the home
(`remember`); until one has, the keys that all methods share are completed.
"""

import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, suppress
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any

import typer

from kgprism.platform.errors import KgprismError
from kgprism.platform.home import home
from kgprism.platform.kept import Kept, read

if TYPE_CHECKING:
    from kgprism.platform.method import Method

#: What the shell's script sets: the shell, the words of the line, which of them is completed.
_SHELL, _WORDS, _AT = "_KGPRISM_COMPLETE", "COMP_WORDS", "COMP_CWORD"
#: The key of a value that bash completes as a word of its own.
_KEY = "_KGPRISM_KEY"


class Known(Kept):
    """Of one method: key -> words or numbers that it may have; the names of its presets."""

    keys: dict[str, list[str]]
    presets: list[str]


def methods() -> list[str]:
    """Return every method's name, plug-ins included, without loading any."""
    own = {module.name for module in iter_modules(import_module("kgprism.methods").__path__)}
    return sorted(own | {found.name for found in entry_points(group="kgprism.methods")})


def datasets() -> list[str]:
    """Return the built-in datasets, the known benchmarks and the user's own."""
    from kgprism.platform.data.catalogue.published import BENCHMARKS

    own = [path.name for path in _inside("data") if path.is_dir()]
    return sorted({"toy", "toy-completion", "db15k_holdout", *BENCHMARKS, *own})


def suites() -> list[str]:
    """Return the suites that are found by name."""
    from kgprism.platform.studies.suites.reading.shelf import shelf

    return list(shelf("kgprism.ablations"))


def spaces() -> list[str]:
    """Return the search spaces that are found by name."""
    from kgprism.platform.studies.suites.reading.shelf import shelf

    return list(shelf("kgprism.search_spaces"))


def spaces_and_searches() -> list[str]:
    """Return what `kgprism tune` takes."""
    return [*spaces(), *searches(), "list"]


def searches() -> list[str]:
    """Return the searches of this home: Optuna's files are read without Optuna, which is slow to load."""
    found = set[str]()
    for folder in _inside("studies"):
        file = folder / "optuna.db"
        with suppress(OSError, sqlite3.Error):
            if file.is_file():
                with closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True, timeout=1)) as opened:
                    found.update(name for (name,) in opened.execute("SELECT study_name FROM studies"))
    return sorted(found)


def runs() -> list[str]:
    """Return the identities of finished runs."""
    return sorted(path.name for path in _inside("runs") if (path / "run.json").is_file())


def runs_and_suites() -> list[str]:
    """Return what `kgprism similarity` takes."""
    return [*runs(), *suites()]


def among(words: Iterable[str]) -> Callable[[], list[str]]:
    """Return what completes one of these words."""
    return lambda: list(words)


def presets(context: typer.Context) -> list[str]:
    """Return the presets of the method that the line names."""
    return sorted({preset for known in _known(context) for preset in known.presets} or {"code", "paper"})


def variants(context: typer.Context, incomplete: str) -> list[str]:
    """Return the rows of the suite that the line names, behind those that are written already."""
    from kgprism.platform.studies.suites.generated import row_names

    before, comma, _ = incomplete.rpartition(",")
    return [f"{before}{comma}{name}" for name in row_names(_outline(context))]


def settings(context: typer.Context, incomplete: str) -> list[str]:
    """Return keys of the method that the line names, and behind ``KEY=`` its values."""
    keys: dict[str, list[str]] = {}
    for known in _known(context):
        for key, values in known.keys.items():
            keys[key] = list(dict.fromkeys([*keys.get(key, ()), *values]))
    keys = keys or _shared()
    if behind := os.environ.get(_KEY):
        return keys.get(behind, [])
    fitting = [key for key in keys if key.startswith(incomplete)]
    if "=" not in incomplete and len(fitting) != 1:
        return [f"{key}=" for key in fitting]
    key = fitting[0] if fitting else incomplete.partition("=")[0]
    return [f"{key}={value}" for value in keys.get(key, ())] or [f"{key}="]


def split_words() -> None:
    """Put together again what bash has taken apart: it ends a word at each ``=``, and asks for what stands behind."""
    if os.environ.get(_SHELL) != "complete_bash":
        return
    words, at = os.environ.get(_WORDS, "").split(), int(os.environ.get(_AT, "0"))
    before, incomplete = words[:at], words[at] if at < len(words) else ""
    if incomplete == "=":
        before, incomplete = [*before, "="], ""
    joined: list[str] = []
    for word in before:
        if joined and word == "=":
            joined[-1] += "" if joined[-1].startswith("-") else "="  # --dataset=toy is --dataset toy
        elif joined and joined[-1].endswith("="):
            joined[-1] += word
        else:
            joined.append(word)
    if joined and joined[-1].endswith("="):
        os.environ[_KEY] = joined.pop().removesuffix("=")
    os.environ[_WORDS], os.environ[_AT] = "\n".join([*joined, incomplete]), str(len(joined))


def remember(name: str, method: type["Method"]) -> None:
    """Keep the keys of a method for the shell; where that cannot be, the shell knows fewer."""
    from kgprism.platform.cli.keys import keys_of
    from kgprism.platform.configuration import flatten, resolve
    from kgprism.platform.files import replacing

    held: dict[str, dict[str, None]] = {}
    for one in keys_of(method.Config()):
        held.setdefault(one.key, {}).update(dict.fromkeys(one.words or _numbers([one.default])))
    for layer in method.presets.values():
        for key, value in flatten(resolve(method.Config, layer)).items():
            held.get(key, {}).update(dict.fromkeys(_numbers([value])))
    known = Known(keys={key: list(words) for key, words in held.items()}, presets=list(method.presets))
    with suppress(OSError, KgprismError):
        file = _keys(name)
        text = known.model_dump_json().encode()
        if not file.exists() or file.read_bytes() != text:
            with replacing(file) as scratch:
                scratch.write_bytes(text)


def remembered(name: str) -> bool:
    """Tell whether the keys of a method are kept."""
    return _keys(name).is_file()


def _keys(name: str) -> Path:
    return home() / "cache" / "keys" / f"{name}.json"


def _numbers(values: Iterable[Any]) -> list[str]:
    return [str(value) for value in values if isinstance(value, int | float) and not isinstance(value, bool)]


def _inside(folder: str) -> Iterator[Path]:
    with suppress(OSError, KgprismError):
        yield from (home() / folder).glob("[!.]*")


def _known(context: typer.Context) -> list[Known]:
    """Return what is kept of the methods of the line: its own, or those of its suite or search space."""
    from kgprism.platform.studies.suites.reading.shelf import methods_of

    named, found = _named(context, "method"), []
    for name in [named] if named else methods_of(_outline(context)):
        with suppress(OSError, KgprismError):
            if known := read(_keys(name), Known):
                found.append(known)
    return found


def _named(context: typer.Context, kind: str) -> str | None:
    """Return the line's first argument, if it is of this kind: an option without its value yet hides it."""
    first = next((param.name for param in context.command.params if param.param_type_name == "argument"), None)
    word = context.params.get(kind) or (context.args[0] if first == kind and context.args else None)
    return word if isinstance(word, str) else None


def _outline(context: typer.Context) -> Mapping[str, Any]:
    from kgprism.platform.studies.suites.reading.shelf import outline, shelf

    for kind, package in (("suite", "kgprism.ablations"), ("space", "kgprism.search_spaces")):
        if word := _named(context, kind):
            entry = shelf(package).get(word)
            with suppress(OSError, KgprismError):
                return outline(entry.file if entry else Path(word))
    return {}


def _shared() -> dict[str, list[str]]:
    """Return the keys that all methods of a task have: their settings need no torch."""
    from kgprism.platform import settings as shared
    from kgprism.platform.cli.keys import keys_of

    groups = {
        "data": (shared.AlignmentData(), shared.CompletionData()),
        "train": (shared.AlignmentTraining(), shared.CompletionTraining()),
        "eval": (shared.AlignmentEvaluation(), shared.CompletionEvaluation()),
    }
    found = [key for name, both in groups.items() for one in both for key in keys_of(one, f"{name}.")]
    return {key.key: list(key.words) or _numbers([key.default]) for key in found}
