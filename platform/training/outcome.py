"""What a run leaves behind."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from kgprism.platform.settings import Selection

#: One row an epoch: ``epoch``, ``loss``, ``loss/<term>``, ``rate``, ``seconds``; on evaluated epochs also
#: ``valid/l2r/mrr``, ``test/r2l/hits_at_1`` and so on.
Row = dict[str, float]


@dataclass(frozen=True)
class Chosen:
    """One way to pick the epoch: its metrics on every split and the test ranks of every query."""

    epoch: int
    metrics: Mapping[str, float]
    ranks: Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Outcome:
    """A finished run. ``weights`` are those of the best validation epoch, of the last one where nothing is held out."""

    history: list[Row]
    selections: Mapping[Selection, Chosen]
    weights: Mapping[str, Tensor]
    stopped: str
    seconds: float
    peak_bytes: int
