"""``kgprism data``: what datasets there are, what they hold, and how they come here."""

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kgprism.platform.cli import completion
from kgprism.platform.cli.commands import features
from kgprism.platform.cli.options import Json
from kgprism.platform.cli.screen import say, show_json, show_table, tell
from kgprism.platform.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kgprism.platform.data.catalogue.datasets import Imported
    from kgprism.platform.data.inputs.overlaps import Overlap

app = typer.Typer(help="Datasets: list, show, import, fetch, check, features, remove.", no_args_is_help=True)
app.command("features")(features.features)

Name = Annotated[
    str,
    typer.Argument(help="A name from `kgprism data list`, or of your own data.", autocompletion=completion.datasets),
]
Replace = Annotated[bool, typer.Option("--replace", help="Put the new data in place of other data of that name.")]


@app.command("list")
def list_datasets(json: Json = False) -> None:
    """List built-in datasets, known benchmarks and your own data."""
    from kgprism.platform.data.catalogue.naming import names

    entries = names()
    if json:
        show_json([asdict(entry) for entry in entries])
    else:
        show_table(("name", "task", "origin", "here"), [(e.name, e.task, e.origin, e.present) for e in entries])


@app.command()
def show(name: Name, json: Json = False) -> None:
    """Show the papers' statistics table of a dataset."""
    from kgprism.platform.data.catalogue import counts, datasets
    from kgprism.platform.data.graph import AlignedGraphs
    from kgprism.platform.data.inputs.overlaps import overlaps

    dataset = datasets.load(name)
    rows = counts.statistics(dataset)
    aligned = isinstance(dataset, AlignedGraphs)
    graphs = [dataset.left, dataset.right] if isinstance(dataset, AlignedGraphs) else [dataset.graph]
    features = sorted({modality for graph in graphs for modality in graph.features})
    if json:
        task = "alignment" if aligned else "completion"
        plain = {"name": name, "task": task, "fingerprint": dataset.fingerprint, "features": features, "rows": rows}
        plain["names"] = counts.coverage(dataset)
        plain["split"] = counts.own_split(dataset)
        plain["advice"] = counts.advice(dataset)
        plain["overlaps"] = [asdict(one) for one in overlaps(dataset)]
        show_json(plain)
        return
    head = list(dict.fromkeys(column for row in rows for column in row))
    show_table(head, [[row.get(column) for column in head] for row in rows], title=name)
    say(f"features: {', '.join(features) or 'none'}; fingerprint {dataset.fingerprint}")
    for row in counts.coverage(dataset):
        say("names, {graph}: {names:,} of {entities:,} entities, {vectors:,} with word vectors".format_map(row))
    _show_overlaps(overlaps(dataset))
    for line in (*counts.own_split(dataset), *counts.advice(dataset)):
        say(line)


@app.command("import")
def import_dataset(
    name: Name,
    source: Annotated[Path, typer.Option("--from", metavar="DIR", help="A folder in any of the field's layouts.")],
    glove: Annotated[
        Path | None,
        typer.Option("--glove", metavar="FILE", help="Word vectors as text: names become the modality 'name'."),
    ] = None,
    replace: Replace = False,
    json: Json = False,
) -> None:
    """Copy a dataset from the field's own files into the home; the layout is recognised."""
    from kgprism.platform.data.catalogue import datasets

    _show_imported(datasets.import_dataset(name, source, replace=replace, glove=glove), json)


@app.command()
def fetch(name: Name, replace: Replace = False, json: Json = False) -> None:
    """Download a benchmark from its public address and check every file's sum."""
    from kgprism.platform.data.catalogue import download

    _show_imported(download.fetch(name, replace=replace), json)


@app.command("rm")
def remove(
    name: Name,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Remove imported data and what is cached of them; runs and tables stay. Refused while runs use them."""
    from kgprism.platform.data.catalogue import datasets

    folder = datasets.owned(name)
    from kgprism.platform.studies.store.progress import underway
    from kgprism.platform.studies.store.runs import Store

    if going := underway(Store(), (name, f"{name}_holdout")):
        raise DataError(f"{len(going)} runs on {name} are going on, such as {going[0]}: wait for them, or stop them")
    if not yes:
        if not sys.stdin.isatty():
            raise DataError(f"{folder} would be removed: repeat with --yes, as there is nobody to ask")
        typer.confirm(f"Remove {folder}?", abort=True)
    say(f"removed {datasets.remove(name)}")


@app.command()
def check(name: Name, json: Json = False) -> None:
    """Compare a dataset with its published statistics and list its peculiarities; exit code 1 if they disagree."""
    from kgprism.platform.data.catalogue import counts, datasets
    from kgprism.platform.data.inputs.overlaps import overlaps

    dataset = datasets.load(name)
    compared, problems = counts.compare(dataset), counts.problems(dataset)
    agrees = all(line.agrees for line in compared)
    if json:
        lines = [asdict(line) | {"agrees": line.agrees} for line in compared]
        found = {"name": name, "agrees": agrees, "published": lines, "problems": [asdict(p) for p in problems]}
        seen = [asdict(one) for one in overlaps(dataset)]
        show_json(found | {"advice": counts.advice(dataset), "overlaps": seen})
    else:
        if compared:
            words = {True: "agrees", False: "DIFFERS"}
            rows = [(c.quantity, c.published, c.measured, c.known or words[c.agrees]) for c in compared]
            show_table(("quantity", "published", "measured", ""), rows, title=f"{name}: published statistics")
        if problems:
            show_table(
                ("where", "what", "count"), [(p.place, p.kind, p.count) for p in problems], title="Peculiarities"
            )
        _show_overlaps(overlaps(dataset))
        known = sum(1 for line in compared if line.known)
        published = f"{'agrees with' if agrees else 'differs from'} the published statistics"
        published += f" but for {known} known differences" if agrees and known else ""
        say(f"{name}: {published if compared else 'no published statistics'}, {len(problems)} kinds of peculiarities")
        for line in counts.advice(dataset):
            say(line)
    if not agrees:
        raise typer.Exit(1)


def _show_overlaps(counts: "Sequence[Overlap]") -> None:
    rows = [(one.what, one.count, one.of) for one in counts if one.of]
    show_table(("what of a test can be seen elsewhere", "count", "of"), rows, title="Seen elsewhere")


def _show_imported(imported: "Imported", json: bool) -> None:
    if json:
        show_json(asdict(imported))
        return
    done = "imported" if imported.changed else "there already, nothing changed"
    say(f"{imported.name}: layout {imported.layout}, {imported.files} files, {done}: {imported.folder}")
    for line in imported.passed_over:
        say(line)
    for line in imported.warnings:
        tell(f"warning: {line}")
    say(f"next: kgprism data check {imported.name}")
