"""The built-in data: the same everywhere, without a leak, and such that every modality and the graph help."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterable

import numpy as np
import pytest
import torch

from kgprism.platform.data.catalogue import counts, toy
from kgprism.platform.data.graph import MultiModalGraph
from kgprism.platform.tasks.alignment import judged

GRAPHS = toy.aligned()
COMPLETION = toy.completion()
#: The first 120 pairs teach, the rest are asked for.
SEEDS, ASKED = GRAPHS.pairs[:120], GRAPHS.pairs[120:]


def unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)


def vectors(graph: MultiModalGraph, modality: str) -> np.ndarray:
    features = graph.features[modality]
    rows = np.zeros((len(graph.entities), features.values.shape[1]))
    rows[features.entities] = features.values
    return unit(rows)


def relations(graph: MultiModalGraph) -> np.ndarray:
    rows = np.zeros((len(graph.entities), 2 * len(graph.relations)))
    np.add.at(rows, (graph.triples[:, 0], graph.triples[:, 1]), 1)
    np.add.at(rows, (graph.triples[:, 2], graph.triples[:, 1] + len(graph.relations)), 1)
    return rows


def attributes(graph: MultiModalGraph) -> np.ndarray:
    rows = np.zeros((len(graph.entities), len(graph.attributes)))
    rows[tuple(graph.attribute_triples.T)] = 1
    return rows


def mapped(left: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Carry the left rows into the right space by a ridge regression on the seed pairs."""
    x, y = left[SEEDS[:, 0]], right[SEEDS[:, 1]]
    weight = np.linalg.solve(
        (x - x.mean(0)).T @ (x - x.mean(0)) + 3 * np.eye(x.shape[1]), (x - x.mean(0)).T @ (y - y.mean(0))
    )
    return unit((left - x.mean(0)) @ weight), unit(right - y.mean(0))


def propagated(graph: MultiModalGraph, rows: np.ndarray, hops: int) -> np.ndarray:
    """Set an entity's own row beside the means of its neighbourhoods."""
    near = np.eye(len(graph.entities))
    near[graph.triples[:, 0], graph.triples[:, 2]] = near[graph.triples[:, 2], graph.triples[:, 0]] = 1
    near /= near.sum(1, keepdims=True)
    views = [rows]
    for _ in range(hops):
        views.append(near @ views[-1])
    return np.concatenate([unit(view) for view in views], 1)


def hits_at_1(left: np.ndarray, right: np.ndarray) -> float:
    scores = unit(left)[ASKED[:, 0]] @ unit(right)[ASKED[:, 1]].T
    return float(np.mean((scores >= np.diag(scores)[:, None]).sum(1) == 1))


def test_same_in_another_process() -> None:
    code = (
        "from kgprism.platform.data.catalogue.toy import aligned, completion\n"
        "print(aligned().fingerprint, completion().fingerprint)"
    )
    environment = os.environ | {"PYTHONHASHSEED": "7", "OMP_NUM_THREADS": "1"}
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert other.stdout.split() == [GRAPHS.fingerprint, COMPLETION.fingerprint]


def test_sizes() -> None:
    assert [len(side.entities) for side in (GRAPHS.left, GRAPHS.right)] == [440, 440]
    assert len(np.unique(GRAPHS.pairs[:, 0])) == len(np.unique(GRAPHS.pairs[:, 1])) == len(GRAPHS.pairs) == 400
    assert GRAPHS.modalities == {"relation", "attribute", "image", "text", "name", "char"}
    assert len(GRAPHS.left.relations) != len(GRAPHS.right.relations)
    kinds = {problem.kind for problem in counts.problems(GRAPHS)}
    assert kinds == {"entities without attributes", "entities without images"}


def test_no_name_tells_the_partner() -> None:
    for names in ("entities", "relations", "attributes"):
        left, right = getattr(GRAPHS.left, names), getattr(GRAPHS.right, names)
        assert len(set(left) | set(right)) == len(left) + len(right)
    codes = [
        {label.split(":")[1]: place for place, label in enumerate(g.entities)} for g in (GRAPHS.left, GRAPHS.right)
    ]
    equal = [(codes[0][code], codes[1][code]) for code in codes[0].keys() & codes[1].keys()]
    assert not set(equal) & {(int(a), int(b)) for a, b in GRAPHS.pairs}


def test_no_position_tells_the_partner() -> None:
    left, right = GRAPHS.pairs.T
    # Three standard errors of 400 independent positions.
    assert abs(np.corrcoef(left, right)[0, 1]) < 3 / 20
    assert abs(np.corrcoef(np.arange(400), left)[0, 1]) < 3 / 20
    assert np.count_nonzero(left == right) <= 5


