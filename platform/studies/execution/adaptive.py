"""Seeds where they are needed: rows whose differences still decide nothing get one more at a time."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from kgprism.platform.errors import ConfigurationError
from kgprism.platform.settings import METRICS, Metric, Selection
from kgprism.platform.studies.reports.notes import group
from kgprism.platform.studies.reports.table import known_direction
from kgprism.platform.studies.statistics.evidence import Place, proofs
from kgprism.platform.studies.store.runs import Store
from kgprism.platform.studies.suites.cells import Cell
from kgprism.platform.studies.suites.grid import MOST_SEEDS
from kgprism.platform.studies.suites.protocol import HONEST, Protocol
from kgprism.platform.studies.suites.suite import Suite


@dataclass(frozen=True)
class Seeds:
    """How many seeds: ``least`` for every row, and up to ``most`` for those that are not decided."""

    least: int | None
    most: int | None

    @classmethod
    def parse(cls, word: str | None) -> "Seeds":
        """Read ``3`` or ``adaptive:3-10``.

        Raises:
            ConfigurationError: for anything else.
        """
        if word is None:
            return cls(None, None)
        found = re.fullmatch(r"([0-9]{1,6})|adaptive:([0-9]{1,6})-([0-9]{1,6})", word)
        least, most = (int(found[1] or found[2]), int(found[1] or found[3])) if found else (0, 0)
        if not 1 <= least <= most <= MOST_SEEDS:
            raise ConfigurationError(f"--seeds: expected a number up to {MOST_SEEDS}, or adaptive:3-10; got {word!r}")
        return cls(least, most)

    @property
    def adaptive(self) -> bool:
        """Whether what is found decides how many there are."""
        return self.least != self.most


def asked(
    suite: Suite, every: Sequence[Cell], store: Store, seeds: Seeds, select: Selection | None = None
) -> list[Cell]:
    """Return the cells to carry out by now, of cells with as many seeds as there may be.

    Those of the first seeds; when they are finished or failed, those of the next seed of each row that is undecided,
    with what it is compared with; and so on. It depends on what is finished only, so whoever was killed goes on alike.
    """
    order = list(dict.fromkeys(cell.seed for cell in every))
    first = order[: seeds.least]
    chosen = [cell for cell in every if cell.seed in first]
    for seed in order[len(first) :]:
        if any(store.read(run) is None and store.failure(run) is None for run in {cell.run.id for cell in chosen}):
            break
        more = undecided(suite, chosen, store, select)
        chosen += [
            cell for cell in every if cell.seed == seed and (cell.variant, cell.dataset, cell.seed_ratio) in more
        ]
    return chosen


def without_base(suite: Suite, cells: Sequence[Cell], seeds: Seeds) -> list[str]:
    """Say of rows whose base is not among these cells that they get no more seeds: nothing of them can be decided."""
    rows = dict.fromkeys(cell.variant for cell in cells)
    alone: dict[str, list[str]] = {}
    for row in rows:
        base = suite.base_of(row)
        if base and base not in rows:
            alone.setdefault(base, []).append(row)
    return [
        f"{', '.join(some)}: {seeds.least} seeds and no more, as what to compare with, {base}, is not run"
        for base, some in alone.items()
        if seeds.adaptive
    ]


def undecided(suite: Suite, cells: Sequence[Cell], store: Store, select: Selection | None = None) -> set[Place]:
    """Return the rows whose difference may be there or not, and matter or not; beside each what it is compared with."""
    grouped = group(cells)
    records = {cell.run.id: record for cell in cells if (record := store.read(cell.run.id))}
    metric = _decisive(suite)
    protocol = Protocol(select or "valid", known_direction(suite, None))
    protocol = HONEST if suite.protocol and not select else protocol  # as the table that is shown
    worth = proofs(grouped, records, suite.base_of, lambda row: protocol, [metric])
    found: set[Place] = set()
    for variant, dataset, ratio in grouped:
        known = worth.get((variant, dataset, ratio, metric))
        if known and not known.decided:
            found |= {(variant, dataset, ratio), (suite.base_of(variant), dataset, ratio)}
    return found


def _decisive(suite: Suite) -> Metric:
    """Return the metric that decides: MRR if the table has it, else its first fraction."""
    fractions = [metric for metric in suite.metrics if not METRICS[metric].lowest]
    return "mrr" if "mrr" in fractions or not fractions else fractions[0]
