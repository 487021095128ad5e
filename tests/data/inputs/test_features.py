"""Joint ids, bags of relations and attributes, images and texts that are missing."""

from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import pytest
import torch

from kgprism.platform.data.graph import AlignedGraphs, Features, MultiModalGraph
from kgprism.platform.data.inputs.features import join
from kgprism.platform.data.inputs.missing_images import fill_in, remove_images
from kgprism.platform.errors import ConfigurationError, DataError
from kgprism.platform.seeding import generator
from kgprism.platform.settings import AlignmentData

REAL = Path(__file__).parents[4] / "shared" / "data"
Policy = Literal["normal", "neighbour", "zero"]


def small() -> AlignedGraphs:
    """Left: 5 entities, right: 4. Left entities 0 and 2 and right entity 1 have images, right entity 0 a text."""
    left = MultiModalGraph(
        ["a", "b", "c", "d", "e"],
        ["near", "far"],
        np.array([[0, 0, 1], [1, 0, 2], [1, 1, 1], [2, 1, 1], [0, 1, 1]]),
        ["age", "size"],
        np.array([[0, 1], [0, 1], [3, 0]]),
        {"image": images([0, 2], [[3, 4], [0, 8]]), "text": images([], np.zeros((0, 2)))},
    )
    right = MultiModalGraph(
        ["f", "g", "h", "i"],
        ["near"],
        np.array([[3, 0, 3]]),
        ["weight", "age"],
        np.array([[0, 1], [2, 0]]),
        {"image": images([1], [[6, 0]]), "text": images([0], [[0, -2]])},
    )
    return AlignedGraphs("small", left, right, np.array([[0, 0], [1, 1], [2, 2]]))


def images(entities: list[int], values: object) -> Features:
    return Features(np.array(entities, np.int64), np.array(values, np.float16))


def test_ids_of_the_right_graph_follow_the_left_ones() -> None:
    joint = join(small(), AlignmentData(), 0, [])
    assert (joint.left, joint.right, joint.relations) == (5, 4, 3)
    assert joint.triples.tolist()[-2:] == [[0, 1, 1], [8, 2, 8]]
    assert joint.triples.dtype == torch.long
    assert not joint.features


def test_only_what_is_asked_for_is_built() -> None:
    joint = join(small(), AlignmentData(), 0, {"relation", "text"})
    assert set(joint.features) == set(joint.present) == {"relation", "text"}


def test_relations_are_counted_at_both_ends() -> None:
    joint = join(small(), AlignmentData(top_relations=4), 0, ["relation"])
    # Columns: left far (3 triples), left near (2), right near (1), padding.
    expected = [[1, 1, 0, 0], [4, 2, 0, 0], [1, 1, 0, 0], [0] * 4, [0] * 4, [0] * 4, [0] * 4, [0] * 4, [0, 0, 2, 0]]
    assert joint.features["relation"].tolist() == expected
    assert joint.features["relation"].dtype == torch.float32
    assert joint.present["relation"].tolist() == [True, True, True, False, False, False, False, False, True]


def test_rare_relations_find_no_place() -> None:
    joint = join(small(), AlignmentData(top_relations=1), 0, ["relation"])
    assert joint.features["relation"][:, 0].tolist() == [1, 4, 1, 0, 0, 0, 0, 0, 0]


def test_order_of_the_source_does_not_matter() -> None:
    # "near" and "far" of the left graph are equally frequent: their ids must not decide.
    graphs = small()
    graphs = replace(graphs, left=replace(graphs.left, triples=graphs.left.triples[:4]))
    turned = replace(graphs.left, relations=["far", "near"], triples=graphs.left.triples.copy())
    turned.triples[:, 1] = 1 - turned.triples[:, 1]
    first, second = (
        join(g, AlignmentData(top_relations=1), 0, ["relation"]) for g in (graphs, replace(graphs, left=turned))
    )
    assert torch.equal(first.features["relation"], second.features["relation"])
    assert first.features["relation"][:, 0].tolist() == [0, 3, 1, 0, 0, 0, 0, 0, 0]


def test_attributes_of_one_name_are_one() -> None:
    joint = join(small(), AlignmentData(top_attributes=5), 0, ["attribute"])
    # Columns: age (d and f), size (twice on a, still 1), weight (h), padding.
    expected = np.zeros((9, 5))
    expected[[3, 5], 0] = expected[0, 1] = expected[7, 2] = 1
    assert joint.features["attribute"].tolist() == expected.tolist()
    assert joint.present["attribute"].nonzero()[:, 0].tolist() == [0, 3, 5, 7]


def test_occurrences_decide_which_attributes_are_kept() -> None:
    graphs = small()
    often = replace(graphs.left, attribute_triples=np.array([[0, 1], [0, 1], [0, 1], [3, 0]]))
    joint = join(replace(graphs, left=often), AlignmentData(top_attributes=1), 0, ["attribute"])
    assert joint.features["attribute"][:, 0].tolist() == [1, 0, 0, 0, 0, 0, 0, 0, 0]


def test_missing_texts_are_zero_and_rows_have_length_one() -> None:
    joint = join(small(), AlignmentData(), 0, ["text"])
    expected = np.zeros((9, 2))
    expected[5, 1] = -1
    assert joint.features["text"].tolist() == expected.tolist()
    assert joint.present["text"].tolist() == [False] * 5 + [True] + [False] * 3


