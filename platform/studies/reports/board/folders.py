"""Where runs lie in TensorBoard's folders, and how the files of those that are finished end: nothing slow is loaded."""

from pathlib import Path

from kgprism.platform.studies.suites.cells import Cell

#: Behind a run's id at the end of its event file: which form of it this is.
FORM = "3"


def suffix(run_id: str) -> str:
    """Return how the event file of a finished run ends: it tells which run it shows."""
    return f".{run_id}.{FORM}"


def shows(folder: Path, run_id: str) -> bool:
    """Tell whether a folder shows this finished run."""
    return any(folder.glob(f"*{suffix(run_id)}"))


def cell_folder(root: Path, cell: Cell) -> Path:
    """Return where a cell's curves are: ``<root>/<dataset>-<ratio>/<variant>/seed-<n>``."""
    place = cell.dataset if cell.seed_ratio is None else f"{cell.dataset}-{cell.seed_ratio:g}"
    return root / place / cell.variant / f"seed-{cell.seed}"
