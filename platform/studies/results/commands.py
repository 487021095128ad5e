"""With which command a suite was asked: as it was typed, else the line that asks for the same cells."""

from pathlib import Path
from shlex import join

from kgprism.platform.studies.suites.asked import options
from kgprism.platform.studies.suites.manifest import SuiteManifest
from kgprism.platform.studies.suites.suite import Suite


def commands(suite: Suite, manifest: SuiteManifest) -> tuple[str, ...]:
    """Return what was typed, in that order.

    From Python nothing is typed: then the one command that asks for exactly these cells, none where several are needed.
    """
    return manifest.commands or _same(suite, manifest)


def _same(suite: Suite, manifest: SuiteManifest) -> tuple[str, ...]:
    datasets = dict.fromkeys(cell.dataset for cell in manifest.cells)
    known = [row.id for row in suite.variants]
    rows = [row for row in known if row in {cell.variant for cell in manifest.cells}]
    seeds = list(dict.fromkeys(cell.seed for cell in manifest.cells))
    places = suite.grid.places(datasets)
    every = {(row, *place, seed) for row in rows for place in places for seed in seeds}
    if {cell.place for cell in manifest.cells} != every or not _first(suite, seeds):
        return ()
    words = ["kgprism", "ablate", Path(manifest.file).name if manifest.file else suite.suite]
    if tuple(datasets) != suite.grid.dataset:
        words += [word for dataset in datasets for word in ("--dataset", dataset)]
    words += ["--variants", ",".join(rows)] if rows != known else []
    words += ["--seeds", str(len(seeds))] if seeds != suite.grid.seed.take() else []
    settings = options(manifest.preset, manifest.overrides)
    return (" ".join(filter(None, [join(words), settings])),)


def _first(suite: Suite, seeds: list[int]) -> bool:
    """Tell whether these are the first seeds of a suite, which is all that a command can ask for."""
    listed = suite.grid.seed.listed
    return len(seeds) <= len(listed or seeds) and seeds == suite.grid.seed.take(len(seeds))
