"""Options that several commands share, and how the words behind them are checked before anything slow begins."""

from importlib import import_module
from importlib.metadata import entry_points
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Annotated, cast

import typer

from kgprism.platform.errors import ConfigurationError, nearest

if TYPE_CHECKING:
    from kgprism.platform.settings import Selection

Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Sets = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Override a dotted key, such as train.epochs=5. Can be repeated."),
]
Preset = Annotated[
    str | None, typer.Option("--preset", help="Published settings, such as code: see kgprism methods show.")
]
Workers = Annotated[int, typer.Option("--workers", min=1, help="Processes that train one run together.")]
Cpus = Annotated[float, typer.Option("--cpus", min=0, help="CPU cores of each run (of each of its workers).")]
Gpus = Annotated[
    float | None,
    typer.Option(
        "--gpus", min=0, help="GPUs of each run (of each of its workers); 0.5: two share. One if there is any."
    ),
]
Pack = Annotated[
    bool,
    typer.Option("--pack", help="Measure a run's memory first: as many share a GPU, and a node's memory, as fit."),
]
Select = Annotated[str, typer.Option("--select", help="Which stored epoch is shown: valid, best_test or last.")]


def known_method(word: str) -> None:
    """Refuse an unknown method at once: asking `kgprism.platform.method` costs the seconds that torch needs to load.

    Raises:
        ConfigurationError: naming the nearest.
    """
    words = {module.name for module in iter_modules(import_module("kgprism.methods").__path__)}
    words |= {found.name for found in entry_points(group="kgprism.methods")}
    if word not in words:
        raise ConfigurationError(f"unknown method '{word}'{nearest(word, words)}")


def known_file(package: str, word: str) -> None:
    """Refuse a suite or a search space that is not there, or is no YAML, before torch is loaded.

    Raises:
        ConfigurationError: naming the nearest, or the line.
    """
    from kgprism.platform.studies.document import open_document

    open_document(package, word)


def one_of(option: str, word: str, words: tuple[str, ...]) -> None:
    """Refuse a word that an option does not know.

    Raises:
        ConfigurationError: naming the nearest.
    """
    if word not in words:
        raise ConfigurationError(f"{option}: unknown word '{word}'{nearest(word, words)}")


def known_selection(word: str) -> "Selection":
    """Return the selection, and refuse an unknown one.

    Raises:
        ConfigurationError: naming the nearest.
    """
    from kgprism.platform.settings import SELECTIONS

    one_of("--select", word, SELECTIONS)
    return cast("Selection", word)
