"""The searches of a suite: one for each row and panel, from the row's frozen settings with its first seed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from kgprism.platform.configuration import Overrides, digest
from kgprism.platform.data.graph import Dataset
from kgprism.platform.errors import ConfigurationError
from kgprism.platform.studies.fair.keys import narrowed, parts, tuned
from kgprism.platform.studies.reports.notes import group
from kgprism.platform.studies.search.request import Request, request
from kgprism.platform.studies.search.spaces.space import Space
from kgprism.platform.studies.statistics.evidence import Place
from kgprism.platform.studies.suites.cells import Cell
from kgprism.platform.studies.suites.suite import Suite
from kgprism.platform.training.run import Run, plan

#: Bytes of a study's name before its digits: longer ones are cut.
_LONGEST = 70


@dataclass(frozen=True)
class Search:
    """What is tuned of a row on a panel: nothing where ``wanted`` is none. ``left`` says of other keys why not.

    ``cells`` are the frozen ones, of which the first has the seed that is tuned with.
    """

    cells: tuple[Cell, ...]
    wanted: Request | None
    left: Mapping[str, str]

    @property
    def place(self) -> Place:
        """The row, the dataset and the seed ratio."""
        first = self.cells[0]
        return first.variant, first.dataset, first.seed_ratio

    @property
    def frozen(self) -> Run:
        """The row's run as it is, with the seed that is tuned with."""
        return self.cells[0].run

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys that are tuned."""
        return tuple(self.wanted.space.params) if self.wanted else ()

    def cells_with(self, chosen: Overrides) -> list[Cell]:
        """Return the cells of all seeds with what was chosen; as they are where that is nothing."""
        if not chosen or self.wanted is None:
            return list(self.cells)
        asked = self.wanted
        return [
            replace(
                cell,
                run=plan(asked.space.method, asked.dataset, cell.seed, asked.overrides, chosen, preset=asked.preset),
            )
            for cell in self.cells
        ]


def searches(
    suite: Suite,
    cells: Sequence[Cell],
    datasets: Mapping[str, Dataset],
    *,
    overrides: Overrides | None = None,
    preset: str | None = None,
    called: str | None = None,
) -> list[Search]:
    """Return what is to be tuned for these cells, panel by panel in the suite's order of rows.

    Raises:
        ConfigurationError: what the suite says of it, naming file, line and column; or no pairs to choose by.
    """
    spaces = tuned(suite, called)
    rows = {variant.id: variant for variant in suite.variants}
    found = []
    for (row, dataset, _), some in group(cells).items():
        method, given = suite.composed(rows[row], preset)
        first = min(some, key=lambda cell: list(dict.fromkeys(c.seed for c in cells)).index(cell.seed))
        ordered = (first, *(cell for cell in some if cell is not first))
        wanted, left = None, dict[str, str]()
        if space := spaces.get(method):
            params, left = parts(suite, rows[row], space, first.run.configuration, overrides or {})
            if params:
                asked = narrowed(space, params).model_copy(update={"preset": given})
                wanted = _request(asked, ordered[0], datasets[dataset])
        found.append(Search(ordered, wanted, left))
    return found


def _request(space: Space, cell: Cell, dataset: Dataset) -> Request:
    """Return the search around a frozen run, called after its suite, row and panel, and by all that decides it."""
    run, preset = cell.run, space.preset
    usual = plan(run.method, dataset, run.seed, preset=preset).configuration
    kept = {key: value for key, value in run.configuration.items() if key not in space.params}
    given = {key: value for key, value in kept.items() if key not in usual or usual[key] != value}
    frozen = {key: run.configuration[key] for key in space.params if key in run.configuration}
    try:
        same = plan(run.method, dataset, run.seed, given, frozen, preset=preset).id == run.id
    except ConfigurationError:
        same = False
    asked = request(space, dataset, preset=preset, overrides=given if same else kept, seed=run.seed)
    panel = cell.dataset if cell.seed_ratio is None else f"{cell.dataset}-{cell.seed_ratio:g}"
    name = f"{space.space}-{cell.variant}-{panel}".encode()[:_LONGEST].decode(errors="ignore")
    return replace(asked, name=f"{name}-{digest(asked.identity, cell.variant)}")
