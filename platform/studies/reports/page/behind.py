"""What stands behind a table: the suite, what was asked of it, and the runs that are finished."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from kgprism.platform.studies.reports.notes import group
from kgprism.platform.studies.statistics.evidence import Place
from kgprism.platform.studies.store.record import Record
from kgprism.platform.studies.store.runs import Store
from kgprism.platform.studies.suites.cells import Cell
from kgprism.platform.studies.suites.suite import Suite

if TYPE_CHECKING:
    from kgprism.platform.studies.reports.figures.chart import Chart
    from kgprism.platform.studies.reports.page.parts import Parts


@dataclass(frozen=True)
class Behind:
    """A suite and its cells; its ``chart`` where it has one, and the table part by part where the data are here."""

    suite: Suite
    cells: Sequence[Cell]
    store: Store
    chart: "Chart | None" = None
    parts: "tuple[Parts, ...]" = ()

    @cached_property
    def places(self) -> Mapping[Place, list[Cell]]:
        """The cells by row and panel, seeds ascending."""
        found = group(self.cells)
        return {place: sorted(some, key=lambda cell: cell.seed) for place, some in found.items()}

    @cached_property
    def records(self) -> Mapping[str, Record]:
        """The finished runs by their identity."""
        ids = dict.fromkeys(cell.run.id for cell in self.cells)
        return {run_id: record for run_id in ids if (record := self.store.read(run_id))}
