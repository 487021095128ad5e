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
from kgprism.platform.files import write_text
from kgprism.platform.home import home

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kgprism.platform.data.catalogue.datasets import Imported
    from kgprism.platform.data.inputs.overlaps import Overlap

app = typer.Typer(help="Datasets: list, show, look, import, fetch, check, features, remove.", no_args_is_help=True)
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
    """Show the papers' statistics table of a dataset, and its feature sets."""
    from kgprism.platform.cli.feature_sets import described, show_sets
    from kgprism.platform.data.catalogue import counts, datasets
    from kgprism.platform.data.graph import AlignedGraphs
    from kgprism.platform.data.inputs.overlaps import overlaps

    dataset = datasets.load(name)
    sets, refused = described(dataset)
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
        plain["sets"], plain["refused_sets"] = sets, refused
        show_json(plain)
        return
    head = list(dict.fromkeys(column for row in rows for column in row))
    show_table(head, [[row.get(column) for column in head] for row in rows], title=name)
    say(f"features: {', '.join(features) or 'none'}; fingerprint {dataset.fingerprint}")
    show_sets(sets, refused)
    for row in counts.coverage(dataset):
        say("names, {graph}: {names:,} of {entities:,} entities, {vectors:,} with word vectors".format_map(row))
    _show_overlaps(overlaps(dataset))
    for line in (*counts.own_split(dataset), *counts.advice(dataset)):
        say(line)


@app.command()
def look(
    name: Name,
    images: Annotated[
        list[str] | None,
        typer.Option("--images", metavar="DIR|ZIP|TSV", help="Pictures, as for `data features`. Can be repeated."),
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", metavar="FILE", help="Where the page goes.")] = None,
    sample: Annotated[int, typer.Option(min=0, max=200, help="Pairs or entities that are shown.")] = 8,
    seed: Annotated[int, typer.Option(min=0, help="Draws what is shown, and the test pairs.")] = 0,
) -> None:
    """Write a page of a dataset: coverage, what vectors find untrained, what they share, a sample with pictures."""
    from kgprism.platform.data.catalogue import datasets
    from kgprism.platform.studies.look.look import look as seen
    from kgprism.platform.studies.look.page import page

    found = seen(datasets.load(name), images=images or (), sample=sample, seed=seed)
    file = out or home() / "tables" / "data" / f"{name}.html"
    write_text(file, page(found))
    say(f"written: {file}")


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
    """Remove imported data with what is cached of them, or only a feature set: NAME:image.SET.

    Runs and tables stay. Refused while runs use them.
    """
    from kgprism.platform.data.catalogue import datasets, set_upkeep

    one = ":" in name
    doomed = set_upkeep.files_of(name) if one else [datasets.owned(name)]
    from kgprism.platform.studies.store.progress import underway
    from kgprism.platform.studies.store.runs import Store

    data, told = name.partition(":")[0], ", ".join(map(str, doomed))
    if going := underway(Store(), (data, f"{data}_holdout")):
        raise DataError(f"{len(going)} runs on {data} are going on, such as {going[0]}: wait for them, or stop them")
    if not yes:
        if not sys.stdin.isatty():
            raise DataError(f"{told} would be removed: repeat with --yes, as there is nobody to ask")
        typer.confirm(f"Remove {told}?", abort=True)
    gone = set_upkeep.remove(name) if one else [datasets.remove(name)]
    say(f"removed {', '.join(map(str, gone))}")


@app.command()
def check(name: Name, json: Json = False) -> None:
    """Compare a dataset with its published statistics, its feature sets with their digests; list its peculiarities.

    The exit code is 1 if the statistics disagree, or if runs would refuse a feature set.
    """
    from kgprism.platform.cli.feature_sets import described, show_sets
    from kgprism.platform.data.catalogue import counts, datasets
    from kgprism.platform.data.inputs.overlaps import overlaps

    dataset = datasets.load(name)
    sets, refused = described(dataset, whole=True)
    compared, problems = counts.compare(dataset), counts.problems(dataset)
    agrees = all(line.agrees for line in compared)
    if json:
        lines = [asdict(line) | {"agrees": line.agrees} for line in compared]
        found = {"name": name, "agrees": agrees, "published": lines, "problems": [asdict(p) for p in problems]}
        seen = [asdict(one) for one in overlaps(dataset)]
        found |= {"advice": counts.advice(dataset), "overlaps": seen}
        show_json(found | {"sets": sets, "refused_sets": refused})
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
        show_sets(sets, refused)
    if not agrees or refused:
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
