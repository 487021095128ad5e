"""Text files of rows, read whole and checked whole: one regular expression finds the first line that does not fit."""

import codecs
import gzip
import re
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from kgprism.platform.errors import DataError

#: One column of a row: an id, or anything up to the next tab.
NUMBER = r"([0-9]{1,18}+)"
TEXT = r"([^\t\n]*+)"


def find(folder: Path, name: str) -> Path | None:
    """Return the file of that name, plain before gzip-compressed, or none."""
    return next((file for file in (folder / name, folder / f"{name}.gz") if file.is_file()), None)


def need(folder: Path, name: str) -> Path:
    """Return the file of that name.

    Raises:
        DataError: if it is not there.
    """
    if file := find(folder, name):
        return file
    raise DataError(f"{folder}: expected a file {name} or {name}.gz")


def text(file: Path) -> str:
    """Return a file's UTF-8 text with LF line ends, each line ended by one.

    Raises:
        DataError: if it cannot be unpacked or decoded.
    """
    try:
        data = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{file}: cannot be read ({error})") from None
    data = data.removeprefix(codecs.BOM_UTF8).replace(b"\r\n", b"\n").rstrip(b"\n")
    try:
        return data.decode() + "\n" if data else ""
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise DataError(f"{file}:{line}: expected UTF-8, found the byte {data[error.start]:#04x}") from None


def rows(file: Path, row: str, expected: str) -> list[tuple[str, ...]]:
    """Return the groups of the pattern `row` for every line of a file.

    Raises:
        DataError: naming the first line that does not fit, what was expected there and what was found.
    """
    return re.findall(f"{row}\n", _checked(file, row, expected))


def numbers(file: Path, *names: str) -> np.ndarray:
    """Return a file of tab-separated ids as an array ``(rows, names)``; raises as `rows` does."""
    content = _checked(file, r"\t".join([NUMBER] * len(names)), f"{', '.join(names)} separated by tabs")
    return np.fromstring(content, np.int64, sep="\t").reshape(-1, len(names))


def integers(column: Sequence[str]) -> np.ndarray:
    """Return a checked column of ids as numbers."""
    return np.fromiter(map(int, column), np.int64, len(column))


def _checked(file: Path, row: str, expected: str) -> str:
    content = text(file)
    match = re.match(f"(?:{row}\n)*+", content)
    end = match.end() if match else 0
    if end < len(content):
        found = content[end : content.index("\n", end)]
        raise DataError(f"{file}:{content.count(chr(10), 0, end) + 1}: expected {expected}, found {found[:80]!r}")
    return content


def distinct(file: Path, values: Sequence[str] | np.ndarray, what: str) -> pd.Index:
    """Return an index of values that name one thing each.

    Raises:
        DataError: if a value comes twice.
    """
    index = pd.Index(values, dtype=values.dtype if isinstance(values, np.ndarray) else object)
    if not index.is_unique:
        line = int(index.duplicated().argmax())
        raise DataError(f"{file}:{line + 1}: expected every {what} once, found '{index[line]}' again")
    return index


def positions(file: Path, values: Sequence[str] | np.ndarray, known: pd.Index, what: str) -> np.ndarray:
    """Return where each line's value stands among the known ones.

    Raises:
        DataError: naming the line of the first unknown value.
    """
    found = known.get_indexer(np.asarray(values, dtype=known.dtype))
    if len(found) and found.min() < 0:
        line = int(found.argmin())
        among = f" (known: {known[0]} to {known[-1]})" if isinstance(known, pd.RangeIndex) and len(known) else ""
        raise DataError(f"{file}:{line + 1}: unknown {what} {str(values[line])!r}{among}")
    return found.astype(np.int64)


def codes(column: Sequence[str]) -> tuple[np.ndarray, list[str]]:
    """Return a number for every value, and the distinct values in order of first appearance."""
    found, values = pd.factorize(np.asarray(column, dtype=object))
    return found.astype(np.int64), list(values)
