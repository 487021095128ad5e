"""Where the user's files live."""

import os
from pathlib import Path
from tempfile import TemporaryFile

from kgprism.platform.errors import ConfigurationError


def home() -> Path:
    """Return the user's folder, ``KGPRISM_HOME`` or ``~/kgprism``: ``data/ cache/ runs/ studies/ tables/``.

    Raises:
        ConfigurationError: for an address such as ``s3://bucket/store``: runs are renamed into place and studies are
            SQLite files, and an object store has neither.
    """
    named = os.environ.get("KGPRISM_HOME", "")
    if "://" in named:
        raise ConfigurationError(
            f"KGPRISM_HOME={named.split('://')[0]}://... is an address: mount it, and name the folder (docs/cluster.md)"
        )
    return Path(named or Path.home() / "kgprism").expanduser().absolute()


def refuse_unwritable(folder: Path | None = None) -> None:
    """Refuse a folder, by default the home, in which no run can be kept, before anything slow is begun.

    Raises:
        ConfigurationError: if a folder of it is read-only, full, or not a folder.
    """
    part = folder = folder or home()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for part in (folder, folder / "runs", folder / "studies"):
            if part == folder or part.exists():
                _try_to_write(part)
    except OSError as error:
        told = "a file stands there" if isinstance(error, FileExistsError | NotADirectoryError) else error.strerror
        raise ConfigurationError(f"home {part}: {told}; set KGPRISM_HOME to a folder that you may write to") from None


def _try_to_write(folder: Path) -> None:
    with TemporaryFile(dir=folder) as probe:
        probe.write(bytes(2**16))
        probe.flush()
        os.fsync(probe.fileno())  # a network's disk says only now that it is full
