"""Pseudo-pairs: windows, commits, mutual nearest neighbours, restarts."""

from collections.abc import Collection

import numpy as np
import pytest
import torch

from kgprism.platform.settings import Probation
from kgprism.platform.tasks.cosines import unit
from kgprism.platform.tasks.probation import Watch, mutual_nearest, restart
from kgprism.platform.tasks.task import Restart

TRAINED = np.array([[0, 4]])
PAIRS = [[1, 5], [2, 6], [3, 7]]


def embeddings(broken: bool) -> torch.Tensor:
    """Four entities a side, each the nearest of its partner; if `broken`, left entity 3 points away from 7."""
    table = torch.eye(4).repeat(2, 1)
    if broken:
        table[3] = torch.tensor([0.0, 0.5, 0.0, -1.0])
    return table


def run(settings: Probation, epochs: int, broken_checks: Collection[int] = ()) -> dict[int, list[list[int]]]:
    """Return what is proposed at which epoch, never accepting; the n-th check of every entity is embedding n."""
    watch, checks, found = Watch(settings, 4, 4), 0, {}

    def embed() -> torch.Tensor:
        nonlocal checks
        checks += 1
        return embeddings(checks in broken_checks)

    for epoch in range(epochs):
        proposal = watch.propose(epoch, TRAINED, embed)
        if proposal is not None:
            found[epoch] = sorted(proposal.tolist())
    return found


def test_ten_checks_must_agree() -> None:
    settings = Probation(start=0, every=5, window=50, commit=50)
    assert run(settings, 50) == {49: PAIRS}
    assert run(settings, 50, broken_checks={10}) == {49: PAIRS[:2]}
    assert run(settings, 50, broken_checks={1}) == {49: PAIRS[:2]}


def test_only_the_last_window_counts() -> None:
    early = {1, 2, 3, 4, 5}
    assert run(Probation(start=0, window=25), 50, early) == {49: PAIRS}
    assert run(Probation(start=0, window=50), 50, early) == {49: PAIRS[:2]}
    assert run(Probation(start=0, window=25), 50, {6}) == {49: PAIRS[:2]}


def test_a_window_that_began_before_the_start_adds_nothing() -> None:
    assert run(Probation(start=20, window=50), 100) == {99: PAIRS}
    assert run(Probation(start=50, window=50), 100) == {99: PAIRS}


def test_checks_run_when_due_and_not_before_the_start() -> None:
    checked: list[int] = []
    watch = Watch(Probation(start=7, every=4, window=8), 4, 4)
    for epoch in range(20):

        def embed(epoch: int = epoch) -> torch.Tensor:
            checked.append(epoch)
            return embeddings(broken=False)

        watch.propose(epoch, TRAINED, embed)
    assert checked == [7, 11, 15, 19]


def test_a_window_of_one_check() -> None:
    assert run(Probation(start=0, every=5, window=5, commit=5), 10) == {4: PAIRS, 9: PAIRS}


def test_trained_entities_take_no_part() -> None:
    # Left 1 and right 4 are alike, but 4 is trained on already; 2 and 6 are as well.
    table = torch.eye(4).repeat(2, 1)
    table[4] = table[1]
    watch = Watch(Probation(start=0, every=1, window=1, commit=1), 4, 4)
    proposal = watch.propose(0, np.array([[0, 4], [2, 6]]), lambda: table)
    assert proposal is not None
    assert proposal.tolist() == [[1, 5], [3, 7]]
    assert watch.propose(1, np.array([[0, 4], [2, 6], [1, 5], [3, 7]]), lambda: table) is None


@pytest.mark.parametrize("chunk", [1, 3, 100])
def test_mutual_nearest_is_the_double_loop(chunk: int) -> None:
    draw = torch.Generator().manual_seed(4)
    left, right = (unit(torch.randn(size, 3, generator=draw)).double() for size in (13, 11))
    left[7] = left[2]
    similarity = (left @ right.T).numpy()
    expected = [
        [i, j] for i in range(13) for j in range(11) if similarity[i].argmax() == j and similarity[:, j].argmax() == i
    ]
    assert len(expected) > 2
    assert mutual_nearest(left, right, chunk).tolist() == expected


def test_nothing_agrees_with_nobody() -> None:
    assert mutual_nearest(torch.zeros(0, 2), torch.zeros(3, 2), 8).shape == (0, 2)
    assert mutual_nearest(torch.zeros(3, 2), torch.zeros(0, 2), 8).shape == (0, 2)


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("every_epoch", [None, Restart(0.5, True), Restart(0.5, True)]),
        ("once", [None, Restart(0.5, True), None]),
        ("never", [None, Restart(0.5, False), None]),
    ],
)
def test_restarts(word: str, expected: list[Restart | None]) -> None:
    settings = Probation.model_validate({"start": 3, "restart": word, "learning_rate_factor": 0.5})
    assert [restart(settings, epoch) for epoch in (2, 3, 4)] == expected
