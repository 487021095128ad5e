"""``kgprism report``: the table of a suite as far as it is finished, in any form."""

from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kgprism.platform.cli import completion
from kgprism.platform.cli.options import (
    Json,
    Preset,
    Protocols,
    Selected,
    Sets,
    known_file,
    known_protocol,
    known_selection,
    one_of,
)
from kgprism.platform.cli.results import FOLDER, write_results
from kgprism.platform.cli.running import point_to_tensorboard
from kgprism.platform.cli.screen import say, show_json, tell
from kgprism.platform.errors import ConfigurationError, nearest
from kgprism.platform.files import write_text
from kgprism.platform.home import home
from kgprism.platform.settings import DIRECTIONS, Selection
from kgprism.platform.studies.reports.forms import DRAWN, ENDINGS, FORMS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kgprism.platform.data.graph import Dataset
    from kgprism.platform.studies.reports.entries import Table
    from kgprism.platform.studies.reports.page.behind import Behind
    from kgprism.platform.studies.reports.table import Shown
    from kgprism.platform.studies.suites.asked import Asked
    from kgprism.platform.studies.suites.suite import Suite

_WAYS = [f"{task}: {', '.join(ways)}" for task, ways in DIRECTIONS.items()]
_ENDINGS = ", ".join(f".{ending}" for ending in ENDINGS if ending != "htm")


def report(
    suite: Annotated[
        str | None,
        typer.Argument(
            metavar="SUITE|FOLDER",
            help=f"A shipped suite, or the path of a YAML file; with --results a folder, by default {FOLDER}.",
            autocompletion=completion.suites,
        ),
    ] = None,
    form: Annotated[
        str | None,
        typer.Option(
            "--format",
            metavar="WORD",
            help=f"One of {', '.join(FORMS)}; by default as -o ends, else text.",
            autocompletion=completion.among(FORMS),
        ),
    ] = None,
    select: Selected = None,
    direction: Annotated[
        str | None, typer.Option(metavar="WORD", help=f"Whose queries count; {'; '.join(_WAYS)}.")
    ] = None,
    protocol: Protocols = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help=f"A file: {_ENDINGS}; {', '.join(DRAWN)} draw a figure.")
    ] = None,
    panels: Annotated[
        str | None,
        typer.Option(metavar="A,B", help="Only these: a dataset, or dataset@ratio, such as fb15k-db15k@0.2."),
    ] = None,
    evaluate: Annotated[
        bool,
        typer.Option(
            "--evaluate", help="First judge weights again, as the suite's evaluations ask, and count the data."
        ),
    ] = False,
    preset: Preset = None,
    sets: Sets = None,
    json: Json = False,
    results: Annotated[
        bool,
        typer.Option("--results", help="The page of results, FOLDER.md, from the passports and texts of a FOLDER."),
    ] = False,
) -> None:
    """Print what a suite has measured so far beside the published numbers, or write it as the file's name ends.

    With --results the page of a FOLDER instead: a section for each NAME.passport.zip, which NAME.md beside it ends, and
    for each other text.
    """
    if results:
        others: dict[str, object] = {"--format": form, "--select": select, "--direction": direction}
        others |= {"--protocol": protocol, "--panels": panels, "--evaluate": evaluate}
        others |= {"--preset": preset, "--set": sets, "--json": json}
        write_results(suite, output, [option for option, value in others.items() if value])
        return
    if suite is None:
        raise ConfigurationError("report: which SUITE? Or --results, for the page of a folder of passports")
    wanted = _wanted(form, output, json)
    if direction:
        one_of("--direction", direction, tuple(dict.fromkeys(chain(*DIRECTIONS.values()))))
    chosen = known_selection(select) if select else None
    word = known_protocol(protocol, select, direction)
    known_file("kgprism.ablations", suite)
    from kgprism.platform.configuration import parse
    from kgprism.platform.studies.reports.panels import only
    from kgprism.platform.studies.reports.render import render
    from kgprism.platform.studies.suites.asked import Asked
    from kgprism.platform.studies.suites.suite import read

    found = read(suite)
    asked = Asked.of(found, preset, parse(sets or [])).known()
    if evaluate:
        evaluate_again(found, asked)
        _count(asked)
    table = table_of(found, chosen, direction, word, asked=asked, called=suite)
    table = only(table, panels.split(",") if panels is not None else None)
    if output and wanted in DRAWN:
        from kgprism.platform.studies.reports.site.keeping import draw
        from kgprism.platform.studies.store.runs import Store

        draw(found, table, asked.folder, [output], Store())
        tell(f"written: {output}")
    elif output:
        write_text(output, render(table, wanted, _behind(found, table, asked.folder) if wanted == "html" else None))
        tell(f"written: {output}")
    else:
        _show(table, wanted)


