"""What was asked of a suite, kept in a file: a report can be made at any time, whatever the code is by then."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field, JsonValue

from kgprism.platform import configuration
from kgprism.platform.configuration import Overrides
from kgprism.platform.files import replacing
from kgprism.platform.kept import DamagedError, Kept, read, set_aside
from kgprism.platform.locks import locked
from kgprism.platform.studies.suites.cells import Cell
from kgprism.platform.studies.suites.reading.shelf import shelf
from kgprism.platform.studies.suites.suite import PACKAGE, Suite
from kgprism.platform.training.run import Run, source_digest

FILE = "study.json"


def _with_epochs(configuration: dict[str, Any]) -> dict[str, Any]:
    if type(configuration.get("train.epochs")) is not int:
        raise ValueError("train.epochs is no number of epochs")
    return configuration


class _Run(Kept):
    method: str
    dataset: str
    fingerprint: str
    seed: int
    configuration: Annotated[dict[str, JsonValue], AfterValidator(_with_epochs)]
    notes: tuple[str, ...]


class KeptCell(Kept):
    """A cell as it is written, with the identity that its run had then."""

    variant: str
    dataset: str
    seed_ratio: float | None
    seed: int
    run: _Run
    id: str

    def asked(self) -> Cell:
        """Return a cell whose run has the identity that it had when it was asked for, whatever the code is now."""
        run = Run(**self.run.model_dump())
        vars(run)["id"] = self.id
        return Cell(self.variant, self.dataset, self.seed_ratio, self.seed, run)


class _Study(Kept):
    cells: tuple[KeptCell, ...]
    basis: str
    code: str
    commands: tuple[str, ...]
    # Earlier versions did not write these.
    preset: str | None = None
    overrides: dict[str, JsonValue] = Field(default_factory=dict)
    file: str = ""


@dataclass(frozen=True)
class SuiteManifest:
    """What was last asked of a suite: its cells and the commands; ``basis`` digests what all of the cells share.

    ``code`` digests the code of that time: its runs stay in the table when the code has moved on. ``preset`` and
    ``overrides`` are what was asked for besides the suite; ``file`` is where it was read, empty for one on the shelf.
    """

    cells: list[Cell]
    basis: str
    code: str
    commands: tuple[str, ...] = ()
    preset: str | None = None
    overrides: dict[str, Any] = field(default_factory=dict)
    file: str = ""


def code_of(suite: Suite) -> str:
    """Digest the code of all methods of a suite."""
    return configuration.digest([source_digest(method) for method in suite.methods])


def save_manifest(
    folder: Path,
    suite: Suite,
    cells: Iterable[Cell],
    *,
    overrides: Overrides | None = None,
    preset: str | None = None,
    command: str = "",
    called: str = "",
) -> SuiteManifest:
    """Write to ``<folder>/study.json`` what is asked, so that a report can be made at any time.

    Cells of earlier calls stay, so that a table grows; where the suite, the overrides or the code differ they go,
    because one table must not mix two settings. ``called`` is the suite's name on the shelf, or its file.
    """
    rows = {variant.id: [*suite.composed(variant, preset), variant.override] for variant in suite.variants}
    constants = [constant.told() for constant in suite.grid.set]
    extra = dict(overrides or {})
    basis = configuration.digest(suite.base, constants, rows, extra)
    # Another process may be asking for other cells of the same suite.
    with locked(folder / f".{FILE}.lock"):
        earlier, code = load_manifest(folder), code_of(suite)
        same = earlier is not None and (earlier.basis, earlier.code) == (basis, code)
        before = earlier if earlier and same else SuiteManifest([], basis, code)
        given = None if preset == suite.preset else preset
        merged = {cell.place: cell for cell in [*before.cells, *cells]}
        commands = dict.fromkeys([*before.commands, command] if command else before.commands)
        file = before.file if not called else "" if called in shelf(PACKAGE) else str(Path(called).absolute())
        manifest = SuiteManifest(list(merged.values()), basis, code, tuple(commands), given, extra, file)
        plain = asdict(manifest)
        for cell, written in zip(manifest.cells, plain["cells"], strict=True):
            written["id"] = cell.run.id
        with replacing(folder / FILE) as scratch:
            scratch.write_text(json.dumps(plain, indent=1), encoding="utf-8")
    return manifest


def load_manifest(folder: Path) -> SuiteManifest | None:
    """Return what was last asked of the suite whose folder this is, or none; a file that is damaged is set aside.

    Raises:
        DataError: if it cannot be set aside.
    """
    try:
        return look(folder)
    except DamagedError as error:
        set_aside(folder / FILE, error)
        return None


def look(folder: Path) -> SuiteManifest | None:
    """Return what was last asked of the suite whose folder this is, or none; nothing is set aside.

    Raises:
        DamagedError: if the file is damaged.
        DataError: if it may not be read.
    """
    kept = read(folder / FILE, _Study)
    if kept is None:
        return None
    return SuiteManifest([cell.asked() for cell in kept.cells], **kept.model_dump(exclude={"cells"}))
