"""Suites that take another: ``extends: loginmea_table3``, or the path of a file, from the file that says so."""

from pathlib import Path

from kgprism.platform.errors import ConfigurationError
from kgprism.platform.studies.suites.reading.document import Document, open_document
from kgprism.platform.studies.suites.reading.merging import Tree, laid_over
from kgprism.platform.studies.suites.reading.shelf import beside


def open_suite(package: str, name_or_path: str | Path) -> Document:
    """Read a suite file, and below it those that it takes; every node still knows its own file.

    Raises:
        ConfigurationError: a file that is not there or no YAML, or suites that take each other in a circle.
    """
    files = [open_document(package, name_or_path)]
    while "extends" in files[-1].content:
        files.append(_taken(package, files))
    whole = files.pop()
    while files:
        own = files.pop()
        tree = laid_over(Tree(own.content, own.root), Tree(whole.content, whole.root))
        assert tree.node is not None  # both had one
        whole = Document(own.file, tree.value, tree.node)
    return whole


def _taken(package: str, files: list[Document]) -> Document:
    """Open what the last of these files takes."""
    here = files[-1]
    word = here.content["extends"]
    if not isinstance(word, str) or not word:
        raise here.error(("extends",), "extends: expected a suite's name or the path of a file")
    try:
        other = open_document(package, beside(Path(here.file), word))
    except ConfigurationError as error:
        raise here.error(("extends",), f"extends: {error}") from None
    places = [Path(file.file).resolve() for file in files]
    if Path(other.file).resolve() in places:
        circle = " -> ".join(Path(file.file).name for file in [*files, other])
        raise here.error(("extends",), f"extends: suites take each other in a circle: {circle}")
    return other
