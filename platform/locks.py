"""Locks between processes, also of several machines that share a folder: a lock dies with the process that holds it."""

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from kgprism.platform.kept import DamagedError, set_aside

#: A file system without locks says one of these: what the lock guards is then done unguarded.
_WITHOUT = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)


@contextmanager
def locked(file: Path, *, wait: bool = True) -> Iterator[bool]:
    """Hold the lock that `file` stands for; yield whether it was had, which it always is after a wait.

    The file goes with the lock; a folder in its place is set aside. A killed owner leaves the file, but not the lock:
    the next one takes it over. On NFS the server keeps the locks, for all machines, unless it was mounted with
    ``nolock`` or ``local_lock``.

    Raises:
        OSError: if there cannot be such a file.
        DataError: if a folder in its place cannot be set aside.
    """
    handle = _acquired(file, wait)
    if handle is None:
        yield False
        return
    try:
        yield True
    finally:
        with suppress(OSError):
            file.unlink()
        handle.close()


def held(file: Path) -> bool:
    """Tell whether a living process holds the lock; nothing is written, and nobody waits."""
    try:
        with file.open("rb") as handle:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def _acquired(file: Path, wait: bool) -> IO[str] | None:
    while True:
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            handle = file.open("a", encoding="utf-8")  # NFS locks only what may be written
        except IsADirectoryError:
            set_aside(file, DamagedError("a folder in the place of a lock"))
            continue
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            handle.close()
            return None
        except OSError as error:
            if error.errno in _WITHOUT:
                return handle
            handle.close()
            raise
        if _stands(handle, file):
            return handle
        # Its owner took the file away while we waited: whoever comes next would lock another one.
        handle.close()


def _stands(handle: IO[str], file: Path) -> bool:
    """Tell whether the locked file still is the one of that name."""
    try:
        ours = os.fstat(handle.fileno())
        return ours.st_nlink > 0 and os.path.samestat(ours, file.stat())
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ESTALE):
            return False
        raise
