"""What lies in a passport: one ZIP file, nothing of which is trusted before its sum is compared."""

import hashlib
import struct
import zlib
from pathlib import Path
from typing import Annotated, Literal
from zipfile import BadZipFile, ZipFile

from pydantic import Field

from kgprism.platform.errors import DataError
from kgprism.platform.kept import Kept
from kgprism.platform.studies.store.record import FILE as RECORD
from kgprism.platform.studies.store.record import HISTORY, RANKS, Record, read_record
from kgprism.platform.studies.store.verification import problems

FILE = "passport.json"
#: What is packed of a run; its weights are not.
OF_A_RUN = (RECORD, HISTORY, RANKS)
#: The folder of what was counted of the data, and seen of rows before they were trained.
INSPECTIONS = "inspections"
_WEIGHTS = "model.safetensors"
#: What is raised at bytes that are no ZIP file, or none of ours; an encrypted one is a RuntimeError.
_UNREADABLE = (BadZipFile, zlib.error, struct.error, LookupError, ValueError, EOFError, RuntimeError)


class Stamp(Kept):
    """A cell of the table: its row, its place, and the run whose numbers it has."""

    variant: str
    dataset: str
    seed_ratio: float | None
    seed: int
    run: Annotated[str, Field(pattern=r"^[\w-]{1,64}$")]


class Passport(Kept):
    """What ``passport.json`` holds; ``missing`` are cells that were not finished, ``sums`` those of all other files."""

    form: Literal[1]
    suite: str
    made: str
    cells: tuple[Stamp, ...]
    missing: tuple[Stamp, ...]
    sums: dict[str, str]


def sum_of(data: bytes) -> str:
    """Return 32 digits that change with any byte."""
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def read(file: Path) -> Passport:
    """Return what a passport says, once the sums of all that is in it are compared.

    Raises:
        DataError: if it is none, or was changed since it was made.
    """
    try:
        with ZipFile(file) as archive:
            passport = Passport.model_validate_json(archive.read(FILE))
            names = archive.namelist()
            changed = [name for name, word in passport.sums.items() if sum_of(archive.read(name)) != word]
    except OSError as error:
        raise DataError(f"{file}: cannot be read: {error.strerror or error}") from None
    except _UNREADABLE:
        raise DataError(f"{file}: no passport, or a damaged one") from None
    if odd := [*changed, *sorted({*names} - {FILE, *passport.sums})]:
        raise DataError(f"{file}: {odd[0]}: changed since the passport was made")
    return passport


def faults(folder: Path) -> list[str]:
    """Return a line for everything that is wrong with a run's folder, but that it has no weights: no passport has."""
    return [line for line in problems(folder) if line != f"{_WEIGHTS} is not there"]


def unpacked(file: Path, run_id: str, folder: Path) -> Record:
    """Put one run of a passport that was read into a folder of the run's name, and return what it says.

    Raises:
        DataError: if it is not what was written.
        KeyError: if the passport has no such run.
    """
    target = folder / run_id
    target.mkdir()
    with ZipFile(file) as archive:
        for name in OF_A_RUN:
            (target / name).write_bytes(archive.read(f"runs/{run_id}/{name}"))
    if wrong := faults(target):
        raise DataError(f"{file}: run {run_id}: {wrong[0]}")
    record = read_record(target)
    assert record is not None, "it has no problem"
    return record
