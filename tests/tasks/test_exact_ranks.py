"""Float32 tiles give the ranks of the exact products, whatever is equal or nearly so and however the work is cut."""

import numpy as np
import pytest
import torch
from torch import Tensor

from kgprism.platform.errors import RunError
from kgprism.platform.tasks import cosines, counts, csls
from kgprism.platform.tasks.alignment import counted
from kgprism.platform.tasks.cosines import Cosines, unit
from kgprism.platform.tasks.nearest import Nearest

STEP = 2.0**-24


def drawn(kind: str, entities: int, width: int, seed: int) -> Tensor:
    """Return embeddings ``(entities, width)`` of which many are hard to tell apart."""
    draw = np.random.default_rng(seed)
    rows = draw.standard_normal((entities, width))
    if kind == "few values":
        rows = draw.integers(-1, 2, (entities, width)).astype(float)
    elif kind == "repeated":
        rows = rows[draw.integers(0, entities // 3 + 1, entities)]
    elif kind == "zeros":
        rows[draw.random(entities) < 0.3] = 0
    elif kind == "some alike":
        rows[draw.random(entities) < 0.02] = 0
        rows[draw.random(entities) < 0.1] = rows[0]
    elif kind == "one step apart":
        rows = np.repeat(rows[:1] / np.linalg.norm(rows[0]), entities, 0)
        rows[np.arange(entities), draw.integers(0, width, entities)] += draw.integers(-1, 2, entities) * STEP
    elif kind == "constant":
        rows[:] = rows[0]
    elif kind == "narrow cone":
        rows = 0.01 * rows + rows[0]
    return torch.from_numpy(rows.astype(np.float32))


KINDS = ("spread", "few values", "repeated", "zeros", "some alike", "one step apart", "constant", "narrow cone")


def exactly(table: Tensor, pairs: np.ndarray, k: int) -> Tensor:
    """Count all at once by float64 products, ``(2, 2, pairs)``."""
    lefts, i = np.unique(pairs[:, 0], return_inverse=True)
    rights, j = np.unique(pairs[:, 1], return_inverse=True)
    cosine = unit(table[lefts]).double() @ unit(table[rights]).double().T
    k = min(k, *cosine.shape)
    around = [cosine.topk(k, side).values.sum(side, keepdim=True) for side in (1, 0)]
    score = (2 * max(k, 1) * cosine - around[0] - around[1]).numpy()
    partners = {(row, column) for row, column in zip(i, j, strict=True)}
    found = np.zeros((2, 2, len(pairs)), np.int64)
    for number, (row, column) in enumerate(zip(i, j, strict=True)):
        truth = score[row, column]
        candidates = [c for c in range(len(rights)) if c == column or (row, c) not in partners]
        queries = [r for r in range(len(lefts)) if r == row or (r, column) not in partners]
        for direction, scores in enumerate((score[row, candidates], score[queries, column])):
            found[direction, :, number] = (scores > truth).sum(), (scores == truth).sum()
    return torch.from_numpy(found)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("k", "chunk", "workers"), [(0, 7, 1), (1, 1, 1), (3, 7, 3), (3, 5000, 1), (10, 64, 2), (500, 40, 1)]
)
@pytest.mark.parametrize("several", [False, True])
def test_counts_are_those_of_exact_products(kind: str, k: int, chunk: int, workers: int, several: bool) -> None:
    draw = np.random.default_rng(3)
    size = 180 if k < 180 else 25  # float64 holds sums of so many cosines
    table = drawn(kind, size + 220, 33, seed=k)
    pairs = np.stack([draw.permutation(size), size + draw.permutation(220)[:size]], 1)
    if several:
        pairs = np.stack([draw.integers(0, size, 250), size + draw.integers(0, 220, 250)], 1)
    shares = [counted(table, pairs, k, chunk, worker, workers) for worker in range(workers)]
    assert torch.equal(sum(shares[1:], shares[0]).long(), exactly(table, pairs, k))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("kept", [True, False])
def test_many_tiles_and_slices_of_the_width(kind: str, kept: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(cosines.TILE, "cpu", (64, 128))
    if not kept:
        monkeypatch.setattr(csls, "KEPT", 0)
        monkeypatch.setattr(counts, "TOGETHER", 100)
    draw = np.random.default_rng(4)
    table = drawn(kind, 900, 700, seed=1)
    pairs = np.stack([draw.permutation(400), 400 + draw.permutation(500)[:400]], 1)
    assert torch.equal(counted(table, pairs, 3, 2048).long(), exactly(table, pairs, 3))


@pytest.mark.parametrize("chunk", [1, 33, 100])
def test_tiles_that_are_kept_take_no_more_memory_than_they_may(chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csls, "KEPT", 256 * 128)
    left, right = (unit(drawn("spread", 100, 4, seed)) for seed in (1, 2))
    kept = csls.Csls(left, right, 3, chunk).kept
    assert sum(tile.untyped_storage().nbytes() for tile in kept.values()) <= 4 * csls.KEPT
    assert bool(kept) == (chunk > 1)  # a row alone takes the place of a group
    table = torch.cat([left, right])
    pairs = np.stack([np.arange(100), 199 - np.arange(100)], 1)
    assert torch.equal(counted(table, pairs, 3, chunk).long(), exactly(table, pairs, 3))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("k", [1, 3, 12, 90])
def test_the_nearest_are_the_highest_of_exact_products(kind: str, k: int) -> None:
    rows = unit(drawn(kind, 1990, 20, seed=2))
    both = Cosines(rows[:1100], rows[1100:])
    nearest = [Nearest(both, side, k) for side in (0, 1)]
    into, work = both.scratch(), both.scratch()
    for lines in both.rows(400):
        for columns in both.columns():
            tile = both.multiply(lines, columns, into, work)
            nearest[0].add(tile[: lines.stop - lines.start], lines, columns.start)
            nearest[1].add(tile[:, : columns.stop - columns.start].T, columns, lines.start)
    product = rows[:1100].double() @ rows[1100:].double().T
    for side, found in enumerate(nearest):
        assert torch.equal(found.highest(), (product, product.T)[side].topk(k, 1).values)


@pytest.mark.parametrize("width", [1, 5, 320, 321, 2400])
@pytest.mark.parametrize("kind", ["spread", "constant", "one step apart"])
def test_no_number_of_a_tile_is_further_from_the_truth_than_the_margin(width: int, kind: str) -> None:
    rows = unit(drawn(kind, 70, width, seed=5).abs())  # no two products cancel out
    both = Cosines(rows[:30], rows[30:])
    tile = both.multiply(slice(0, 30), slice(0, 40), both.scratch(), both.scratch())
    error = (tile[:30, :40].double() - rows[:30].double() @ rows[30:].double().T).abs().max()
    assert error <= both.margin < 3e-5
    assert (tile[30:] == -torch.inf).all()
    assert (tile[:, 40:] == -torch.inf).all()


def test_products_stay_float32_where_the_rest_does_not() -> None:
    rows = unit(drawn("spread", 200, 64, seed=6))
    both = Cosines(rows[:100], rows[100:])
    product = rows[:100].double() @ rows[100:].double().T
    before = torch.get_float32_matmul_precision()
    try:
        torch.set_float32_matmul_precision("medium")
        with torch.autocast("cpu", torch.bfloat16):
            tile = both.multiply(slice(0, 100), slice(0, 100), both.scratch(), both.scratch())
        assert torch.get_float32_matmul_precision() == "medium"
    finally:
        torch.set_float32_matmul_precision(before)
    assert (tile[:100, :100].double() - product).abs().max() <= both.margin


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_embeddings_that_are_not_finite_are_refused(value: float) -> None:
    table = drawn("spread", 20, 4, seed=7)
    table[13, 2] = value
    with pytest.raises(RunError, match="not finite"):
        counted(table, np.stack([np.arange(10), np.arange(10, 20)], 1), 3, 4)
    # Nobody asks for that row.
    counted(table, np.stack([np.arange(3), np.arange(10, 13)], 1), 3, 4)
