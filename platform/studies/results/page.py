"""The page of results as it is written to a file: the same folder gives the same bytes."""

from pathlib import Path

from kgprism.platform.studies.results.reading import look
from kgprism.platform.studies.results.section import section

#: How a page begins where its folder says nothing of it.
_HEAD = """\
# What was really run

Made by `kgprism report --results`, a section for each passport and text of its folder: not edited by hand."""


def page(folder: Path) -> str:
    """Return the page of a folder: its head, passports by name, then sections written by hand by name.

    Raises:
        ConfigurationError: if there is no such folder, or nothing in it.
        DataError: if a passport or a text is not what it should be, naming the file.
    """
    found = look(folder)
    made = [section(file, text) for file, text in found.passports]
    return "\n\n".join([found.head or _HEAD, *made, *found.sections]) + "\n"
