"""Whether data may have changed, told from their files' sizes and times: nothing is read, and no reader is loaded."""

import time
from pathlib import Path

from kgprism.platform.home import home

#: What ends the name of data that are made of others.
_HOLDOUT = "_holdout"
#: Nanoseconds: what changed later than so long ago may change again within one tick of its clock.
_SETTLED = 2_000_000_000

#: A file by its path with size, time of the last change, and of the last change of state.
Stamp = tuple[str, int, int, int]


def state_of(name: str) -> list[Stamp] | None:
    """Return what changes with any file of a dataset in this home; empty where there are none, as for built-in data.

    None is returned while files are still settling: their times tell nothing.
    """
    return stamps(home() / "data" / name.removesuffix(_HOLDOUT))


def stamps(folder: Path, *endings: str) -> list[Stamp] | None:
    """Return a stamp of every file below a folder, of those that end so if anything is said; none while they settle."""
    found = []
    for file in sorted(folder.rglob("*")):
        if file.is_file() and (not endings or file.suffix in endings):
            known = file.stat()
            found.append((str(file.relative_to(folder)), known.st_size, known.st_mtime_ns, known.st_ctime_ns))
    newest = max((max(stamp[2:]) for stamp in found), default=0)
    return None if time.time_ns() - newest < _SETTLED else found
