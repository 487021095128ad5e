"""``kgprism searches``: what searches have found, finished or not."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kgprism.platform.cli import completion
from kgprism.platform.cli.options import Json
from kgprism.platform.cli.screen import say, show_json, show_table, tell
from kgprism.platform.cli.searches import show_searches
from kgprism.platform.errors import ConfigurationError, nearest
from kgprism.platform.files import write_text
from kgprism.platform.home import home

if TYPE_CHECKING:
    import optuna

    from kgprism.platform.studies.search.after.findings import Findings
    from kgprism.platform.studies.search.after.repeats import Repeated

app = typer.Typer(help="Searches and what they have found: list, show, report.", no_args_is_help=True)

Search = Annotated[str, typer.Argument(metavar="NAME", help="A search's name.", autocompletion=completion.searches)]
Storage = Annotated[str | None, typer.Option(metavar="URL", help="An Optuna storage, instead of this home's files.")]
#: Endings of a page.
_ENDINGS = (".html", ".htm")


@app.command("list")
def list_searches(storage: Storage = None, json: Json = False) -> None:
    """List the searches of this home, or of a storage: how far, and how good the best is."""
    show_searches(storage, json)


@app.command()
def show(name: Search, storage: Storage = None, json: Json = False) -> None:
    """Show the best of a search as far as it is, and how much each parameter matters (fANOVA, PED-ANOVA)."""
    from kgprism.platform.studies.search.after.importance import importances
    from kgprism.platform.studies.search.after.lines import written
    from kgprism.platform.studies.search.after.repeats import repeated, verdict
    from kgprism.platform.studies.search.listing import named
    from kgprism.platform.studies.search.soundness import explain_damaged
    from kgprism.platform.studies.store.runs import Store

    study, place = named(name, storage)
    with explain_damaged(study.study_name):
        found = _found(study, place)
        told, seeds = importances(found), repeated(study, Store(), found.objectives[0])
    if json:
        plain = _plain(found) | {"repeats": [asdict(one) | {"mean": one.mean, "std": one.std} for one in seeds]}
        show_json(plain | {"fanova": told.fanova, "ped_anova": told.ped_anova, "notes": told.notes})
        return
    for trial in found.best:
        values = ", ".join(f"{key} {written(value)}" for key, value in zip(found.objectives, trial.values, strict=True))
        say(f"best: trial {trial.number}, {values}, run {trial.run}" if trial.run else f"best: trial {trial.number}")
    if seeds:
        say(verdict(seeds) or "over several seeds: not every one is there yet")
    if told.order:
        rows = [(key, told.ped_anova.get(key), told.fanova.get(key)) for key in told.order]
        show_table(("parameter", "PED-ANOVA", "fANOVA"), rows, title=f"Importance, of {len(found.complete)} trials")
    for note in told.notes:
        tell(note)


@app.command()
def report(
    name: Search,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="An HTML file; else below `studies` in the home.")
    ] = None,
    storage: Storage = None,
) -> None:
    """Write a search's page, at any moment: what was asked, best, course, importances, slices, map, every trial."""
    if output and output.suffix.lower() not in _ENDINGS:
        raise ConfigurationError(f"{output}: a search's page ends in .html{nearest(output.suffix, _ENDINGS[:1])}")
    from kgprism.platform.studies.search.listing import named

    tell(f"written: {write_page(*named(name, storage), output)}")


def write_page(
    study: "optuna.Study", storage: str, file: Path | None = None, repeats: "Sequence[Repeated] | None" = None
) -> Path:
    """Write the page of a study, and return where; its `repeats` are those last asked for, if none are given."""
    from kgprism.platform.studies.search.after.findings import file_name
    from kgprism.platform.studies.search.after.page import page
    from kgprism.platform.studies.search.after.repeats import repeated
    from kgprism.platform.studies.search.soundness import explain_damaged
    from kgprism.platform.studies.store.runs import Store

    found = _found(study, storage)
    folder = home() / "studies" / (file_name(str(found.asked.space.get("space", ""))) if found.asked else "")
    config = folder / f"{file_name(found.name)}.yaml"
    place = file or folder / f"{file_name(found.name)}.html"
    place.parent.mkdir(parents=True, exist_ok=True)
    with explain_damaged(found.name):
        shown = repeated(study, Store(), found.objectives[0]) if repeats is None else repeats
        text = page(found, config if config.is_file() else None, shown)
    write_text(place, text)
    return place


def _found(study: "optuna.Study", storage: str) -> "Findings":
    from kgprism.platform.studies.search.after.findings import findings
    from kgprism.platform.studies.search.study import explain_storage

    with explain_storage(storage, "cannot be read"):
        return findings(study, storage)


def _plain(found: "Findings") -> dict[str, Any]:
    best = [
        {"trial": one.number, "values": one.values, "parameters": dict(one.parameters), "run": one.run}
        for one in found.best
    ]
    return {"study": found.name, "objectives": found.objectives, "trials": len(found.trials), "best": best}
