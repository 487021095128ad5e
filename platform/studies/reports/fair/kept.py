"""What was asked and found of the tuning of a suite's rows, kept in a file beside what was asked of the suite."""

import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pydantic import JsonValue

from kgprism.platform import configuration
from kgprism.platform.files import replacing
from kgprism.platform.kept import DamagedError, Kept, read, set_aside
from kgprism.platform.locks import locked
from kgprism.platform.studies.suites.cells import Cell
from kgprism.platform.studies.suites.manifest import KeptCell, SuiteManifest
from kgprism.platform.studies.suites.tuning import Tuning

FILE = "tuning.json"


class KeptRow(Kept):
    """A row on a panel.

    ``left`` says of keys why they are not tuned, ``values`` what the trials so far have reached of ``metric``,
    ``frozen`` what the row as it is has. ``chosen`` is none before the search is through, and empty where nothing was
    better than the row as it is; ``tied`` counts the configurations that are as good; ``cells`` have these settings.
    """

    variant: str
    dataset: str
    seed_ratio: float | None
    seed: int
    keys: tuple[str, ...]
    left: dict[str, str]
    study: str
    metric: str
    trials: int
    values: tuple[float | None, ...] = ()
    frozen: float | None = None
    chosen: dict[str, JsonValue] | None = None
    tied: int = 1
    cells: tuple[KeptCell, ...] = ()

    @property
    def place(self) -> tuple[str, str, float | None]:
        """Where the row stands in its suite."""
        return self.variant, self.dataset, self.seed_ratio


class KeptTuning(Kept):
    """All rows of a suite as it was asked; ``basis`` digests what they share."""

    basis: str
    rows: tuple[KeptRow, ...]


def basis(manifest: SuiteManifest, tuning: Tuning) -> str:
    """Digest what all rows share: the suite as it was asked, today's code, and how rows are tuned."""
    return configuration.digest(manifest.basis, manifest.code, tuning.model_dump(mode="json", exclude={"trials"}))


def cells_kept(cells: Iterable[Cell]) -> tuple[KeptCell, ...]:
    """Return cells as they are written."""
    plain: list[Any] = [asdict(cell) | {"id": cell.run.id} for cell in cells]
    return tuple(KeptCell.model_validate_json(json.dumps(one)) for one in plain)


def save(folder: Path, digest: str, rows: Iterable[KeptRow]) -> None:
    """Write rows; those of other rows and panels stay, unless what they share has changed."""
    with locked(folder / f".{FILE}.lock"):
        earlier = load(folder)
        before = earlier.rows if earlier and earlier.basis == digest else ()
        merged = {row.place: row for row in (*before, *rows)}
        with replacing(folder / FILE) as scratch:
            scratch.write_text(
                KeptTuning(basis=digest, rows=tuple(merged.values())).model_dump_json(indent=1), encoding="utf-8"
            )


def load(folder: Path) -> KeptTuning | None:
    """Return what is kept in a suite's folder, none if nothing is; a file that is damaged is set aside.

    Raises:
        DataError: if it cannot be set aside.
    """
    try:
        return read(folder / FILE, KeptTuning)
    except DamagedError as error:
        set_aside(folder / FILE, error)
        return None