def evaluate_again(suite: "Suite", asked: "Asked", datasets: "Mapping[str, Dataset] | None" = None) -> None:
    """Judge the stored weights of a suite's runs again as its evaluations ask, those of data that are here."""
    from kgprism.platform.studies.evaluation.rows import orders
    from kgprism.platform.studies.store.runs import Store
    from kgprism.platform.studies.suites.manifest import load_manifest

    manifest, store, folder = load_manifest(asked.folder), Store(), home() / "evaluations"
    todo = orders(suite, manifest.cells if manifest else [], store, folder)
    if not todo:
        return
    from kgprism.platform.studies.evaluation.judging import judge_again  # torch, which nothing else here needs

    if datasets is None:
        from kgprism.platform.data.catalogue.datasets import at_hand

        datasets, absent = at_hand(dict.fromkeys(order.cell.dataset for order in todo))
        for line in absent:
            tell(line)
    for run_id, reason in judge_again(todo, datasets, store, folder, tell).items():
        tell(f"run {run_id} was not judged again: {reason}")


def _count(asked: "Asked") -> None:
    """Count what the data of a suite show of their tests elsewhere, those that are here."""
    from kgprism.platform.data.catalogue.datasets import at_hand
    from kgprism.platform.studies.inspection.overlaps import keep_overlaps
    from kgprism.platform.studies.suites.manifest import load_manifest

    if manifest := load_manifest(asked.folder):
        datasets, _ = at_hand(dict.fromkeys(cell.dataset for cell in manifest.cells))
        keep_overlaps(manifest.cells, datasets, home() / "inspections")


def _wanted(form: str | None, output: Path | None, json: bool) -> str:
    """Return the form that is asked for by its name, ``--json`` or the ending of a file, which may not differ.

    Raises:
        ConfigurationError: naming both, or an ending that is none.
    """
    if form is not None:
        one_of("--format", form, FORMS)
    if json and form not in (None, "json"):
        raise ConfigurationError(f"--json and --format {form}: choose one")
    named = form or ("json" if json else None)
    ending = output.suffix.removeprefix(".").lower() if output else ""
    known = {**ENDINGS, **dict(zip(DRAWN, DRAWN, strict=True))}
    if named and known.get(ending, named) != named:
        asked = "--json" if json else f"--format {form}"
        raise ConfigurationError(f"{asked} and a file that ends in .{ending}: choose one")
    if ending and not named and ending not in known:
        told = f"no form of a table ends in '.{ending}'{nearest(ending, known)}; --format says it for any name"
        raise ConfigurationError(f"{output}: {told}")
    return named or known.get(ending, "text")


def table_of(
    suite: "Suite",
    select: Selection | None,
    direction: str | None = None,
    protocol: "Shown | None" = None,
    *,
    asked: "Asked | None" = None,
    called: str = "",
) -> "Table":
    """Return the table of all that was asked of a suite, as it is or with other settings."""
    from kgprism.platform.studies.reports.table import asked_table
    from kgprism.platform.studies.store.runs import Store
    from kgprism.platform.studies.suites.asked import Asked

    folder = (asked or Asked.of(suite)).folder
    return asked_table(suite, folder, Store(), select=select, direction=direction, protocol=protocol, called=called)


def print_and_keep(
    suite: "Suite",
    select: Selection | None,
    form: str,
    protocol: "Shown | None" = None,
    *,
    asked: "Asked | None" = None,
    called: str = "",
) -> None:
    """Keep a suite's table under ``tables/`` and in TensorBoard, print it, and say how to open both."""
    from kgprism.platform.studies.reports.site.keeping import keep
    from kgprism.platform.studies.store.runs import Store
    from kgprism.platform.studies.suites.asked import Asked

    asked = asked or Asked.of(suite)
    files = home() / "tables" / asked.name
    table = table_of(suite, select, protocol=protocol, asked=asked, called=called)

    def show_on_board() -> None:
        from kgprism.platform.studies.reports.board.suite import show  # torch, which nothing else here needs

        show(asked.events, table, files.with_name(f"{files.name}.png"), Store())

    kept = keep(suite, table, asked.folder, files, Store(), show_on_board)
    if kept.trouble:
        tell(kept.trouble)
    _show(table, form)
    if form != "json":
        say()
        endings = [f".{ending}" for ending in kept.endings]
        say(f"kept as {files}{', '.join(endings[:-1])} and {endings[-1]}")
        point_to_tensorboard(asked.events)


def _behind(suite: "Suite", table: "Table", folder: Path) -> "Behind":
    """Return what a page shows besides the table; what was asked of the suite is in `folder`."""
    from kgprism.platform.studies.reports.page.gather import gather
    from kgprism.platform.studies.store.runs import Store

    return gather(suite, table, folder, Store())


def _show(table: "Table", form: str) -> None:
    from kgprism.platform.studies.reports.render import render

    if form == "json":
        show_json(table.plain())
    else:
        say(render(table, form).rstrip("\n"))