def test_neighbours_fill_images_once_a_triple_and_direction() -> None:
    joint = join(small(), AlignmentData(missing_images="neighbour"), 0, ["image"])
    found = joint.features["image"]
    # b: (a near b), (b near c), (c far b), (a far b): the self-loop adds nothing.
    raw = np.array([3 + 0 + 0 + 3, 4 + 8 + 8 + 4]) / 4
    assert torch.allclose(found[1], torch.tensor(raw / np.linalg.norm(raw), dtype=torch.float32))
    assert torch.allclose(found[[0, 2, 6]], torch.tensor([[0.6, 0.8], [0.0, 1.0], [1.0, 0.0]]))
    assert joint.present["image"].tolist() == [True, False, True, False, False, False, True, False, False]
    # d, e, f, h and i have no neighbour with an image.
    assert len(torch.unique(found[[3, 4, 5, 7, 8]], dim=0)) == 1


def test_normal_draws_differ_and_depend_on_the_seed_alone() -> None:
    first, again, other = (join(small(), AlignmentData(), seed, ["image"]).features["image"] for seed in (1, 1, 2))
    assert len(torch.unique(first[[1, 3, 4, 5, 7, 8]], dim=0)) == 6
    assert torch.equal(first, again)
    assert not torch.equal(first[1], other[1])
    assert torch.allclose(first.norm(dim=1), torch.ones(9))


def test_zero_leaves_missing_images_empty() -> None:
    found = join(small(), AlignmentData(missing_images="zero"), 0, ["image"]).features["image"]
    assert found[[1, 3, 4, 5, 7, 8]].eq(0).all()
    assert torch.allclose(found[0], torch.tensor([0.6, 0.8]))


def test_normal_follows_the_moments_of_what_is_known() -> None:
    known = Features(np.arange(2), np.array([[1, 5], [5, 5]], np.float32))
    everything, present = fill_in(known, 20_002, np.zeros((0, 3), np.int64), "normal", generator(3, "test"))
    drawn = everything[~present]
    assert (drawn[:, 1] == 5).all()
    # The standard error of the mean of 20,000 draws is 2 / sqrt(20000) = 0.014.
    assert abs(drawn[:, 0].mean() - 3) < 0.06
    assert abs(drawn[:, 0].std() - 2) < 0.04


def test_images_are_taken_from_paired_entities_only() -> None:
    known = Features(np.arange(0, 100, 2), np.ones((50, 1), np.float32))
    paired = np.arange(40)
    some, fewer = (remove_images(known, paired, ratio, generator(3, "test")).entities for ratio in (0.4, 0.2))
    assert (some < 40).sum() == 16
    assert (fewer < 40).sum() == 8
    assert (some[some >= 40] == np.arange(40, 100, 2)).all()
    assert set(fewer) < set(some)
    assert len(remove_images(known, paired, 0.6, generator(3, "test")).entities) == 50
    assert len(remove_images(known, paired, 0.0, generator(3, "test")).entities) == 30


def test_image_ratio_reaches_both_sides() -> None:
    graphs = small()
    whole = join(graphs, AlignmentData(image_ratio=1.0), 0, ["image"]).present["image"]
    third = join(graphs, AlignmentData(image_ratio=0.34), 0, ["image"]).present["image"]
    assert whole.sum() == 3
    assert third.sum() == 2
    with pytest.raises(ConfigurationError, match=r"no image is left for data\.missing_images=normal"):
        join(graphs, AlignmentData(image_ratio=0.0), 0, ["image"])


def test_absent_modality_and_unequal_widths() -> None:
    graphs = small()
    wide = replace(graphs.right, features={"image": images([1], [[6, 0, 1]])})
    with pytest.raises(DataError, match="small: image features are 2 wide on the left, 3 on the right"):
        join(replace(graphs, right=wide), AlignmentData(), 0, ["image"])
    with pytest.raises(DataError, match=r"small has no text features \(known: attribute, image, relation\)"):
        join(replace(graphs, right=wide), AlignmentData(), 0, ["text"])


@pytest.mark.real
@pytest.mark.parametrize(("pair", "covered"), [("ZH_EN", 96.1), ("JA_EN", 97.7), ("FR_EN", 98.9)])
def test_top_relations_cover_what_the_spec_says(pair: str, covered: float) -> None:
    folder = REAL / f"DBP15K_{pair}"
    if not folder.exists():
        pytest.skip(f"{folder} is not here")
    left, right = (real(folder / side) for side in ("kg1", "kg2"))
    graphs = AlignedGraphs(pair, left, right, np.zeros((0, 2), np.int64))
    joint = join(graphs, AlignmentData(), 0, ["relation"])
    assert joint.features["relation"].shape == (len(left.entities) + len(right.entities), 1000)
    share = joint.features["relation"].sum(dtype=torch.float64).item() / (2 * len(joint.triples))
    assert round(100 * share, 1) == covered


def real(folder: Path) -> MultiModalGraph:
    def table(name: str) -> pd.DataFrame:
        found = next(folder.glob(f"{name}.tsv*"))
        return pd.read_csv(found, sep="\t", header=None, quoting=3, keep_default_na=False)

    return MultiModalGraph(table("entities")[1].tolist(), table("relations")[1].tolist(), table("triples").to_numpy())