def test_one_modality_is_not_enough() -> None:
    image = hits_at_1(vectors(GRAPHS.left, "image"), vectors(GRAPHS.right, "image"))
    text = hits_at_1(vectors(GRAPHS.left, "text"), vectors(GRAPHS.right, "text"))
    assert 0.2 < image < 0.4
    assert 0.05 < text < image
    name = hits_at_1(vectors(GRAPHS.left, "name"), vectors(GRAPHS.right, "name"))
    assert 0.1 < name < 0.4


@pytest.mark.parametrize("view", [relations, attributes])
def test_relations_and_attributes_tell_something(view: Callable[[MultiModalGraph], np.ndarray]) -> None:
    # Chance is 1 of 280.
    assert 0.05 < hits_at_1(*mapped(view(GRAPHS.left), view(GRAPHS.right))) < 0.3


VIEWS = {
    "image": (vectors(GRAPHS.left, "image"), vectors(GRAPHS.right, "image")),
    "relation": mapped(relations(GRAPHS.left), relations(GRAPHS.right)),
    "attribute": mapped(attributes(GRAPHS.left), attributes(GRAPHS.right)),
}


def together(names: Iterable[str]) -> tuple[np.ndarray, np.ndarray]:
    chosen = [VIEWS[name] for name in names]
    return np.concatenate([left for left, _ in chosen], 1), np.concatenate([right for _, right in chosen], 1)


@pytest.mark.parametrize("left_out", VIEWS)
def test_every_modality_adds_to_the_others(left_out: str) -> None:
    assert hits_at_1(*together(VIEWS.keys() - {left_out})) < hits_at_1(*together(VIEWS)) - 0.05


def test_the_graph_tells_something() -> None:
    seeds = [np.zeros((440, len(SEEDS))) for _ in range(2)]
    for side, rows in enumerate(seeds):
        rows[SEEDS[:, side], np.arange(len(SEEDS))] = 1
    assert 0.3 < hits_at_1(propagated(GRAPHS.left, seeds[0], 3), propagated(GRAPHS.right, seeds[1], 3)) < 0.7


def test_propagation_adds_to_all_modalities() -> None:
    left, right = together(VIEWS)
    spread = hits_at_1(propagated(GRAPHS.left, left, 2), propagated(GRAPHS.right, right, 2))
    assert spread > hits_at_1(left, right) + 0.05


def test_completion_splits_are_clean() -> None:
    (row,) = counts.statistics(COMPLETION)
    train, valid, test = (int(row[part]) for part in ("train", "valid", "test"))
    assert row["entities"] == 300
    assert row["relations"] == 12
    assert valid == test == (train + valid + test) // 10
    assert {problem.kind for problem in counts.problems(COMPLETION)} == {"entities without images"}


def mrr(scores: np.ndarray) -> float:
    """Rank every test tail among all entities, other true tails taken out. ``scores`` (relations, heads, tails)."""
    graph = COMPLETION.graph
    scores = scores.copy()
    held = [scores[r, h, t] for h, r, t in COMPLETION.test]
    for h, r, t in np.concatenate([graph.triples, COMPLETION.valid, COMPLETION.test]):
        scores[r, h, t] = -np.inf
    better = [
        np.sum(scores[r, h] > s) + np.sum(scores[r, h] == s) / 2
        for s, (h, r, _) in zip(held, COMPLETION.test, strict=True)
    ]
    return float(np.mean(1 / (1 + np.array(better))))


def test_structure_and_images_beat_frequency() -> None:
    graph = COMPLETION.graph
    entities, links = len(graph.entities), len(graph.relations)
    true = np.zeros((links, entities, entities))
    true[graph.triples[:, 1], graph.triples[:, 0], graph.triples[:, 2]] = 1
    frequency = np.repeat(true.sum(1, keepdims=True), entities, 1)

    def collaborative(likeness: np.ndarray) -> float:
        likeness = likeness - np.diag(np.diag(likeness))
        return mrr(likeness @ true + 1e-6 * frequency)

    profile = unit(np.concatenate([*true, *true.transpose(0, 2, 1)], 1))
    image = vectors(graph, "image")
    assert mrr(frequency) < 0.1
    assert collaborative(profile @ profile.T) > 0.5
    assert collaborative(np.exp(6 * image @ image.T)) > 0.3


def test_its_order_gives_nothing_away() -> None:
    left = len(GRAPHS.left.entities)
    constant = torch.ones(left + len(GRAPHS.right.entities), 8)
    found = judged(constant, GRAPHS.pairs + np.array([0, left]), k=3, chunk=64)
    assert found.metrics["mean/mr"] == (len(GRAPHS.pairs) + 1) / 2
