"""``kgprism report --results``: the page of results of a folder of passports, written beside it."""

from collections.abc import Sequence
from pathlib import Path

from kgprism.platform.cli.screen import tell
from kgprism.platform.errors import ConfigurationError
from kgprism.platform.files import write_text

#: Where this project keeps its own.
FOLDER = "docs/results"
_ENDING = ".md"


def write_results(named: str | None, output: Path | None, others: Sequence[str]) -> None:
    """Write the page of a folder to a file, by default beside it under its name; whole, or not at all.

    Args:
        named: the folder; the project's own by default.
        output: the file.
        others: options that were given besides, none of which may be.

    Raises:
        ConfigurationError: if a suite or an option of its table is named too, or there is nothing in the folder.
        DataError: if something in it is damaged.
    """
    if others:
        raise ConfigurationError(f"report --results takes no {others[0]}: it makes the whole page, in Markdown")
    folder = Path(named or FOLDER)
    if named and not folder.is_dir() and _is_suite(named):
        raise ConfigurationError(f"report {named} --results: the table of a SUITE, or the page of a FOLDER: choose one")
    called = folder if folder.name not in ("", "..") else folder.resolve()
    file = output or called.with_name(f"{called.name}{_ENDING}")
    if file.suffix.lower() != _ENDING:
        raise ConfigurationError(f"{file}: the page of results is Markdown: a file that ends in {_ENDING}")
    from kgprism.platform.studies.results.page import page

    write_text(file, page(folder))
    tell(f"written: {file}")


def _is_suite(word: str) -> bool:
    from kgprism.platform.studies.suites.reading.shelf import shelf

    return Path(word).is_file() or word in shelf("kgprism.ablations")
