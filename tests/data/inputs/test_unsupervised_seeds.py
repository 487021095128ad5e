from dataclasses import replace

import numpy as np
import pytest
import torch

from kgprism.platform.data.catalogue import toy
from kgprism.platform.data.inputs.features import join
from kgprism.platform.data.inputs.joint import JointGraph
from kgprism.platform.data.inputs.unsupervised_seeds import unsupervised
from kgprism.platform.errors import DataError
from kgprism.platform.settings import AlignmentData


def graph(left: list[float], right: list[float], present: list[bool] | None = None) -> JointGraph:
    """Entities as directions in the plane, given by their angles in degrees."""
    angles = torch.tensor([*left, *right]).deg2rad()
    features = {"image": torch.stack([angles.cos(), angles.sin()], 1)}
    there = {"image": torch.tensor(present or [True] * len(angles))}
    return JointGraph(len(left), len(right), 1, torch.zeros(0, 3, dtype=torch.long), features, there)


def test_the_most_alike_are_paired_first_and_nobody_twice():
    # Distances: 1-0 is 1 degree, 1-1 is 4, 0-0 is 9 (0 is taken), 0-1 is 14, 2-2 is 60.
    found = unsupervised(graph([0, 10, 100], [9, 14, 160]), "image", 3)
    assert found.tolist() == [[1, 0], [0, 1], [2, 2]]
    assert unsupervised(graph([0, 10, 100], [9, 14, 160]), "image", 1).tolist() == [[1, 0]]


def test_only_a_hundred_similarities_a_pair_are_looked_through():
    # One left entity next to all of 150 right ones: its hundred highest similarities name it only.
    crowd = [0.1 * place for place in range(150)]
    assert unsupervised(graph([0, 180], crowd), "image", 1).tolist() == [[0, 0]]
    assert len(unsupervised(graph([0, 180], crowd), "image", 2)) == 2
    assert len(unsupervised(graph([0, 180], [0.05 * place for place in range(250)]), "image", 2)) == 1


@pytest.mark.parametrize("chunk", [1, 3, 100])
def test_chunks_do_not_matter(chunk: int):
    draw = torch.Generator().manual_seed(0)
    left, right = (360 * torch.rand(7, generator=draw) for _ in range(2))
    one = graph(left.tolist(), right.tolist())
    found = unsupervised(one, "image", 5, chunk=chunk)
    cosines = (torch.cos((left[:, None] - right).deg2rad())).numpy()
    expected: list[tuple[int, int]] = []
    for place in np.argsort(-cosines, axis=None):
        i, j = divmod(int(place), 7)
        if len(expected) < 5 and i not in {a for a, _ in expected} and j not in {b for _, b in expected}:
            expected.append((i, j))
    assert [tuple(pair) for pair in found.tolist()] == expected


@pytest.mark.parametrize("chunk", [1, 2, 100])
def test_what_is_equal_in_truth_is_taken_in_order(chunk: int):
    # The same direction at six lengths: float32 rounds the nine cosines of 1 to three different numbers.
    draw = torch.randn(16, generator=torch.Generator().manual_seed(0))
    rows = torch.tensor([0.1, 0.7, 3.0, 0.3, 11.0, 1.9])[:, None] * draw
    one = replace(graph([0, 0, 0], [0, 0, 0]), features={"image": rows})
    unit = torch.nn.functional.normalize(rows)
    assert len((unit[:3] @ unit[3:].T).unique()) > 1
    assert unsupervised(one, "image", 3, chunk=chunk).tolist() == [[0, 0], [1, 1], [2, 2]]


def test_vectors_that_were_filled_in_can_be_left_out():
    one = graph([0, 90], [1, 91], [False, True, True, True])
    assert unsupervised(one, "image", 2).tolist() == [[0, 0], [1, 1]]
    assert unsupervised(one, "image", 1, among="present").tolist() == [[1, 1]]
    nobody = graph([0], [1], [False, False])
    assert unsupervised(nobody, "image", 1, among="present").shape == (0, 2)


def test_features_that_are_not_there_are_named():
    with pytest.raises(DataError, match=r"no imag features to find seed pairs by .did you mean 'image'"):
        unsupervised(graph([0], [1]), "imag", 1)


def test_pairs_of_toy_are_right_far_above_chance():
    graphs = toy.aligned()
    joint = join(graphs, AlignmentData(), 0, {"image"})
    found = unsupervised(joint, "image", 50, among="present")
    right = set(map(tuple, graphs.pairs.tolist()))
    assert len(found) == 50
    assert len(np.unique(found[:, 0])) == len(np.unique(found[:, 1])) == 50
    share = sum(tuple(pair) in right for pair in found.tolist()) / 50
    assert share > 20 / len(graphs.right.entities)
