"""Seed pairs that nobody labelled: what is trained on, what chooses the epoch, what is judged."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from kgprism.platform.data.catalogue import toy
from kgprism.platform.data.graph import AlignedGraphs, Features, MultiModalGraph
from kgprism.platform.errors import ConfigurationError, DataError
from kgprism.platform.method import Alignment
from kgprism.platform.settings import AlignmentData, AlignmentEvaluation, Probation, Unsupervised
from kgprism.platform.tasks.alignment import AlignmentTask
from kgprism.platform.training.run import execute, plan

PAIRS = 60
NOTHING = np.zeros((0, 3), np.int64)


def graphs(partners: np.ndarray, published: bool = False) -> AlignedGraphs:
    """Pairs whose right image is a copy of the image of the left entity `partners` names; 5 more entities a side."""
    draw = np.random.default_rng(1)
    images = draw.normal(size=(PAIRS, 16)).astype(np.float32)
    # Entities of no pair look like nobody: their pictures are in coordinates of their own.
    left = np.zeros((PAIRS + 5, 26), np.float32)
    right = left.copy()
    left[:PAIRS, :16], right[:PAIRS, :16] = images, images[partners]
    left[PAIRS:, 16:21], right[PAIRS:, 21:] = np.eye(5), np.eye(5)
    sides = [
        MultiModalGraph([f"{side}{n}" for n in range(PAIRS + 5)], [], NOTHING, features={"image": there(values)})
        for side, values in (("l", left), ("r", right))
    ]
    # Right entity n is the partner of left entity `TRUE[n]`.
    pairs = np.stack([TRUE, np.arange(PAIRS)], 1)
    splits = {"train": pairs[:20], "valid": pairs[20:30], "test": pairs[30:]} if published else {}
    return AlignedGraphs("small", *sides, draw.permutation(pairs), splits)


def there(values: np.ndarray) -> Features:
    return Features(np.arange(len(values)), values)


TRUE = np.random.default_rng(0).permutation(PAIRS)
#: Copies of other entities: no pair that looks alike is one.
WRONG = np.roll(TRUE, 1)


def task(data: AlignedGraphs, seed: int = 0, valid_ratio: float = 0.1, **settings: Any) -> AlignmentTask:
    evaluation = AlignmentEvaluation(valid_ratio=valid_ratio, select="valid" if valid_ratio else "last")
    config = Alignment.Config(data=AlignmentData(**settings), eval=evaluation, pseudo_pairs=Probation(start=0))
    return AlignmentTask(data, config, seed)


def local(pairs: np.ndarray) -> set[tuple[int, int]]:
    return {(int(left), int(right) - PAIRS - 5) for left, right in pairs}


def test_permuted_copies_are_found_exactly() -> None:
    data = graphs(TRUE)
    found = task(data, seeds=Unsupervised(count=PAIRS))
    assert local(found.train) | local(found.pairs["valid"]) == {(int(a), int(b)) for a, b in data.pairs}
    assert (len(found.train), len(found.pairs["valid"])) == (54, 6)
    few = task(data, valid_ratio=0.0, seeds=Unsupervised(count=7))
    assert len(few.train) == 7
    assert local(few.train) < {(int(a), int(b)) for a, b in data.pairs}
    assert few.splits == ("test",)


@pytest.mark.parametrize("ratio", [0.2, 0.3])
def test_the_judged_pairs_stay_the_usual_ones(ratio: float) -> None:
    data = graphs(TRUE)
    usual, other = task(data, seed_ratio=ratio), task(data, seed_ratio=ratio, seeds=Unsupervised(count=20))
    assert len(usual.pairs["test"]) == PAIRS - int(ratio * PAIRS)
    assert (usual.pairs["test"] == other.pairs["test"]).all()
    assert (task(data, seed=1, seed_ratio=ratio).pairs["test"] != usual.pairs["test"]).any()


@pytest.mark.parametrize("split", ["seeded", "published"])
def test_no_true_pair_trains_or_chooses_the_epoch(split: str) -> None:
    data = graphs(WRONG, published=True)
    found = task(data, split=split, seeds=Unsupervised(count=PAIRS))
    true = {(int(a), int(b)) for a, b in data.pairs}
    assert len(found.train) + len(found.pairs["valid"]) == PAIRS
    assert not true & (local(found.train) | local(found.pairs["valid"]))
    assert local(found.pairs["test"]) <= true
    if split == "published":
        assert local(found.pairs["test"]) == {(int(a), int(b)) for a, b in data.published["test"]}


def test_pseudo_pairs_join_the_seeds_that_were_found() -> None:
    found = task(graphs(TRUE), seeds=Unsupervised(count=30))
    before = len(found.train)
    found.accept(np.array([[1, PAIRS + 6]]))
    assert len(found.trained) == before + 1


def test_vectors_that_were_filled_in_are_left_out_if_asked_for() -> None:
    data = graphs(TRUE)
    shown = np.arange(10)
    few = replace(
        data, **{side: replace(graph, features={"image": of(graph, shown)}) for side, graph in sides(data).items()}
    )
    found = task(few, valid_ratio=0.0, seeds=Unsupervised(count=PAIRS, among="present"))
    assert len(found.train) == 10
    assert {n for pair in local(found.train) for n in pair} == set(range(10))
    assert len(task(few, valid_ratio=0.0, seeds=Unsupervised(count=PAIRS)).train) > 10


def sides(data: AlignedGraphs) -> dict[str, MultiModalGraph]:
    return {"left": data.left, "right": data.right}


def of(graph: MultiModalGraph, shown: np.ndarray) -> Features:
    return Features(shown, graph.features["image"].values[shown])


def test_no_features_and_no_pairs_are_named() -> None:
    with pytest.raises(DataError, match=r"data\.seeds\.modality=name: small has no name features"):
        task(graphs(TRUE), seeds=Unsupervised(modality="name"))
    with pytest.raises(ConfigurationError, match="1 seed pairs, 1 held out: none is left to train on"):
        task(graphs(TRUE), seeds=Unsupervised(count=1))


def test_seeds_are_part_of_a_runs_identity() -> None:
    data = toy.aligned()
    kinds = [
        {},
        {"data.seeds": "unsupervised"},
        {"data.seeds": "unsupervised", "data.seeds.count": 50},
        {"data.seeds": "unsupervised", "data.seeds.modality": "char"},
        {"data.seeds": "unsupervised", "data.seeds.among": "present"},
    ]
    assert len({plan("mclea", data, 0, overrides).id for overrides in kinds}) == len(kinds)
    assert plan("mclea", data, 0, {"data.seeds": "none"}).id == plan("mclea", data, 0).id
    with pytest.raises(ConfigurationError, match=r"data\.seeds\.modality"):
        plan("mclea", data, 0, {"data.seeds": "unsupervised", "data.seeds.modality": "relation"})


def test_a_run_without_seeds_beats_chance() -> None:
    data = toy.aligned()
    small = {
        "modalities": ["image", "attribute", "relation", "name", "char"],
        "table_width": 16,
        "image_width": 16,
        "modal_width": 16,
        "data.seeds": "unsupervised",
        "data.seeds.modality": "name",
        "data.seeds.count": 100,
        "train.epochs": 8,
        "train.learning_rate": 1e-2,
        "eval.every": 4,
        "pseudo_pairs.start": 4,
        "pseudo_pairs.every": 2,
        "pseudo_pairs.window": 4,
        "pseudo_pairs.commit": 4,
    }
    run = plan("mclea", data, 0, small)
    assert not [note for note in run.notes if "choose the epoch" not in note]
    outcome = execute(run, data)
    assert set(outcome.selections) == {"valid", "best_test", "last"}
    chosen = outcome.selections["valid"]
    # 280 pairs are asked for: chance is 1 / 280.
    assert len(chosen.ranks["l2r/realistic"]) == 280
    assert chosen.metrics["test/l2r/hits_at_1"] > 20 / 280
    assert "valid/l2r/mrr" in chosen.metrics
