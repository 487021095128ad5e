"""A passport opened for its section: the suite as it was then, what was asked, and its runs in a store of their own."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from zipfile import ZipFile

from pydantic import ValidationError

from kgprism.platform.errors import DataError, first_line
from kgprism.platform.studies.passport.archive import INSPECTIONS, read, unpacked
from kgprism.platform.studies.store.record import Record
from kgprism.platform.studies.store.runs import Store
from kgprism.platform.studies.suites.manifest import FILE, SuiteManifest
from kgprism.platform.studies.suites.manifest import look as look_at
from kgprism.platform.studies.suites.suite import Suite

#: Where a passport keeps its suite with all that it extends.
SUITE = "suite.json"


@dataclass(frozen=True)
class Opened:
    """A passport's suite, what was asked of it, and its finished runs by identity, which lie in `store`."""

    suite: Suite
    manifest: SuiteManifest
    store: Store
    records: Mapping[str, Record]


@contextmanager
def opened(file: Path) -> Iterator[Opened]:
    """Yield a passport that was compared with its sums, unpacked in a folder that goes at the end.

    Raises:
        DataError: if it is none, is damaged, or has a suite that this version cannot read.
    """
    passport = read(file)
    with TemporaryDirectory() as scratch:
        folder = Path(scratch)
        runs = folder / "runs"
        runs.mkdir()
        try:
            with ZipFile(file) as archive:
                written = archive.read(SUITE)
                (folder / FILE).write_bytes(archive.read(FILE))
                _inspections(archive, folder / INSPECTIONS)
            ids = dict.fromkeys(stamp.run for stamp in passport.cells)
            records = {run_id: unpacked(file, run_id, runs) for run_id in ids}
        except KeyError as error:
            raise DataError(f"{file}: a passport that lacks a file: {first_line(error)}") from None
        manifest = look_at(folder)
        if manifest is None or not records:
            raise DataError(f"{file}: a passport without a finished run")
        yield Opened(_suite(file, written), manifest, Store(runs), records)


def _inspections(archive: ZipFile, folder: Path) -> None:
    """Put what was seen of rows and counted of data where tables look for it, whatever else a passport has there."""
    folder.mkdir()
    for name in archive.namelist():
        if re.fullmatch(rf"{INSPECTIONS}/[0-9a-z-]{{1,64}}\.json", name):
            (folder / Path(name).name).write_bytes(archive.read(name))


def _suite(file: Path, written: bytes) -> Suite:
    try:
        return Suite.model_validate_json(written)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise DataError(f"{file}: {SUITE}: {where}: {first_line(first['msg'])}: not a suite of this version") from None
