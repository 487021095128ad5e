"""What lies in a passport: one ZIP file, nothing of which is trusted before its sum is compared."""

import hashlib
import zlib
from pathlib import Path
from typing import Annotated, Literal
from zipfile import BadZipFile, ZipFile

from pydantic import Field, ValidationError

from kgprism.platform.errors import DataError
from kgprism.platform.kept import Kept
from kgprism.platform.studies.store.record import FILE as RECORD
from kgprism.platform.studies.store.record import HISTORY, RANKS

FILE = "passport.json"
#: What is packed of a run; its weights are not.
OF_A_RUN = (RECORD, HISTORY, RANKS)


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
    except (BadZipFile, zlib.error, KeyError, ValidationError, EOFError, NotImplementedError):
        raise DataError(f"{file}: no passport, or a damaged one") from None
    if odd := [*changed, *sorted({*names} - {FILE, *passport.sums})]:
        raise DataError(f"{file}: {odd[0]}: changed since the passport was made")
    return passport


def unpack_run(file: Path, run_id: str, folder: Path) -> Path:
    """Put the files of one run of a passport that was read into a folder of the run's name."""
    target = folder / run_id
    target.mkdir()
    with ZipFile(file) as archive:
        for name in OF_A_RUN:
            (target / name).write_bytes(archive.read(f"runs/{run_id}/{name}"))
    return target
