"""The split of the papers' code, the source's own split, and what is held out."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from kgprism.platform.data.graph import AlignedGraphs, MultiModalGraph
from kgprism.platform.data.inputs.split import split
from kgprism.platform.errors import ConfigurationError, DataError
from kgprism.platform.settings import AlignmentData

REAL = Path(__file__).parents[4] / "shared" / "data"


def graphs(count: int, **published: np.ndarray) -> AlignedGraphs:
    empty = MultiModalGraph([], [], np.zeros((0, 3), np.int64))
    pairs = np.stack([np.arange(count), np.arange(count)[::-1]], 1)
    return AlignedGraphs("small", empty, empty, pairs, published)


def rows(pairs: np.ndarray) -> set[tuple[int, ...]]:
    return {tuple(pair) for pair in pairs.tolist()}


def test_seeded_is_the_shuffle_of_the_papers() -> None:
    small = graphs(101)
    found = split(small, AlignmentData(seed_ratio=0.3), 0.0, seed=2023)
    listed = small.pairs.tolist()
    np.random.seed(2023)
    np.random.shuffle(listed)
    assert found.train.tolist() == listed[:30]
    assert found.test.tolist() == listed[30:]
    assert found.valid.shape == (0, 2)


@pytest.mark.parametrize(
    ("count", "ratio", "train"),
    [
        (12846, 0.2, 2569),
        (12846, 0.5, 6423),
        (12846, 0.8, 10276),
        (11199, 0.2, 2239),
        (11199, 0.5, 5599),
        (11199, 0.8, 8959),
        (15000, 0.3, 4500),
        (15000, 0.2, 3000),
    ],
)
def test_sizes_of_the_papers(count: int, ratio: float, train: int) -> None:
    found = split(graphs(count), AlignmentData(seed_ratio=ratio), 0.0, seed=1)
    assert (len(found.train), len(found.test)) == (train, count - train)


def test_test_pairs_do_not_depend_on_what_is_held_out() -> None:
    small = graphs(200)
    whole = split(small, AlignmentData(seed_ratio=0.5), 0.0, seed=5)
    parted = split(small, AlignmentData(seed_ratio=0.5), 0.1, seed=5)
    assert (whole.test == parted.test).all()
    assert (len(parted.train), len(parted.valid)) == (90, 10)
    assert rows(parted.train) | rows(parted.valid) == rows(whole.train)
    assert rows(parted.valid) != rows(whole.train[:10])
    assert not rows(parted.valid) & rows(parted.test)


def test_split_seed_wins_over_the_seed_of_the_run() -> None:
    settings = AlignmentData(split_seed=7)
    first, second = (split(graphs(100), settings, 0.2, seed) for seed in (1, 2))
    other = split(graphs(100), AlignmentData(), 0.2, seed=1)
    assert (first.test == second.test).all()
    assert (first.valid == second.valid).all()
    assert (first.test != other.test).any()


def test_input_stays_as_it_was() -> None:
    small = graphs(50)
    before = small.pairs.copy()
    split(small, AlignmentData(), 0.1, seed=3)
    assert (small.pairs == before).all()


def test_published_is_taken_as_it_is() -> None:
    parts = {
        name: np.array([[i, i + 1] for i in chosen]) for name, chosen in {"train": range(20), "test": [31]}.items()
    }
    settings = AlignmentData(split="published")
    found = split(graphs(40, **parts), settings, 0.1, seed=0)
    assert (found.test == parts["test"]).all()
    assert len(found.valid) == 2
    assert rows(found.train) | rows(found.valid) == rows(parts["train"])
    own = split(graphs(40, **parts, valid=np.array([[39, 0]])), settings, 0.1, seed=0)
    assert own.valid.tolist() == [[39, 0]]
    assert (own.train == parts["train"]).all()


@pytest.mark.parametrize("part", ["train", "test"])
def test_a_published_part_without_pairs_is_refused(part: str) -> None:
    parts = {name: np.array([[i, i]]) for i, name in enumerate(("train", "valid", "test"))}
    parts[part] = np.zeros((0, 2), np.int64)
    with pytest.raises(DataError, match=rf"small: the published {part} part holds no pair: use data\.split=seeded"):
        split(graphs(40, **parts), AlignmentData(split="published"), 0.1, seed=0)


def test_published_needs_a_source_that_has_one() -> None:
    with pytest.raises(DataError, match=r"small: the source has no split of its own, use data\.split=seeded"):
        split(graphs(40), AlignmentData(split="published"), 0.1, seed=0)


def test_a_pair_must_be_left_to_train_on() -> None:
    assert len(split(graphs(10), AlignmentData(), 0.1, seed=0).valid) == 1
    with pytest.raises(ConfigurationError, match="1 seed pairs, 1 held out"):
        split(graphs(5), AlignmentData(), 0.1, seed=0)
    with pytest.raises(ConfigurationError, match="0 seed pairs, 0 held out"):
        split(graphs(4), AlignmentData(), 0.0, seed=0)


def test_seed_beyond_the_old_generator() -> None:
    with pytest.raises(ConfigurationError, match=r"below 2\*\*32, got 4294967296"):
        split(graphs(50), AlignmentData(), 0.0, seed=2**32)


@pytest.mark.real
@pytest.mark.parametrize(("folder", "train", "test"), [("FB15K-DB15K", 2569, 10277), ("FB15K-YAGO15K", 2239, 8960)])
def test_real_sizes(folder: str, train: int, test: int) -> None:
    file = REAL / folder / "pairs.tsv"
    if not file.exists():
        pytest.skip(f"{file} is not here")
    empty = MultiModalGraph([], [], np.zeros((0, 3), np.int64))
    real = AlignedGraphs(folder, empty, empty, pd.read_csv(file, sep="\t", header=None).to_numpy())
    found = split(real, AlignmentData(), 0.0, seed=2023)
    assert (len(found.train), len(found.test)) == (train, test)
