"""``kgprism spaces``: what of each method may be tuned, and how such a file is written."""

from typing import TYPE_CHECKING, Annotated

import typer

from kgprism.platform.cli import completion
from kgprism.platform.cli.groups.suites import listed, written
from kgprism.platform.cli.options import Json, known_file
from kgprism.platform.cli.screen import say, show_json, show_table

if TYPE_CHECKING:
    from kgprism.platform.studies.search.spaces.parameter import Parameter

PACKAGE = "kgprism.search_spaces"

app = typer.Typer(help="Search spaces, what may be tuned: list, show, schema.", no_args_is_help=True)


@app.command("list")
def list_spaces(json: Json = False) -> None:
    """List the search spaces, those of installed packages included."""
    rows = [
        {
            "name": entry["name"],
            "method": ", ".join(entry["methods"]),
            "preset": entry["about"].get("preset") or "",
            "parameters": len(entry["about"].get("params") or ()),
            "from": entry["from"],
        }
        for entry in listed(PACKAGE)
    ]
    if json:
        show_json(rows)
    else:
        show_table(list(rows[0]), [list(row.values()) for row in rows])


@app.command()
def show(
    name: Annotated[
        str, typer.Argument(help="A space's name, or the path of its file.", autocompletion=completion.spaces)
    ],
    json: Json = False,
) -> None:
    """Show a search space: each parameter's range and conditions, where the search starts, what it maximises."""
    known_file(PACKAGE, name)
    from kgprism.platform.studies.search.spaces.space import read

    space = read(name)
    if json:
        show_json(space.model_dump(mode="json", by_alias=True))
        return
    preset = f", preset {space.preset}" if space.preset else ""
    say(f"{space.space}: tunes {space.method}{preset}")
    say()
    rows = [(key, _range(one), written(dict(one.when))) for key, one in space.params.items()]
    show_table(("parameter", "range", "exists where"), rows, title="Parameters")
    if space.start:
        show_table(("tried first",), [(written(point),) for point in space.start])
    if space.requires:
        show_table(("required",), [(text,) for text in space.requires])
    for aim in space.objectives[1:]:
        say(f"minimised besides: {aim.metric}")
    for key in ("objective", "search", "schedule"):
        part = getattr(space, key)
        told = "what runs pick their epoch by" if part is None else written(part.model_dump(mode="json"))
        say(f"{key}: {told}")
    say(f"kgprism tune {name} -d DATASET")


@app.command()
def schema() -> None:
    """Print the JSON Schema of a search space file, for editors (docs/spaces.md)."""
    from kgprism.platform.studies.search.spaces.space import Space

    show_json(Space.model_json_schema())


def _range(parameter: "Parameter") -> str:
    if parameter.type == "choice":
        return ", ".join("none" if value is None else str(value) for value in parameter.of)
    step = f", step {parameter.step}" if parameter.step not in (None, 1) else ""
    return f"{parameter.low} to {parameter.high}{step}{', log' if parameter.log else ''}"
