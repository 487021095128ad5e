"""What a suite's runs tell while they are carried out, and those that are finished already: they need no Ray."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from kgprism.platform.studies.reports.board.folders import cell_folder, shows
from kgprism.platform.studies.store.runs import Store
from kgprism.platform.studies.suites.cells import Cell

if TYPE_CHECKING:
    from kgprism.platform.training.outcome import Row


@dataclass(frozen=True)
class Event:
    """Something that happened to a run and so to all of its cells. ``row`` belongs to ``epoch``."""

    kind: Literal["reused", "queued", "waiting", "started", "epoch", "finished", "failed", "retried"]
    cells: tuple[Cell, ...]
    row: "Row | None" = None
    reason: str = ""


Listener = Callable[[Event], None]


def by_run(cells: Iterable[Cell]) -> dict[str, list[Cell]]:
    """Return the cells of each run, in the order of the first."""
    grouped: dict[str, list[Cell]] = {}
    for cell in cells:
        grouped.setdefault(cell.run.id, []).append(cell)
    return grouped


def reuse(grouped: Mapping[str, list[Cell]], store: Store, events: Path | None, tell: Listener) -> list[str]:
    """Say which runs are finished, write the curves of theirs that are missing, and return the other runs."""
    todo = []
    for run_id, same in grouped.items():
        finished = store.has(run_id)
        tell(Event("reused" if finished else "queued", tuple(same)))
        if finished:
            write_curves(store, run_id, same, events)
        else:
            todo.append(run_id)
    return todo


def write_curves(store: Store, run_id: str, cells: Iterable[Cell], events: Path | None) -> None:
    """Write a finished run's curves for each of its cells."""
    if events is None:
        return
    places = [(cell_folder(events, cell), cell.variant) for cell in cells]
    lacking = [(place, variant) for place, variant in places if not shows(place, run_id)]
    if record := store.read(run_id) if lacking else None:
        from kgprism.platform.studies.reports.board.tensorboard import write_run  # here, as curves are mostly there

        for place, variant in lacking:
            write_run(place, record, {"variant": variant})
