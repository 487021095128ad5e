"""Counts of datasets small enough to count by hand, and of the real ones against the papers and their description."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kgprism.platform.data.catalogue import counts, toy
from kgprism.platform.data.catalogue.counts import Comparison, Problem
from kgprism.platform.data.catalogue.published import BENCHMARKS
from kgprism.platform.data.graph import AlignedGraphs, CompletionGraph, Features, MultiModalGraph
from kgprism.platform.training.run import plan

REAL = Path(__file__).parents[3] / "../shared/data"


def rows(*values: tuple[int, ...]) -> np.ndarray:
    return np.array(values, np.int64)


def small() -> AlignedGraphs:
    """Return a pair of graphs with one or two of every peculiarity on the left, in the pairs and in the splits."""
    left = MultiModalGraph(
        entities=["a", "b", "c", "d", "e"],
        relations=["r", "s", "t"],
        triples=rows((0, 0, 1), (0, 0, 1), (1, 0, 0), (2, 1, 2)),
        attributes=["x", "y"],
        attribute_triples=rows((0, 0), (0, 0), (3, 1)),
        features={"image": Features(np.array([1, 2]), np.ones((2, 3), np.float32))},
        pictured=np.array([0, 1]),
    )
    right = MultiModalGraph(["a", "B", "C"], ["r"], rows((0, 0, 1), (1, 0, 2)))
    pairs = rows((0, 0), (1, 1), (2, 1), (3, 2), (3, 2))
    published = {"train": rows((0, 0), (1, 1)), "test": rows((1, 1), (2, 1), (4, 2))}
    return AlignedGraphs("small", left, right, pairs, published)


def found(problems: list[Problem]) -> dict[tuple[str, str], int]:
    return {(problem.place, problem.kind): problem.count for problem in problems}


def test_statistics_of_a_pair() -> None:
    left, right = counts.statistics(small())
    assert left == {
        "graph": "left",
        "entities": 5,
        "relations": 3,
        "triples": 4,
        "attributes": 2,
        "attribute_triples": 3,
        "images": 3,
        "pairs": 5,
    }
    assert (right["entities"], right["relations"], right["triples"], right["images"]) == (3, 1, 2, 0)


def test_problems_of_a_pair() -> None:
    assert found(counts.problems(small())) == {
        ("left", "duplicate triples"): 1,
        ("left", "self-loops"): 1,
        ("left", "entities without triples"): 2,
        ("left", "relations without triples"): 1,
        ("left", "entities without attributes"): 3,
        ("left", "entities without images"): 2,
        ("left", "images without a vector"): 1,
        ("pairs", "duplicate pairs"): 1,
        ("pairs", "right entities with several partners"): 1,
        ("pairs", "equal labels in both graphs"): 1,
        ("splits", "distinct rows in both train and test"): 1,
        ("splits", "pairs of a split that are no pairs"): 1,
        ("splits", "pairs in no split"): 1,
    }


def test_left_entities_with_several_partners() -> None:
    graphs = replace(small(), pairs=rows((0, 0), (0, 1), (0, 2), (1, 2)), published={})
    problems = found(counts.problems(graphs))
    assert problems["pairs", "left entities with several partners"] == 1
    assert problems["pairs", "right entities with several partners"] == 1
    assert ("pairs", "duplicate pairs") not in problems


def test_completion_counts() -> None:
    graph = MultiModalGraph(["a", "b", "c", "d"], ["r", "s"], rows((0, 0, 1), (1, 0, 2)))
    valid, test = rows((0, 0, 1), (0, 0, 1), (0, 1, 2)), rows((0, 1, 2), (3, 0, 3), (0, 0, 1))
    dataset = CompletionGraph("small", graph, valid, test)
    (row,) = counts.statistics(dataset)
    assert (row["train"], row["valid"], row["test"], row["triples"]) == (2, 3, 3, 4)
    assert found(counts.problems(dataset)) == {
        ("train", "entities without triples"): 1,
        ("train", "relations without triples"): 1,
        ("valid", "duplicate triples"): 1,
        ("valid", "triples with a relation that is not in train"): 1,
        ("test", "self-loops"): 1,
        ("test", "triples with an entity that is not in train"): 1,
        ("test", "triples with a relation that is not in train"): 1,
        ("splits", "distinct rows in both train and valid"): 1,
        ("splits", "distinct rows in both train and test"): 1,
        ("splits", "distinct rows in both valid and test"): 2,
    }


def completion(valid: np.ndarray, *modalities: str) -> CompletionGraph:
    features = {m: Features(np.array([0]), np.ones((1, 2), np.float32)) for m in modalities}
    graph = MultiModalGraph(["a", "b", "c"], ["r"], rows((0, 0, 1), (1, 0, 2)), features=features)
    return CompletionGraph("small", graph, valid, rows((2, 0, 0), (1, 0, 1)))


def test_new_validation_triples_are_counted_where_others_are_not_new() -> None:
    mixed = rows((0, 0, 1), (2, 0, 0), (2, 0, 2), (2, 0, 2), (0, 0, 0))
    assert found(counts.problems(completion(mixed)))["splits", "distinct rows of valid that are new"] == 2
    assert ("splits", "distinct rows of valid that are new") not in found(counts.problems(completion(mixed[2:])))


def test_an_empty_part_is_a_peculiarity() -> None:
    assert found(counts.problems(completion(rows((2, 0, 1))[:0])))["valid", "part without any triple"] == 1
    assert ("valid", "part without any triple") not in found(counts.problems(completion(rows((2, 0, 1)))))


def test_advice_tells_what_to_do_about_missing_features() -> None:
    (line,) = counts.advice(completion(rows((2, 0, 1))))
    assert line.startswith("no image and text features: put the authors' *-visual and *-textual (.pth, ")
    assert "--set data.text=labels" in line
    (line,) = counts.advice(completion(rows((2, 0, 1)), "text"))
    assert line.startswith("no image features: put the authors' *-visual (.pth, ")
    assert "data.text" not in line
    assert counts.advice(completion(rows((2, 0, 1)), "image", "text")) == []
    assert counts.advice(small()) == []


def test_advice_tells_what_is_done_about_contamination() -> None:
    (line,) = counts.advice(completion(rows((0, 0, 1), (1, 0, 2), (2, 0, 0)), "image", "text"))
    assert line.startswith("2 distinct validation triples are in train, 1 in test")
    assert "small_holdout" in line


def test_compare_excuses_only_the_known_number() -> None:
    compared = {c.quantity: c for c in counts.compare(replace(small(), name="openea-d-w-15k-v1"))}
    assert compared["right/images"].agrees
    assert compared["right/images"].known
    assert compared["left/images"] == Comparison("left/images", 15000, 3, "")
    assert not compared["left/images"].agrees
    assert compared["pairs"] == Comparison("pairs", 15000, 5, "")


def test_data_that_are_not_the_published_ones_are_told_in_one_line_and_in_the_runs() -> None:
    assert counts.differences(small()) == ()
    (line,) = counts.differences(replace(toy.completion(), name="mkg-w"))
    assert line.startswith("mkg-w differs from the published dataset: entities 300 (published: 15,000), relations 12 (")
    assert line.endswith(", 2 more; published numbers are not about these data")
    assert plan("ikrl", replace(toy.completion(), name="mkg-w"), 0).notes[0] == line
    assert not [note for note in plan("ikrl", toy.completion(), 0).notes if "published" in note]


def test_own_data_are_compared_with_nothing() -> None:
    assert counts.compare(small()) == []


def read(folder: str, name: str) -> AlignedGraphs | CompletionGraph:
    if not (REAL / folder).is_dir():
        pytest.skip("the real benchmarks are not here")
    from kgprism.platform.data.readers import layouts

    return layouts.read(name, REAL / folder)


FOLDERS = {name: name.upper() if "-" not in name else name for name in BENCHMARKS} | {
    "fb15k-db15k": "FB15K-DB15K",
    "fb15k-yago15k": "FB15K-YAGO15K",
    "dbp15k-zh-en": "DBP15K_ZH_EN",
    "dbp15k-ja-en": "DBP15K_JA_EN",
    "dbp15k-fr-en": "DBP15K_FR_EN",
    "openea-d-w-15k-v1": "OpenEA_D_W_15K_V1",
    "openea-d-w-15k-v2": "OpenEA_D_W_15K_V2",
    "emoji-en-fr": "EMOJI_EN_FR",
    "mkg-w": "MKG-W",
    "mkg-y": "MKG-Y",
}


@pytest.mark.real
@pytest.mark.parametrize("name", BENCHMARKS)
def test_real_data_agree_with_the_papers(name: str) -> None:
    compared = counts.compare(read(FOLDERS[name], name))
    assert compared
    assert [c for c in compared if not c.agrees] == []
    differing = {c.quantity for c in compared if c.measured != c.published}
    absent = {"dbp15k": {"images"}, "openea": {"images", "attributes", "attribute_triples"}, "db15k": set()}
    family = name.split("-")[0]
    wanted = {f"{side}/{column}" for side in ("left", "right") for column in absent.get(family, ())}
    assert differing == ({"valid", "test"} if name == "db15k" else wanted)


#: From the description that comes with the data.
PECULIAR = {
    "fb15k-db15k": {
        ("left", "self-loops"): 2250,
        ("right", "self-loops"): 859,
        ("left", "entities without attributes"): 14951 - 12493,
        ("right", "entities without attributes"): 12842 - 10985,
        ("left", "entities without images"): 14951 - 13444,
        ("left", "images without a vector"): 13444,
        ("right", "entities without images"): 5,
        ("right", "images without a vector"): 12837,
        ("pairs", "right entities with several partners"): 4,
    },
    "dbp15k-fr-en": {
        ("left", "self-loops"): 175,
        ("right", "self-loops"): 273,
        ("left", "entities without attributes"): 19661 - 14997,
        ("right", "entities without attributes"): 19993 - 15000,
    },
    "emoji-en-fr": {
        ("left", "entities without attributes"): 4124 - 2929,
        ("right", "entities without attributes"): 4295 - 2907,
        ("left", "entities without images"): 4124 - 2704,
        ("right", "entities without images"): 4295 - 2686,
    },
    "db15k": {
        ("valid", "duplicate triples"): 9904 - 7481,
        ("splits", "distinct rows in both train and valid"): 6584,
        ("splits", "distinct rows in both valid and test"): 824,
        ("splits", "distinct rows of valid that are new"): 73,
        ("train", "entities without triples"): 57,
        ("train", "relations without triples"): 6,
        ("train", "self-loops"): 768,
        ("test", "triples with an entity that is not in train"): 77,
        ("test", "triples with a relation that is not in train"): 7,
        ("valid", "triples whose ends are joined in train the other way round"): 1280,
        ("test", "triples whose ends are joined in train the other way round"): 678,
    },
}


@pytest.mark.real
@pytest.mark.parametrize("name", PECULIAR)
def test_real_peculiarities(name: str) -> None:
    problems = found(counts.problems(read(FOLDERS[name], name)))
    assert {key: problems.get(key, 0) for key in PECULIAR[name]} == PECULIAR[name]
    others = {kind for _, kind in problems.keys() - PECULIAR[name].keys()}
    assert others <= {
        "equal labels in both graphs",
        "self-loops",
        "entities without attributes",
        "entities without images",
    } | {
        "images without a vector",
        "triples with an entity that is not in train",
        "triples with a relation that is not in train",
    }
