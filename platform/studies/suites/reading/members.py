"""Which runs were last asked of which suite, read as quickly as a list of thousands of runs needs."""

from pathlib import Path

from kgprism.platform.errors import ConfigurationError, nearest
from kgprism.platform.home import home
from kgprism.platform.kept import DamagedError, Kept, read

FILE = "study.json"


class _Cell(Kept):
    id: str


class _Study(Kept):
    cells: tuple[_Cell, ...]


def members(suite: str) -> set[str]:
    """Return the identities of the runs that a suite was asked for, with whatever settings.

    Raises:
        ConfigurationError: if it was never asked for; it names the nearest.
    """
    root = home() / "studies"
    known = sorted({file.relative_to(root).parts[0] for file in [*root.glob(f"*/{FILE}"), *root.glob(f"*/*/{FILE}")]})
    if suite not in known:
        raise ConfigurationError(f"--suite: nothing was asked of '{suite}'{nearest(suite, known)}")
    files = [root / suite / FILE, *sorted((root / suite).glob(f"[!.]*/{FILE}"))]
    return {cell.id for file in files for cell in _cells(file)}


def _cells(file: Path) -> tuple[_Cell, ...]:
    """Return the cells of a manifest; one that is damaged names none, and is set aside by whoever makes its table."""
    try:
        found = read(file, _Study)
    except DamagedError:
        return ()
    return found.cells if found else ()
