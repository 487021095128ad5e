"""``kgprism report``: the table of a suite as far as it is finished, in any form."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kgprism.platform.cli.options import Json, Select, known_file, known_selection, one_of
from kgprism.platform.cli.running import point_to_tensorboard
from kgprism.platform.cli.screen import say, tell
from kgprism.platform.home import home

if TYPE_CHECKING:
    from kgprism.platform.studies.suite import Suite
    from kgprism.platform.studies.table import Table

DIRECTIONS = ("l2r", "r2l", "mean", "head", "tail", "seen")
FORMS = ("text", "md", "latex", "csv", "html", "json")


def report(
    suite: Annotated[str, typer.Argument(help="A shipped suite, or the path of a YAML file.")],
    form: Annotated[str, typer.Option("--format", help=f"One of {', '.join(FORMS)}.")] = "text",
    select: Select = "valid",
    direction: Annotated[
        str | None, typer.Option("--direction", help="l2r or r2l (alignment); mean, tail, head or seen (completion).")
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="A file instead of standard output.")] = None,
    json: Json = False,
) -> None:
    """Print what a suite has measured so far beside the published numbers."""
    one_of("--format", form, FORMS)
    if direction:
        one_of("--direction", direction, DIRECTIONS)
    known_selection(select)
    known_file("kgprism.ablations", suite)
    from kgprism.platform.studies.render import render
    from kgprism.platform.studies.suite import read

    text = render(table_of(read(suite), select, direction), "json" if json else form)
    if output:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(text, encoding="utf-8")
        tell(f"written: {output}")
    else:
        say(text.rstrip("\n"))


def table_of(suite: "Suite", select: str, direction: str | None = None) -> "Table":
    """Return the table of all that was asked of a suite."""
    from kgprism.platform.studies.cells import code_of, kept
    from kgprism.platform.studies.store import Store
    from kgprism.platform.studies.table import tabulate

    study = kept(home() / "studies" / suite.suite)
    if study and study.code != code_of(suite):
        tell("the code has changed since these runs: `kgprism ablate` would run them again")
    cells, commands = (study.cells, study.commands) if study else ([], ())
    return tabulate(suite, cells, Store(), select=select, direction=direction, commands=commands)  # type: ignore[arg-type]


def finish(suite: "Suite", select: str, form: str) -> None:
    """Print a suite's table, keep it under ``tables/`` and in TensorBoard, and say how to open both."""
    from kgprism.platform.studies import plot, tensorboard
    from kgprism.platform.studies.render import render

    table = table_of(suite, select)
    say(render(table, form).rstrip("\n"))
    folder, events = home() / "tables", home() / "studies" / suite.suite / "tensorboard"
    folder.mkdir(parents=True, exist_ok=True)
    for ending in ("md", "html", "json"):
        (folder / f"{suite.suite}.{ending}").write_text(render(table, ending), encoding="utf-8")
    if suite.layout.kind == "figure":
        plot.figure(table, folder / f"{suite.suite}.png")
    tensorboard.write_table(events / "table", table)
    if form != "json":
        say()
        say(f"kept as {folder / suite.suite}.md, .html and .json")
        point_to_tensorboard(events)
