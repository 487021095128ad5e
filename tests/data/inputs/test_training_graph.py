"""What a completion method is given: filled tables, masks, and the changes that the settings ask for."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from kgprism.platform.data.catalogue import toy
from kgprism.platform.data.graph import CompletionGraph, Features, MultiModalGraph
from kgprism.platform.data.inputs.holdout import contaminated, holdout
from kgprism.platform.data.inputs.training_graph import adapt, prepare
from kgprism.platform.errors import DataError
from kgprism.platform.settings import CompletionData

ZERO, NORMAL = CompletionData(), CompletionData(missing="normal")


def pictured(entities: int, ids: list[int], values: list[list[float]], kind: type = np.float32) -> CompletionGraph:
    """Return a graph whose entities `ids` have the image vectors `values`."""
    triples = np.array([[0, 0, 1], [1, 0, 0]])
    features = {"image": Features(np.array(ids), np.array(values, kind))}
    graph = MultiModalGraph([f"e{i}" for i in range(entities)], ["r"], triples, features=features)
    return CompletionGraph("small", graph, triples[:1], triples[1:])


def test_rows_that_are_missing_are_zero_and_masked() -> None:
    found = prepare(pictured(4, [1, 3], [[1, 2], [3, 4]]), ZERO, 0, {"image"})
    assert found.features["image"].tolist() == [[0, 0], [1, 2], [0, 0], [3, 4]]
    assert found.features["image"].dtype == torch.float32
    assert found.present["image"].tolist() == [False, True, False, True]
    assert (found.entities, found.relations) == (4, 1)
    assert found.triples.tolist() == [[0, 0, 1], [1, 0, 0]]


def test_a_published_row_of_zeros_is_no_vector() -> None:
    graph = pictured(3, [0, 1, 2], [[1, 2], [0, 0], [3, 4]])
    assert prepare(graph, ZERO, 0, {"image"}).present["image"].tolist() == [True, False, True]
    filled = prepare(graph, NORMAL, 0, {"image"}).features["image"]
    assert filled[[0, 2]].tolist() == [[1, 2], [3, 4]]
    assert filled[1].all()


@pytest.mark.parametrize("kind", [np.float32, np.float16])
def test_the_normal_rule_has_the_moments_of_the_rows_that_are_there(kind: type) -> None:
    # Means 2, -10 and 7; unbiased deviations 1, 2 and 0 (the biased ones would be 0.816 and 1.633).
    values = [[1, -8, 7], [2, -10, 7], [3, -12, 7]]
    table = prepare(pictured(20_003, [5, 6, 7], values, kind), NORMAL, 0, {"image"}).features["image"]
    assert table[5:8].tolist() == values
    drawn = torch.cat([table[:5], table[8:]]).double()
    # Five standard errors of a mean and of a deviation from 20,000 draws.
    assert abs(drawn[:, 0].mean() - 2) < 0.036
    assert abs(drawn[:, 1].mean() + 10) < 0.071
    assert abs(drawn[:, 0].std() - 1) < 0.025
    assert abs(drawn[:, 1].std() - 2) < 0.05
    assert (drawn[:, 2] == 7).all()
    assert abs(torch.corrcoef(drawn[:, :2].T)[0, 1]) < 0.036


def test_the_normal_rule_depends_on_the_seed() -> None:
    graph = pictured(9, [0, 1], [[1, 2], [3, 4]])
    first, again, other = (prepare(graph, NORMAL, seed, {"image"}).features["image"] for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_one_row_has_a_mean_and_no_deviation() -> None:
    assert prepare(pictured(2, [1], [[5, 6]]), NORMAL, 0, {"image"}).features["image"].tolist() == [[5, 6], [5, 6]]


def test_a_modality_that_is_not_there_is_named() -> None:
    with pytest.raises(DataError, match="small has no text features"):
        prepare(pictured(2, [1], [[5, 6]]), ZERO, 0, {"text"})


def dirty() -> CompletionGraph:
    """Return the toy with validation triples that are training and test triples."""
    clean = toy.completion()
    mixed = np.concatenate([clean.graph.triples[:30], clean.test[:4], clean.test[:4], clean.valid[:7]])
    return replace(clean, valid=mixed)


def test_a_dataset_that_needs_nothing_comes_back_itself() -> None:
    clean = toy.completion()
    for valid in ("auto", "published"):
        assert adapt(clean, CompletionData(valid=valid)) == (clean, ())
    assert adapt(dirty := replace(clean, valid=clean.test), CompletionData(valid="published")) == (dirty, ())


def test_contaminated_validation_triples_are_replaced_and_told() -> None:
    before = dirty()
    after, notes = adapt(before, CompletionData())
    assert after.fingerprint == holdout(before, 0.1, 0).fingerprint
    assert contaminated(after) == (0, 0)
    assert len(after.known) == 7
    (note,) = notes
    assert f"{len(after.valid)} training triples are held out" in note
    assert "of the published 45 rows 30 distinct ones are in train, 4 in test" in note
    assert "\n" not in note


def test_the_held_out_share_and_its_seed_are_settings() -> None:
    clean = toy.completion()
    after, notes = adapt(clean, CompletionData(valid="holdout", holdout=0.2, holdout_seed=3))
    assert after.fingerprint == holdout(clean, 0.2, 3).fingerprint
    assert len(notes) == 1


def test_text_from_names_takes_the_published_ones_place() -> None:
    clean = toy.completion()
    after, notes = adapt(clean, CompletionData(text="labels", text_width=48))
    assert after.graph.features["text"].values.shape == (300, 48)
    assert after.graph.features["image"] is clean.graph.features["image"]
    assert clean.graph.features["text"].values.shape[1] == 32
    assert "not comparable" in notes[0]
    again, _ = adapt(clean, CompletionData(text="labels", text_width=48))
    assert again.fingerprint == after.fingerprint != clean.fingerprint
    table = prepare(after, ZERO, 0, after.modalities)
    assert table.features["text"].shape == (300, 48)
    assert table.present["text"].all()


def test_one_can_have_both_changes() -> None:
    after, notes = adapt(dirty(), CompletionData(text="labels"))
    assert len(notes) == 2
    assert contaminated(after) == (0, 0)
    assert after.graph.features["text"].values.shape == (300, 384)


@pytest.mark.parametrize(
    ("part", "data", "message"),
    [
        ("train", CompletionData(), "toy-completion: train holds no triple"),
        ("test", CompletionData(), "toy-completion: test holds no triple"),
        ("valid", CompletionData(valid="published"), r"toy-completion: valid holds no triple: use data\.valid=holdout"),
    ],
)
def test_a_part_without_triples_is_an_error_where_it_is_used(part: str, data: CompletionData, message: str) -> None:
    clean, none = toy.completion(), np.zeros((0, 3), np.int64)
    graph = replace(clean.graph, triples=none)
    broken = replace(clean, graph=graph) if part == "train" else replace(clean, **{part: none})
    with pytest.raises(DataError, match=message):
        adapt(broken, data)


def test_without_validation_triples_a_share_is_held_out() -> None:
    clean = toy.completion()
    after, notes = adapt(replace(clean, valid=clean.valid[:0]), CompletionData())
    assert np.array_equal(after.valid, holdout(clean, 0.1, 0).valid)
    assert len(notes) == 1
