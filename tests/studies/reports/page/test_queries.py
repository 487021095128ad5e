"""Queries by degree and by modality: each part's metrics are the means of its own ranks."""

import numpy as np
import pytest

from kgprism.platform.data.graph import Features, MultiModalGraph
from kgprism.platform.studies.reports.page.queries import Queries, by_degree, by_presence


@pytest.fixture
def queries() -> Queries:
    """Four entities of degrees 3, 1, 2 and 0; pictures of the first two."""
    triples = np.array([[0, 0, 1], [0, 0, 2], [2, 0, 0]])
    features = {"image": Features(np.array([0, 1]), np.ones((2, 3), np.float32))}
    graph = MultiModalGraph(["a", "b", "c", "d"], ["r"], triples, features=features)
    heads, tails = np.array([0, 1, 2, 3]), np.array([0, 0, 0, 0])
    ranks = {f"{way}/{kind}": np.array([1.0, 2.0, 4.0, 5.0]) for way in ("head", "tail") for kind in RULES}
    ranks["tail/realistic"] = np.array([1.0, 1.0, 1.0, 10.0])
    return Queries(((graph, heads), (graph, tails)), ranks, ("head", "tail"))


RULES = ("realistic", "optimistic")


def test_a_query_has_the_smaller_degree_of_its_ends(queries: Queries) -> None:
    found = {band.band: band for band in by_degree(queries)}
    assert list(found) == ["0", "1 to 2", "3 to 5", "6 to 10", "11 to 20", "21 to 50", "51 and more"]
    assert [band.pairs for band in found.values()] == [1, 2, 1, 0, 0, 0, 0]
    assert found["1 to 2"].metrics["head/mrr"] == pytest.approx((1 / 2 + 1 / 4) / 2)
    assert found["1 to 2"].metrics["tail/mrr"] == 1.0
    assert found["0"].metrics["mean/mrr"] == pytest.approx((1 / 5 + 1 / 10) / 2)
    assert found["6 to 10"].metrics == {}


def test_a_modality_is_there_if_both_ends_have_it(queries: Queries) -> None:
    both, missing = by_presence(queries)
    assert (both.band, both.pairs, missing.band, missing.pairs) == ("image: both", 2, "image: one is missing", 2)
    assert both.metrics["head/mrr"] == pytest.approx(3 / 4)
    assert missing.metrics["tail/mrr"] == pytest.approx((1 + 1 / 10) / 2)
