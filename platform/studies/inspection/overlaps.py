"""What data show of their tests elsewhere: counted where they are, and kept for tables made where they are not."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from pydantic import Field

from kgprism.platform.configuration import digest
from kgprism.platform.data.graph import Dataset
from kgprism.platform.data.inputs.overlaps import Overlap, overlaps
from kgprism.platform.errors import KgprismError
from kgprism.platform.files import replacing
from kgprism.platform.kept import DamagedError, Kept, read, set_aside
from kgprism.platform.studies.suites.cells import Cell
from kgprism.platform.training.run import chosen_data

#: Counts up when something else is counted.
FORM = 1
#: What of a run's settings says which test it has.
_SPLIT = ("data.split", "data.valid")


class _Count(Kept):
    what: str
    count: int = Field(ge=0)
    of: int = Field(ge=0)


class _Counted(Kept):
    counts: tuple[_Count, ...]


def keep_overlaps(cells: Iterable[Cell], datasets: Mapping[str, Dataset], folder: Path) -> None:
    """Count what has not been counted before, of the data that are here."""
    for cell, file in _files(cells, folder):
        data = _as_read(cell, datasets.get(cell.dataset))
        if data is None or data.fingerprint != cell.run.fingerprint or _read(file) is not None:
            continue
        found = overlaps(data, _split(cell))
        counted = _Counted(counts=tuple(_Count(what=one.what, count=one.count, of=one.of) for one in found))
        with suppress(OSError):  # it is quickly counted again
            file.parent.mkdir(parents=True, exist_ok=True)
            with replacing(file) as scratch:
                scratch.write_text(counted.model_dump_json(indent=1), encoding="utf-8")


def _as_read(cell: Cell, data: Dataset | None) -> Dataset | None:
    """Return a dataset with the feature sets that a cell's run reads, none where one cannot be read."""
    if data is None or data.fingerprint == cell.run.fingerprint:
        return data
    with suppress(KgprismError):
        return chosen_data(cell.run, data)
    return None


def kept_overlaps(cells: Iterable[Cell], folder: Path) -> dict[str, tuple[Overlap, ...]]:
    """Return what was counted, by dataset; the data need not be here."""
    found = {cell.dataset: _read(file) for cell, file in _files(cells, folder)}
    return {
        name: tuple(Overlap(one.what, one.count, one.of) for one in counted.counts)
        for name, counted in found.items()
        if counted
    }


def files(cells: Iterable[Cell], folder: Path) -> list[Path]:
    """Return where the counts that were made before are kept."""
    return [file for _, file in _files(cells, folder) if file.is_file()]


def _files(cells: Iterable[Cell], folder: Path) -> list[tuple[Cell, Path]]:
    """Return the first cell of each dataset, and where its counts are kept."""
    first: dict[str, Cell] = {}
    for cell in cells:
        first.setdefault(cell.dataset, cell)
    called = [(cell, digest(FORM, cell.run.fingerprint, _split(cell))) for cell in first.values()]
    return [(cell, folder / f"data-{name}.json") for cell, name in called]


def _split(cell: Cell) -> str:
    return next((str(cell.run.configuration[key]) for key in _SPLIT if key in cell.run.configuration), "")


def _read(file: Path) -> _Counted | None:
    try:
        return read(file, _Counted)
    except DamagedError as error:
        set_aside(file, error)
        return None
