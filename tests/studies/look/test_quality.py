"""Zeros, twins, outliers, coverage: made up so that the answer is known."""

import numpy as np

from kgprism.platform.data.graph import Features, MultiModalGraph
from kgprism.platform.studies.look.coverage import coverage, degrees
from kgprism.platform.studies.look.quality import groups, quality


def test_zeros_twins_and_lengths() -> None:
    values = np.array([[3, 4], [0, 0], [3, 4], [6, 8], [3, 4], [6, 8], [0, 5]], np.float16)
    found = quality(Features(np.array([1, 2, 4, 5, 7, 8, 9]), values), 12)
    assert (found.count, found.zeros, found.width, found.numbers) == (6, 1, 2, "float16")
    assert found.coverage == 0.5
    assert found.lengths == (5, 5, 10)
    assert found.twins == ((1, 4, 7), (5, 8))


def test_outliers_are_far_from_the_others_and_rounding_is_none() -> None:
    draw = np.random.default_rng(0)
    values = draw.normal(size=(400, 16))
    values /= np.linalg.norm(values, axis=1, keepdims=True)
    assert quality(Features(np.arange(400), values.astype(np.float16)), 400).outliers == ()
    values[[7, 30]] *= [[3], [0.2]]
    far = quality(Features(np.arange(400), values), 400).outliers
    assert [entity for entity, _ in far] == [7, 30]
    np.testing.assert_allclose([length for _, length in far], [3, 0.2])


def test_a_set_without_a_vector() -> None:
    for values in (np.zeros((0, 3), np.float32), np.zeros((4, 3), np.float32)):
        found = quality(Features(np.arange(len(values)), values), 10)
        assert (found.count, found.zeros, found.lengths) == (0, len(values), None)
        assert (found.twins, found.outliers, found.coverage) == ((), (), 0)


def test_groups_are_by_content_the_largest_first() -> None:
    assert groups([(1, b"a"), (2, b"b"), (3, b"a"), (4, b"c"), (5, b"b"), (6, b"b")]) == ((2, 5, 6), (1, 3))


def test_coverage_counts_who_has_what_by_degree() -> None:
    # Entity 0: four triples, one of them a self-loop; 1 to 3: one each; 4: none.
    graph = MultiModalGraph(
        list("abcde"), ["r"], np.array([(0, 0, 1), (2, 0, 0), (0, 0, 3), (0, 0, 0)]), names=["a", "", "c", "", ""]
    )
    assert degrees(graph).tolist() == [4, 1, 1, 1, 0]
    some = Features(np.array([0, 1]), np.ones((2, 2)))
    found = coverage(graph, [some, None])
    assert [(one.degrees, one.entities) for one in found] == [("0", 1), ("1", 3), ("3 to 4", 1)]
    assert found[0].shares == (0, 0, 0)
    assert found[1].shares == (1 / 3, 0, 1 / 3)
    assert found[2].shares == (1, 0, 1)


def test_the_last_bucket_has_no_end() -> None:
    star = MultiModalGraph([str(n) for n in range(200)], ["r"], np.array([(0, 0, n) for n in range(1, 200)]))
    assert [one.degrees for one in coverage(star, [])] == ["1", "65 and more"]
