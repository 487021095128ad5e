"""``kgprism similarity``: finished alignment runs, by how alike the two pictures of a test pair are."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kgprism.platform.cli import completion
from kgprism.platform.cli.options import Json, Preset, Select, Sets, known_selection
from kgprism.platform.cli.screen import show_json, show_table
from kgprism.platform.errors import ConfigurationError

if TYPE_CHECKING:
    from kgprism.platform.studies.reports.breakdown import Band
    from kgprism.platform.studies.store.record import Record


def similarity(
    what: Annotated[
        str,
        typer.Argument(
            help="A run, or how its identity begins; or a suite: every row, seeds together.",
            autocompletion=completion.runs_and_suites,
        ),
    ],
    below: Annotated[
        list[float] | None, typer.Option(min=-1, max=1, help="Bound of a part, such as 0.3. Can be repeated.")
    ] = None,
    modality: Annotated[str, typer.Option(help="Whose vectors are compared: image, name, text.")] = "image",
    select: Select = "valid",
    preset: Preset = None,
    sets: Sets = None,
    json: Json = False,
) -> None:
    """Show how well those test pairs are found whose two pictures have a cosine below a bound (IBMEA, Figure 5).

    `--set` and `--preset` name the settings that a suite was asked with.
    """
    chosen = known_selection(select)
    from kgprism.platform.configuration import parse
    from kgprism.platform.data.catalogue import datasets
    from kgprism.platform.studies.reports.breakdown import BOUNDS, by_similarity, pooled

    parts: list[tuple[str, int, Band]] = []
    for title, records in _records(what, preset, parse(sets or [])).items():
        runs = [
            by_similarity(record, datasets.load(record.dataset), chosen, modality=modality, bounds=below or BOUNDS)
            for record in records
        ]
        parts += [(title, len(runs), band) for band in pooled(runs)]
    if json:
        show_json([{"row": title, "runs": runs, **asdict(band)} for title, runs, band in parts])
        return
    head = ["row", "runs", f"cosine of {modality}", "pairs", "l2r H@1", "l2r H@10", "l2r MRR", "r2l MRR"]
    keys = ("l2r/hits_at_1", "l2r/hits_at_10", "l2r/mrr", "r2l/mrr")
    rows = [[title, n, band.band, band.pairs, *(band.metrics.get(key) for key in keys)] for title, n, band in parts]
    show_table(head, rows, title=f"{what}, select={select}")


def _records(what: str, preset: str | None, overrides: dict[str, Any]) -> dict[str, list["Record"]]:
    """Return the finished run of that identity, or those of a suite, asked with these settings, by row.

    Raises:
        ConfigurationError: if there is no such run and no such suite, or nothing of the suite is finished.
    """
    from kgprism.platform.studies.store.runs import Store
    from kgprism.platform.studies.suites.asked import Asked
    from kgprism.platform.studies.suites.manifest import load_manifest
    from kgprism.platform.studies.suites.suite import read, suite_names

    store, file = Store(), what.endswith((".yaml", ".yml"))
    if not file and what not in suite_names():
        one = store.find(what, besides=suite_names())
        return {f"{one.method} on {one.dataset}, seed {one.seed}": [one]}
    suite = read(what)
    manifest = load_manifest(Asked.of(suite, preset, overrides).known().folder)
    labels = {variant.id: variant.title for variant in suite.variants}
    found: dict[str, list[Record]] = {}
    for cell in manifest.cells if manifest else []:
        if cell.variant in labels and (record := store.read(cell.run.id)):
            ratio = "" if cell.seed_ratio is None else f" {cell.seed_ratio:g}"
            found.setdefault(f"{labels[cell.variant]}, {cell.dataset}{ratio}", []).append(record)
    if not found:
        raise ConfigurationError(f"nothing of {suite.suite} is finished: kgprism ablate {what}")
    return found
