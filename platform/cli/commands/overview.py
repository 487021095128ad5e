"""``kgprism site``: all suites and searches of a home as pages, with an index."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kgprism.platform.cli.options import Json
from kgprism.platform.cli.screen import say, show_json, tell
from kgprism.platform.home import home

if TYPE_CHECKING:
    from kgprism.platform.studies.reports.site.building import Site
    from kgprism.platform.studies.reports.site.index import Search


def site(
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="DIR", help="A folder; the home's tables/ by default.")
    ] = None,
    json: Json = False,
) -> None:
    """Write a page of every suite that was asked in this home, and an index of them and of the searches.

    And one of every search. Files, without a network: what has not changed since is not drawn again.
    """
    made = made_site(output or home() / "tables", tell_all=True)
    if json:
        show_json({"index": made.start, "suites": len(made.lines), "drawn": made.drawn, "left_out": made.left_out})
        return
    say(f"{made.start}: {len(made.lines)} suites, {len(made.drawn)} drawn anew")
    if not made.lines:
        say("no suite was asked in this home yet: kgprism ablate demo")


def made_site(folder: Path, *, tell_all: bool = False) -> "Site":
    """Make the site; with `tell_all` what is drawn and what is left out is told."""
    from kgprism.platform.studies.reports.site.building import build

    trouble: list[str] = []
    listener = (lambda name: tell(f"drawing {name}")) if tell_all else None
    found = _searches(folder, trouble, listener)
    made = build(folder, searches=found, left_out=trouble, listener=listener)
    if tell_all:
        for line in made.left_out:
            tell(f"left out: {line}")
    return made


def _searches(folder: Path, trouble: list[str], listener: Callable[[str], None] | None) -> "list[Search]":
    """Return the searches, their pages drawn; Optuna is loaded only where there are any."""
    if not any((home() / "studies").glob("*/optuna.db")):
        return []
    from kgprism.platform.studies.search.after.shelf import pages

    return pages(folder, trouble.append, listener)
