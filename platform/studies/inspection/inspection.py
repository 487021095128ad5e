"""The rows of a suite beside what they are compared with, one comparison a dataset, kept so that none is made twice."""

import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from kgprism.platform.data.graph import Dataset
from kgprism.platform.files import replacing
from kgprism.platform.home import home
from kgprism.platform.kept import DamagedError, read, set_aside
from kgprism.platform.studies.inspection.comparison import Comparison, compare
from kgprism.platform.studies.suites.cells import Cell
from kgprism.platform.studies.suites.suite import Suite

if TYPE_CHECKING:
    from kgprism.platform.training.probe import Trace

#: A row's id and the dataset that it was compared on.
Key = tuple[str, str]


def kept(suite: Suite, cells: Iterable[Cell], folder: Path | None = None) -> dict[Key, Comparison]:
    """Return the comparisons that were made before; nothing is built."""
    found = {key: _read(file) for key, (_, _, file) in _pairs(suite, cells, folder).items()}
    return {key: comparison for key, comparison in found.items() if comparison}


def files(suite: Suite, cells: Iterable[Cell], folder: Path) -> list[Path]:
    """Return where the comparisons that were made before are kept."""
    return [file for _, _, file in _pairs(suite, cells, folder).values() if file.is_file()]


def inert(found: Mapping[Key, Comparison]) -> dict[Key, str]:
    """Return the rows that do nothing, and why."""
    return {key: one.why for key, one in found.items() if one.inert}


def inspect(
    suite: Suite,
    cells: Iterable[Cell],
    datasets: Mapping[str, Dataset],
    folder: Path | None = None,
    listener: Callable[[str], None] = lambda row: None,
    seconds: float = math.inf,
) -> tuple[dict[Key, Comparison], list[Key]]:
    """Compare each row with its base, of the same method and on the same data; the listener hears of each.

    Returns the comparisons, and the rows that have none: after so many `seconds` no other is begun, and a row that
    cannot be built on the data, or fails in its first steps, is left to its own run to tell.
    """
    end, found = time.monotonic() + seconds, dict[Key, Comparison]()
    bases: dict[str, Trace] = {}
    pairs = _pairs(suite, cells, folder)
    for key, (base, cell, file) in pairs.items():
        if comparison := _read(file):
            found[key] = comparison
        elif time.monotonic() < end:
            from kgprism.platform.method import FAULTS  # here: what was compared before waits for no torch
            from kgprism.platform.training.probe import trace

            listener(f"{cell.variant} on {cell.dataset}")
            with suppress(*FAULTS):
                if base.run.id not in bases:  # of one dataset at a time
                    bases = {base.run.id: trace(base.run, datasets[cell.dataset])}
                mine = trace(cell.run, datasets[cell.dataset])
                found[key] = compare(base.run, cell.run, _asked(suite, cell), bases[base.run.id], mine)
        if key in found and not comparison:
            _keep(file, found[key])
    return found, [key for key in pairs if key not in found]


def _keep(file: Path, comparison: Comparison) -> None:
    """Write a comparison, where that can be done: it is quickly made again."""
    with suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        with replacing(file) as scratch:
            scratch.write_text(comparison.model_dump_json(indent=1), encoding="utf-8")


def _asked(suite: Suite, cell: Cell) -> Iterator[str]:
    """Yield the keys that a row is about: those of its preset, of its override and of what the grid sets there."""
    variant = next(variant for variant in suite.variants if variant.id == cell.variant)
    if variant.preset:
        from kgprism.platform.method import load

        yield from load(cell.run.method).presets[variant.preset]
    for layer in suite.layers(variant, cell.dataset, cell.seed_ratio, {})[1:]:
        yield from layer


def _pairs(suite: Suite, cells: Iterable[Cell], folder: Path | None) -> dict[Key, tuple[Cell, Cell, Path]]:
    """Return of each row and dataset the first cell, that of what it is compared with, and where both are kept."""
    first: dict[Key, Cell] = {}
    for cell in cells:
        first.setdefault((cell.variant, cell.dataset), cell)
    found = {}
    for (variant, dataset), cell in first.items():
        base = first.get((suite.base_of(variant), dataset))
        if base and base.run.method == cell.run.method and base.run.id != cell.run.id:
            file = (folder or home() / "inspections") / f"{base.run.id}-{cell.run.id}.json"
            found[variant, dataset] = base, cell, file
    return found


def _read(file: Path) -> Comparison | None:
    try:
        return read(file, Comparison)
    except DamagedError as error:
        set_aside(file, error)
        return None
