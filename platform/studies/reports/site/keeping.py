"""A suite's table and figure in files beside each other, written anew only where they would say something else."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from kgprism.platform.errors import KgprismError, first_line
from kgprism.platform.files import write_text
from kgprism.platform.studies.reports.entries import Table
from kgprism.platform.studies.reports.forms import DRAWN
from kgprism.platform.studies.reports.page.gather import gather
from kgprism.platform.studies.reports.render import render
from kgprism.platform.studies.store.runs import Store
from kgprism.platform.studies.suites.manifest import load_manifest
from kgprism.platform.studies.suites.suite import Suite

#: Endings of what every suite has, the one last that says that the others are there.
ALWAYS = ("md", "html", "json")
#: Where all that decides how something looks lies.
_CODE = Path(__file__).parents[1]


@dataclass(frozen=True)
class Files:
    """What was kept of a suite: the ``endings`` of its files, whether they are ``fresh``, why a figure is missing."""

    endings: tuple[str, ...]
    fresh: bool
    trouble: str = ""


def keep(
    suite: Suite, table: Table, asked: Path, files: Path, store: Store, also: Callable[[], None] | None = None
) -> Files:
    """Write a table, and the figure where the suite is one, as ``<files>.md`` and so on; what was asked is in `asked`.

    `also` shows a table that has changed elsewhere.

    Raises:
        ConfigurationError: if a file cannot be written.
    """
    drawn = DRAWN if suite.layout.kind != "table" else ()
    endings, plain, trouble = (*ALWAYS, *drawn), render(table, "json"), ""
    if _as_drawn(files, endings, plain):
        return Files(endings, fresh=False)
    behind = gather(suite, table, asked, store)
    for ending in ALWAYS[:2]:
        write_text(beside(files, ending), render(table, ending, behind))
    if drawn:
        try:
            draw(suite, table, asked, [beside(files, ending) for ending in drawn], store)
        except KgprismError as error:  # the runs are there, and so is their table
            endings, trouble = ALWAYS, f"no figure: {first_line(error)}"
    if also:
        also()
    write_text(beside(files, ALWAYS[-1]), plain)
    return Files(endings, fresh=True, trouble=trouble)


def beside(files: Path, ending: str) -> Path:
    """Return the file of an ending; a suite's name may have a dot of its own."""
    return files.with_name(f"{files.name}.{ending}")


def draw(suite: Suite, table: Table, asked: Path, files: list[Path], store: Store) -> None:
    """Draw the figure of a suite, as its layout says; what was asked of it is in `asked`.

    Raises:
        KgprismError: if a file cannot be written, or what the figure is made of is not there.
    """
    from kgprism.platform.data.catalogue import datasets
    from kgprism.platform.studies.reports.figures.chart import chart
    from kgprism.platform.studies.reports.figures.plot import draw
    from kgprism.platform.studies.reports.figures.similarity import over_similarity

    manifest = load_manifest(asked)
    cells = manifest.cells if manifest else []
    if suite.layout.kind == "similarity":
        draw(over_similarity(table, cells, store, cache(datasets.load)), files)
    else:
        draw(chart(suite, table, cells), files)


def _as_drawn(files: Path, endings: tuple[str, ...], plain: str) -> bool:
    """Tell whether all files of a table show it as it is, drawn by the code that is here."""
    each = [beside(files, ending) for ending in endings]
    code = _CODE.rglob("*.*")
    try:
        newest = max(file.stat().st_mtime for file in code if file.suffix in (".py", ".jinja"))
        same = beside(files, ALWAYS[-1]).read_text(encoding="utf-8") == plain
        return same and newest < min(file.stat().st_mtime for file in each)
    except OSError:
        return False
