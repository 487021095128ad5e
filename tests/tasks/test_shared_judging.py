"""Several workers judge what one would."""

import numpy as np
import pytest
import torch

from kgprism.platform.tasks.alignment import counted


@pytest.mark.parametrize("workers", [2, 3, 50])
def test_workers_share_the_left_entities_and_their_counts_add_up(workers: int) -> None:
    draw = np.random.default_rng(9)
    table = torch.from_numpy(draw.integers(-1, 2, (40, 6))).float()  # many ties
    pairs = np.stack([draw.integers(20, size=60), draw.integers(20, 40, size=60)], 1)  # several partners each
    shares = [counted(table, pairs, 3, 2, worker, workers) for worker in range(workers)]
    assert torch.equal(torch.stack(shares).sum(0), counted(table, pairs, 3, 1000))
    # A left entity is one worker's: its true partner, which equals itself, is counted there only.
    assert torch.equal(torch.stack(shares)[:, 0, 1].clamp_max(1).sum(0), torch.ones(60))
