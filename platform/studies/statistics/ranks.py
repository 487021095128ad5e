"""The ranks of single queries, and the numbers that a protocol makes of a run."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from kgprism.platform.settings import METRICS, Metric
from kgprism.platform.studies.store.record import RANKS, Record
from kgprism.platform.studies.suites.protocol import Protocol

#: Which ends of a query a direction counts.
ENDS: Mapping[str, tuple[str, ...]] = {"mean": ("l2r", "r2l", "head", "tail")}


class Ranks:
    """The ranks of finished runs, ``(ends, queries)``: each file is read once, whatever is made of it."""

    def __init__(self) -> None:
        self._read: dict[tuple[Path, Protocol], np.ndarray] = {}

    def __call__(self, record: Record, protocol: Protocol) -> np.ndarray:
        """Return a run's ranks of what a protocol counts; nothing where they are not kept."""
        key = record.folder, protocol
        if key not in self._read:
            self._read[key] = _ranks(record, protocol)
        return self._read[key]


def value(record: Record, protocol: Protocol, metric: Metric, ranks: Ranks | None = None) -> float | None:
    """Return a run's test metric; none where that selection was not made, or what is asked for was not kept."""
    optimistic = protocol.ties == "optimistic"
    name = f"test/{protocol.direction}/{metric}{'_optimistic' if optimistic else ''}"
    found = record.metric(protocol.select, name)
    if found is None and optimistic and protocol.select in record.selections:  # two metrics are kept so, ranks are all
        kept = (ranks or Ranks())(record, protocol)
        return float(scores(kept, metric).mean()) if len(kept) else None
    return found


def scores(ranks: np.ndarray, metric: Metric) -> np.ndarray:
    """Return what each query counts, ``(queries,)``: the mean over its ends."""
    return np.asarray(METRICS[metric].of(ranks.astype(np.float64)), np.float64).mean(0)


def _ranks(record: Record, protocol: Protocol) -> np.ndarray:
    if not (record.folder / RANKS).exists():  # a table may be shown of what is left of a run
        return np.zeros((0, 0))
    stored = record.ranks(protocol.select, protocol.ties)
    names = [f"{end}/{protocol.ties}" for end in ENDS.get(protocol.direction, (protocol.direction,))]
    ends = [stored[name] for name in names if name in stored]
    return np.stack(ends) if ends and len({len(one) for one in ends}) == 1 else np.zeros((0, 0))
