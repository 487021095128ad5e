"""What a suite's page shows besides its table, gathered from the store and, where they are here, from the data.

Torch and the readers are loaded for what is shown only: most pages need neither.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from kgprism.platform.errors import KgprismError
from kgprism.platform.home import home
from kgprism.platform.studies.reports.entries import Table
from kgprism.platform.studies.reports.page.behind import Behind
from kgprism.platform.studies.statistics.evidence import Place
from kgprism.platform.studies.store.record import Record
from kgprism.platform.studies.store.runs import Store
from kgprism.platform.studies.suites.cells import Cell
from kgprism.platform.studies.suites.manifest import load_manifest
from kgprism.platform.studies.suites.suite import Suite

if TYPE_CHECKING:
    from kgprism.platform.studies.reports.figures.chart import Chart
    from kgprism.platform.studies.reports.page.parts import Parts


def gather(suite: Suite, table: Table, folder: Path, store: Store) -> Behind:
    """Return what stands behind the table of a suite; what was asked of it is in `folder`.

    A figure or parts of it that cannot be made are left out: the page is for what is there.
    """
    manifest = load_manifest(folder)
    cells = manifest.cells if manifest else []
    rows, places = {row.id for row in table.rows}, {column.place for column in table.columns}
    shown = [cell for cell in cells if cell.variant in rows and (cell.dataset, cell.seed_ratio) in places]
    behind = Behind(suite, shown, store)
    if not behind.records:
        quoted = any(entry.published is not None for row in table.rows for entry in row.entries)
        drawn = quoted and suite.layout.kind == "figure"  # of published numbers alone
        return replace(behind, chart=_figure(suite, table, shown, store)) if drawn else behind
    runs = {
        place: [behind.records[cell.run.id] for cell in some if cell.run.id in behind.records]
        for place, some in behind.places.items()
    }
    figure = _figure(suite, table, shown, store) if suite.layout.kind != "table" else None
    return replace(behind, chart=figure, parts=_parts(table, runs))


def _figure(suite: Suite, table: Table, cells: Sequence[Cell], store: Store) -> "Chart | None":
    from kgprism.platform.studies.reports.figures.chart import chart

    with suppress(KgprismError):
        if suite.layout.kind != "similarity":
            return chart(suite, table, cells)
        from kgprism.platform.data.catalogue import datasets
        from kgprism.platform.studies.reports.figures.similarity import over_similarity

        return over_similarity(table, cells, store, cache(datasets.load))
    return None


def _parts(table: Table, runs: Mapping[Place, Sequence[Record]]) -> "tuple[Parts, ...]":
    if not any(_here(column.dataset) for column in table.columns):
        return ()
    from kgprism.platform.data.catalogue import datasets
    from kgprism.platform.studies.reports.page.parts import parts

    return tuple(parts(table, runs, cache(datasets.load)))


def _here(dataset: str) -> bool:
    """Tell quickly whether the catalogue may have a dataset: built in, or a folder of the home's."""
    return dataset.startswith("toy") or (home() / "data" / dataset.removesuffix("_holdout")).is_dir()
