"""What was planned when all of it had finished: asked again the same way, nothing is planned and no torch is loaded."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

from kgprism.platform import source
from kgprism.platform.configuration import digest
from kgprism.platform.data.catalogue.state import stamps, state_of
from kgprism.platform.errors import DataError
from kgprism.platform.files import replacing
from kgprism.platform.kept import Kept, read
from kgprism.platform.studies.store.runs import Store
from kgprism.platform.studies.suites.cells import Cell
from kgprism.platform.studies.suites.manifest import load_manifest
from kgprism.platform.studies.suites.suite import Suite
from kgprism.platform.training.about import code_of_shipped

#: Beside the manifest.
FILE = "finished.json"


class Finished(Kept):
    """The cells by their places with their runs, and what was told before they were begun."""

    basis: str
    cells: tuple[tuple[str, str, float | None, int, str], ...]
    told: tuple[str, ...]


def basis_of(suite: Suite, asked: Mapping[str, object], datasets: Iterable[str]) -> str:
    """Digest all that a plan hangs on: what is asked, the suite, the code, the data; empty where that is not known."""
    if not all(map(code_of_shipped, suite.methods)):  # a plug-in's code is known when it is loaded
        return ""
    root = Path(source.__file__).parent
    methods = Path(next(iter(import_module("kgprism.methods").__path__)))
    code = [stamps(folder, ".py") for folder in (root, methods)]
    data = [(name, state_of(name)) for name in dict.fromkeys(datasets)]
    if None in code or any(state is None for _, state in data):
        return ""
    return digest(version("kgprism"), sys.version, code, data, suite.model_dump(mode="json"), dict(asked))


def recall(folder: Path, basis: str, store: Store) -> tuple[list[Cell], list[str]] | None:
    """Return the cells that were planned on this basis, if all are still finished, and what was told of them.

    Their manifest is in `folder`.
    """
    known = None
    with suppress(DataError):  # it is planned anew
        known = read(folder / FILE, Finished)
    if not basis or known is None or known.basis != basis:
        return None
    manifest = load_manifest(folder)
    cells = {(*cell.place, cell.run.id): cell for cell in manifest.cells} if manifest else {}
    found = [cells[place] for place in known.cells if place in cells]
    whole = len(found) == len(known.cells) and all(store.has(run_id) for run_id in {cell.run.id for cell in found})
    return (found, list(known.told)) if whole else None


def remember(folder: Path, basis: str, cells: Sequence[Cell], told: Iterable[str]) -> None:
    """Keep what was planned, all of which has finished; what cannot be kept is planned again."""
    if basis:
        known = Finished(basis=basis, cells=tuple((*cell.place, cell.run.id) for cell in cells), told=tuple(told))
        with suppress(OSError), replacing(folder / FILE) as scratch:
            scratch.write_text(known.model_dump_json(), encoding="utf-8")
