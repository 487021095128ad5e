"""A suite packed into one file: what was asked, with what it was made, every query's rank, and the table."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

from kgprism.platform.errors import ConfigurationError, DataError
from kgprism.platform.files import replacing
from kgprism.platform.studies.inspection import inspection, overlaps
from kgprism.platform.studies.passport.archive import FILE, INSPECTIONS, OF_A_RUN, Passport, Stamp, faults, sum_of
from kgprism.platform.studies.reports.render import render
from kgprism.platform.studies.reports.table import asked_table
from kgprism.platform.studies.store import machine
from kgprism.platform.studies.store.runs import Store
from kgprism.platform.studies.suites.asked import Asked
from kgprism.platform.studies.suites.cells import Cell
from kgprism.platform.studies.suites.manifest import FILE as STUDY
from kgprism.platform.studies.suites.manifest import load_manifest
from kgprism.platform.studies.suites.suite import Suite

_FORMS = {"md": "md", "csv": "csv", "json": "json", "tex": "latex"}


def pack(suite: Suite, asked: Asked, store: Store, file: Path, *, called: str) -> Passport:
    """Write all that was last asked of a suite, and is finished, to a file.

    Raises:
        ConfigurationError: if nothing is finished.
        DataError: if a run is not what was written.
    """
    manifest = load_manifest(asked.folder)
    cells = manifest.cells if manifest else []
    finished = [cell for cell in cells if store.read(cell.run.id)]
    if not finished:
        raise ConfigurationError(f"{called}: no finished run: kgprism ablate {called}")
    seen = store.folder.parent / INSPECTIONS
    content = dict(_suite(suite, asked)) | dict(_runs(store, finished))
    table = asked_table(suite, asked.folder, store, called=called)
    # Only now: what is damaged of these has been set aside.
    told = (*inspection.files(suite, cells, seen), *overlaps.files(cells, seen))
    content |= {f"{INSPECTIONS}/{file.name}": file.read_bytes() for file in told}
    for ending, form in _FORMS.items():
        content[f"tables/{asked.name}.{ending}"] = render(table, form).encode()
    passport = Passport(
        form=1,
        suite=asked.name,
        made=datetime.now(UTC).isoformat(timespec="seconds"),
        cells=tuple(map(_stamp, finished)),
        missing=tuple(_stamp(cell) for cell in cells if cell not in finished),
        sums={name: sum_of(data) for name, data in sorted(content.items())},
    )
    with replacing(file.resolve()) as scratch, ZipFile(scratch, "w", ZIP_DEFLATED) as archive:
        archive.writestr(FILE, passport.model_dump_json(indent=1))
        for name, data in sorted(content.items()):
            archive.writestr(name, data)
    return passport


def _suite(suite: Suite, asked: Asked) -> Iterator[tuple[str, bytes]]:
    """Yield what says what was asked: the suite with all that it extends, its cells, and this machine's packages."""
    yield "suite.json", suite.model_dump_json(by_alias=True, indent=1).encode()
    yield STUDY, (asked.folder / STUDY).read_bytes()
    packages = machine.packages("kgprism")
    yield "environment.json", json.dumps({"machine": machine.hardware(), "code": machine.code()} | packages).encode()
    pinned = (f"{name}=={word}\n" for name, word in packages.items() if name != "python")
    yield "requirements.txt", "".join(pinned).encode()


def _runs(store: Store, cells: list[Cell]) -> Iterator[tuple[str, bytes]]:
    for run_id in dict.fromkeys(cell.run.id for cell in cells):
        folder = store.folder / run_id
        if wrong := faults(folder):
            raise DataError(f"run {run_id}: {wrong[0]}: see kgprism runs verify")
        yield from ((f"runs/{run_id}/{name}", (folder / name).read_bytes()) for name in OF_A_RUN)


def _stamp(cell: Cell) -> Stamp:
    return Stamp(
        variant=cell.variant, dataset=cell.dataset, seed_ratio=cell.seed_ratio, seed=cell.seed, run=cell.run.id
    )
