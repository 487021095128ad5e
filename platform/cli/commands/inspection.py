"""``kgprism inspect``: whether the rows of a suite do what they say, before anything is trained."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from kgprism.platform.cli import completion
from kgprism.platform.cli.options import Json, Preset, Sets, known_file
from kgprism.platform.cli.screen import say, show_json, show_table, tell

if TYPE_CHECKING:
    from kgprism.platform.studies.inspection.comparison import Comparison


def inspect(
    suite: Annotated[
        str,
        typer.Argument(help="A suite by its name, or the path of a YAML file.", autocompletion=completion.suites),
    ],
    dataset: Annotated[
        list[str] | None,
        typer.Option("--dataset", "-d", help="Instead of the suite's own.", autocompletion=completion.datasets),
    ] = None,
    variants: Annotated[str | None, typer.Option(metavar="A,B", help="Only these rows.")] = None,
    preset: Preset = None,
    sets: Sets = None,
    strict: Annotated[bool, typer.Option("--strict", help="End with 1 where a row does nothing.")] = False,
    json: Json = False,
) -> None:
    """Compare each row with its base on two steps from first weights: settings, weights, losses, gradients.

    Its base is the full method, or the row that it names (versus). A row whose losses, gradients, weights and
    embeddings are its base's to the last digit does nothing there.

    Columns: gradient, how far the row's is from the base's (relative); moved, weights whose gradient differs, of
    those that both have; weights, that one of both lacks or has in another shape; terms, of the loss that differ;
    judged, how far what the judge compares is from the base's; beside a step, keys that no step can show.
    """
    from kgprism.platform.configuration import parse

    known_file("kgprism.ablations", suite)
    overrides = parse(sets or [])
    from kgprism.platform.data.catalogue import datasets
    from kgprism.platform.studies.inspection import inspection
    from kgprism.platform.studies.suites import cells as grid
    from kgprism.platform.studies.suites.suite import read

    chosen = read(suite)
    data = {name: datasets.load(name) for name in dataset or chosen.grid.dataset}
    named = variants.split(",") if variants is not None else []
    rows = [chosen.full.id, *filter(None, map(chosen.base_of, named)), *named] if variants is not None else None
    cells = grid.expand(chosen, data, variants=rows, seeds=1, overrides=overrides, preset=preset)
    found, without = inspection.inspect(chosen, cells, data, listener=lambda row: tell(f"comparing {row}"))
    for row, name in without:
        tell(f"{row} on {name} cannot be compared: kgprism ablate {suite} --plan says why")
    if json:
        show_json([{"row": row, "dataset": name, **plain(one)} for (row, name), one in found.items()])
    else:
        _show(found)
    if strict and any(one.inert for one in found.values()):
        raise typer.Exit(1)


def plain(one: "Comparison") -> dict[str, Any]:
    """Return a comparison as values that JSON knows."""
    return {**one.model_dump(), "inert": one.inert, "why": one.why if one.inert else ""}


def _show(found: dict[tuple[str, str], "Comparison"]) -> None:
    head = ["row", "dataset", "gradient", "moved", "weights", "terms", "judged", "beside a step", "verdict"]
    show_table(
        head,
        [
            (
                *(row, name, f"{one.change:.1e}", f"{one.moved}/{one.shared}", len(one.weights), len(one.terms)),
                *(f"{one.judged:.1e}", ", ".join(one.beside), one.verdict),
            )
            for (row, name), one in found.items()
        ],
    )
    for (row, name), one in found.items():
        for line in one.remarks:
            say(f"{row} on {name}: {line}")
