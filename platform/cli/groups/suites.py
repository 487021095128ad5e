"""``kgprism suites``: the published tables and figures that can be run, and how such a file is written."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from kgprism.platform.cli import completion
from kgprism.platform.cli.options import Json, known_file
from kgprism.platform.cli.screen import say, show_json, show_table, tell

if TYPE_CHECKING:
    from kgprism.platform.studies.suites.evaluations import Evaluation
    from kgprism.platform.studies.suites.rows import Variant
    from kgprism.platform.studies.suites.suite import Suite

PACKAGE = "kgprism.ablations"

app = typer.Typer(help="Suites of runs, each a published table or figure: list, show, schema.", no_args_is_help=True)


@app.command("list")
def list_suites(json: Json = False) -> None:
    """List the suites, those of installed packages included."""
    found = listed(PACKAGE)
    rows = [
        {
            "name": entry["name"],
            "methods": entry["methods"],
            "rows": len(entry["about"].get("variants") or ()),
            "datasets": (entry["about"].get("grid") or {}).get("dataset") or [],
            "title": entry["about"].get("title") or "",
            "from": entry["from"],
        }
        for entry in found
    ]
    if json:
        show_json(rows)
    else:
        show_table(list(rows[0]), [[", ".join(v) if isinstance(v, list) else v for v in row.values()] for row in rows])


def listed(package: str) -> list[dict[str, Any]]:
    """Return the outline of every suite, or search space; what cannot be read is told in one line and left out."""
    from kgprism.platform.errors import ConfigurationError
    from kgprism.platform.studies.suites.reading.shelf import broken, methods_of, outline, shelf

    found = []
    for entry in shelf(package).values():
        try:
            about = outline(entry.file)
            found.append({"name": entry.name, "methods": methods_of(about), "about": about, "from": entry.origin})
        except ConfigurationError as error:
            tell(f"left out: {error}")
    for line in broken(package):
        tell(f"left out: {line}")
    return found


@app.command()
def show(
    name: Annotated[
        str, typer.Argument(help="A suite's name, or the path of its file.", autocompletion=completion.suites)
    ],
    json: Json = False,
) -> None:
    """Show what a suite runs: its grid, its rows and what each changes, how many numbers were published."""
    known_file(PACKAGE, name)
    from kgprism.platform.studies.suites.suite import read

    suite = read(name)
    if json:
        show_json(suite.model_dump(mode="json", by_alias=True))
        return
    say(suite.title or suite.suite)
    for word in filter(None, (suite.paper.key, suite.paper.table, suite.paper.url)):
        say(word)
    say()
    show_table(("what", "is"), _facts(suite))
    rows = [(row.id, row.label, row.group, *_composition(suite, row)) for row in suite.variants]
    show_table(("row", "label", "group", "method", "preset", "changes"), rows, title="Rows")
    if suite.published_only:
        say("Shown, not run: " + ", ".join(row.label or row.id for row in suite.published_only))
    for note in suite.notes:
        say(f"- {note}")
    say(f"kgprism ablate {name} --plan   # what would run")


@app.command()
def schema() -> None:
    """Print the JSON Schema of a suite file, for editors (docs/suites.md)."""
    from kgprism.platform.studies.suites.suite import Suite

    show_json(Suite.model_json_schema())


def _facts(suite: "Suite") -> list[tuple[str, str]]:
    grid, seeds = suite.grid, suite.grid.seed.take()
    facts = [
        ("method", f"{suite.method}, preset {suite.preset}" if suite.preset else suite.method),
        ("base", written(suite.base)),
        ("dataset", ", ".join(grid.dataset)),
        ("seed_ratio", ", ".join(map(str, grid.seed_ratio))),
        ("seed", ", ".join(map(str, seeds))),
    ]
    for constant in grid.set:
        where = written(constant.when.model_dump(exclude_none=True))
        preset = getattr(constant, "preset", None)
        what = ", ".join(
            filter(None, (constant.method, f"preset {preset}" if preset else "", written(constant.override)))
        )
        facts.append((f"set where {where}", what))
    facts += [("left out", written(where.model_dump(exclude_none=True))) for where in grid.exclude]
    cells = len(suite.variants) * len(grid.places()) * len(seeds)
    published = sum(len(row.values) for row in suite.reference)
    facts += [("metrics", ", ".join(suite.metrics)), ("cells", str(cells)), ("published numbers", str(published))]
    facts += [("the paper's protocol", written(suite.protocol.model_dump(exclude_none=True)) if suite.protocol else "")]
    facts += [(f"judged again: {one.label or one.id}", _again(one)) for one in suite.evaluations]
    if suite.tuning.wanted:
        keys = ", ".join([*suite.tuning.keys, *suite.tuning.params])
        facts.append(("tuned row by row", f"{suite.tuning.trials} trials each of {keys}"))
    return [(what, told) for what, told in facts if told]


def _again(evaluation: "Evaluation") -> str:
    ways = {"ties": evaluation.ties, "direction": evaluation.direction}
    told = [written(evaluation.set), written({key: way for key, way in ways.items() if way})]
    return " ".join(filter(None, [*told, f"of {', '.join(evaluation.of)}" if evaluation.of else "every row"]))


def _composition(suite: "Suite", row: "Variant") -> tuple[str, str, str]:
    method, preset = suite.composed(row)
    mark = "(full)" if row is suite.full else f"(versus {row.versus})" if row.versus else ""
    return method, preset or "", " ".join(filter(None, [written(row.override), mark]))


def written(values: dict[str, Any]) -> str:
    """Return overrides as they are typed behind ``--set``."""
    return " ".join(f"{key}={_word(value)}" for key, value in values.items())


def _word(value: Any) -> str:
    return f"[{','.join(map(str, value))}]" if isinstance(value, list | tuple) else str(value)
