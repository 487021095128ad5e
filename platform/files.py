"""Files and folders that are whole or absent, whenever the process dies or the disk is full."""

import errno
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

from safetensors import SafetensorError

from kgprism.platform.errors import ConfigurationError, RunError, first_line

#: Bytes: a disk with less is full; the last blocks of a file system are never given out.
_FULL = 2**16


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """Yield a place beside `target` to write a file or a folder to, then rename it over `target`.

    Folders above are made. If anything is raised, nothing is left of what was written and `target` is as it was.

    Raises:
        OSError: from the rename, if a folder is to replace one that holds something.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    # A dot in front: nobody who lists the folder takes it for what it will be. Cut, as a name may be as long as can be.
    scratch = target.with_name(f".{target.name[:60]}.{uuid4().hex[:8]}")
    try:
        yield scratch
        scratch.replace(target)
    except BaseException:  # also a full disk, which has no room for what is left of it
        if scratch.is_dir():
            shutil.rmtree(scratch, ignore_errors=True)
        else:
            with suppress(OSError):
                scratch.unlink(missing_ok=True)
        raise


def write_text(file: Path, text: str) -> None:
    """Write a whole text file as UTF-8, whatever the language of the machine; a device or a pipe is written to.

    Raises:
        ConfigurationError: if there cannot be such a file; one that was there is as it was.
    """
    write_bytes(file, text.encode(errors="replace"))  # a path that is no UTF-8 comes as half letters, without bytes


def write_bytes(file: Path, data: bytes) -> None:
    """Write a whole file; a device or a pipe is written to.

    Raises:
        ConfigurationError: if there cannot be such a file; one that was there is as it was.
    """
    try:
        if file.exists() and not file.is_file():
            file.write_bytes(data)
            return
        with replacing(file.resolve()) as scratch:
            scratch.write_bytes(data)
            if file.exists():
                scratch.chmod(file.stat().st_mode)
                file.open("ab").close()  # a file that may not be written is not replaced either
    except (OSError, ValueError, RuntimeError) as error:  # a name with a NUL; a link that leads to itself
        told = error.strerror if isinstance(error, OSError) else first_line(error)
        told = "a file stands where its folder belongs" if isinstance(error, FileExistsError) else told
        raise ConfigurationError(f"{file}: cannot be written: {told}") from None


@contextmanager
def explain_full_disk(folder: Path) -> Iterator[None]:
    """Say a full disk in one line; nothing is lost by it, as files are written aside and then renamed.

    Raises:
        RunError: if the disk of `folder` is full.
    """
    before = threading.excepthook

    def told_once(failure: Any) -> None:
        """Leave a full disk to the block: TensorBoard's thread hands its error on, and shows it at length besides."""
        if not (isinstance(failure.exc_value, OSError) and _is_full(failure.exc_value, folder)):
            before(failure)

    threading.excepthook = told_once
    try:
        yield
    except (OSError, RuntimeError, SafetensorError) as error:
        if not _is_full(error, folder):
            raise
        raise RunError(f"no space left for {folder}: free some; the same command goes on from here") from None
    finally:
        threading.excepthook = before


def _is_full(error: BaseException | None, folder: Path) -> bool:
    """Tell whether the disk is what failed: some libraries only say that they could not write."""
    while error is not None:
        if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT) or "No space left" in str(error):
            return True
        error = error.__cause__ or error.__context__
    return folder.exists() and shutil.disk_usage(folder).free < _FULL
