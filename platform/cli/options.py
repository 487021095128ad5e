"""Options that several commands share, and how the words behind them are checked before anything slow begins."""

from typing import TYPE_CHECKING, Annotated, cast

import typer

from kgprism.platform.cli import completion
from kgprism.platform.errors import ConfigurationError, nearest
from kgprism.platform.settings import SELECTIONS, Selection

if TYPE_CHECKING:
    from kgprism.platform.studies.reports.table import Shown

Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Sets = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Override a dotted key, such as train.epochs=5. Can be repeated.",
        autocompletion=completion.settings,
    ),
]
Preset = Annotated[
    str | None,
    typer.Option(
        "--preset",
        help="Published settings, such as code: see kgprism methods show.",
        autocompletion=completion.presets,
    ),
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
_SELECT = typer.Option(
    "--select",
    metavar="WORD",
    help=f"Which stored epoch is shown: {', '.join(SELECTIONS)}.",
    autocompletion=completion.among(SELECTIONS),
)
Select = Annotated[str, _SELECT]
Selected = Annotated[str | None, _SELECT]
PROTOCOLS = ("both", "paper", "honest")
Protocols = Annotated[
    str | None,
    typer.Option(
        "--protocol",
        metavar="WORD",
        help="Numbers as the paper measured, honest ones (held-out epoch, both directions, no tie won), or both: "
        f"{', '.join(PROTOCOLS)}. Both by default where the suite states its paper's protocol.",
        autocompletion=completion.among(PROTOCOLS),
    ),
]
#: Seconds of what a time is written in.
_UNITS = {"m": 60.0, "h": 3600.0, "d": 86400.0}


def known_method(word: str) -> None:
    """Refuse an unknown method at once: asking `kgprism.platform.method` costs the seconds that torch needs to load.

    Raises:
        ConfigurationError: naming the nearest.
    """
    if word not in (words := completion.methods()):
        raise ConfigurationError(f"unknown method '{word}'{nearest(word, words)}")


def known_file(package: str, word: str) -> None:
    """Refuse a suite or a search space that is not there, or is no YAML, before torch is loaded.

    Raises:
        ConfigurationError: naming the nearest, or the line.
    """
    from kgprism.platform.studies.suites.reading.document import open_document

    open_document(package, word)


def one_of(option: str, word: str, words: tuple[str, ...]) -> None:
    """Refuse a word that an option does not know.

    Raises:
        ConfigurationError: naming the nearest.
    """
    if word not in words:
        raise ConfigurationError(f"{option}: unknown word '{word}'{nearest(word, words)}")


def age(option: str, word: str) -> float:
    """Return the seconds of a time such as ``30m``, ``12h`` or ``7d``.

    Raises:
        ConfigurationError: if it is none.
    """
    number, unit = word[:-1], _UNITS.get(word[-1:])
    if unit is None or not number.isascii() or not number.isdecimal():
        raise ConfigurationError(f"{option}: '{word}' is no time: write 30m, 12h or 7d")
    return int(number) * unit


def known_protocol(word: str | None, select: str | None, direction: str | None) -> "Shown | None":
    """Return the word for which protocols are shown, and refuse an unknown one, or one besides an epoch or a direction.

    Raises:
        ConfigurationError: naming the nearest, or both.
    """
    if word is None:
        return None
    one_of("--protocol", word, PROTOCOLS)
    for option, other in (("--select", select), ("--direction", direction)):
        if other:
            told = f"--protocol {word} and {option} {other}: a protocol says epoch and direction itself: choose one"
            raise ConfigurationError(told)
    return cast("Shown", word)


def known_selection(word: str) -> Selection:
    """Return the selection, and refuse an unknown one.

    Raises:
        ConfigurationError: naming the nearest.
    """
    one_of("--select", word, SELECTIONS)
    return cast(Selection, word)
