"""The real benchmarks: their README's tables, and the published bytes against the plain layout."""

import time
from pathlib import Path

import numpy as np
import pytest

from kgprism.platform.data.graph import AlignedGraphs, CompletionGraph, MultiModalGraph
from kgprism.platform.data.readers import layouts

pytestmark = pytest.mark.real

#: Per graph: entities, relations, triples, attribute rows, attributes, entities with any; then the pairs and the split.
ALIGNED = {
    "DBP15K_FR_EN": (
        (19661, 903, 105998, 273825, 4547, 14997),
        (19993, 1208, 115722, 351094, 6422, 15000),
        (15000, 4500, 0, 10500),
    ),
    "DBP15K_JA_EN": (
        (19814, 1299, 77214, 248991, 5882, 14999),
        (19780, 1153, 93484, 320616, 6066, 14999),
        (15000, 4500, 0, 10500),
    ),
    "DBP15K_ZH_EN": (
        (19388, 1701, 70414, 248035, 8111, 14999),
        (19572, 1323, 95142, 343218, 7173, 15000),
        (15000, 4500, 0, 10500),
    ),
    "FB15K-DB15K": (
        (14951, 1345, 592213, 29395, 116, 12493),
        (12842, 279, 89197, 48080, 225, 10985),
        (12846, 0, 0, 0),
    ),
    "FB15K-YAGO15K": (
        (14951, 1345, 592213, 29395, 116, 12493),
        (15404, 32, 122886, 23532, 7, 15081),
        (11199, 0, 0, 0),
    ),
    "OpenEA_D_W_15K_V1": (
        (15000, 248, 38265, 0, 0, 0),
        (15000, 169, 42746, 0, 0, 0),
        (15000, 3000, 1500, 10500),
    ),
    "OpenEA_D_W_15K_V2": (
        (15000, 167, 73983, 0, 0, 0),
        (15000, 121, 83365, 0, 0, 0),
        (15000, 3000, 1500, 10500),
    ),
    "SRPRS_EN_DE_15K": (
        (15000, 222, 38363, 55580, 296, 15000),
        (15000, 120, 37377, 73753, 193, 15000),
        (15000, 4500, 0, 10500),
    ),
    "SRPRS_EN_FR_15K": (
        (15000, 221, 36508, 60800, 296, 15000),
        (15000, 177, 33532, 53045, 415, 15000),
        (15000, 4500, 0, 10500),
    ),
    "EMOJI_EN_FR": (
        (4124, 13, 10282, 12624, 14, 2929),
        (4295, 11, 11050, 11861, 11, 2907),
        (2922, 584, 293, 2045),
    ),
}
#: Entities, relations, train, valid, test, distinct triples, attribute rows, attributes, pictured entities.
COMPLETION = {
    "DB15K": (12842, 279, 79222, 9904, 9902, 89197, 48080, 225, 12837),
    "MKG-W": (15000, 169, 34196, 4276, 4274, 42746, 0, 0, 0),
    "MKG-Y": (15000, 28, 21310, 2665, 2663, 26638, 0, 0, 0),
    "FB15K": (14951, 1345, 483142, 50000, 59071, 592213, 29395, 116, 13444),
}
PICTURED = {"FB15K-DB15K": (13444, 12837), "FB15K-YAGO15K": (13444, 11194), "EMOJI_EN_FR": (2704, 2686)}


def aligned(folder: Path) -> AlignedGraphs:
    dataset = layouts.read("real", folder)
    assert isinstance(dataset, AlignedGraphs)
    return dataset


def counts(graph: MultiModalGraph) -> tuple[int, ...]:
    rows = graph.attribute_triples
    holders = len(np.unique(rows[:, 0]))
    return len(graph.entities), len(graph.relations), len(graph.triples), len(rows), len(graph.attributes), holders


@pytest.mark.parametrize("name", ALIGNED)
def test_alignment_counts(real: Path, name: str) -> None:
    dataset = aligned(real / name)
    left, right, (pairs, *splits) = ALIGNED[name]
    assert (counts(dataset.left), counts(dataset.right)) == (left, right)
    assert [len(dataset.pairs)] + [len(dataset.published.get(p, ())) for p in ("train", "valid", "test")] == [
        pairs,
        *splits,
    ]
    assert (len(dataset.left.pictured), len(dataset.right.pictured)) == PICTURED.get(name, (0, 0))
    # Two orders by different hashes: about one pair in 15,000 meets itself.
    assert np.mean(dataset.pairs[:, 0] == dataset.pairs[:, 1]) < 0.001
    assert abs(np.corrcoef(dataset.pairs.T)[0, 1]) < 0.07


@pytest.mark.parametrize("name", COMPLETION)
def test_completion_counts(real: Path, name: str) -> None:
    dataset = layouts.read("real", real / name)
    assert isinstance(dataset, CompletionGraph)
    graph, parts = dataset.graph, (dataset.graph.triples, dataset.valid, dataset.test)
    distinct = len(np.unique(np.concatenate(parts), axis=0))
    attributes = len(graph.attribute_triples), len(graph.attributes), len(graph.pictured)
    assert (len(graph.entities), len(graph.relations), *map(len, parts), distinct, *attributes) == COMPLETION[name]


def test_emoji_features(real: Path) -> None:
    dataset = aligned(real / "EMOJI_EN_FR")
    with np.load(real / "EMOJI_EN_FR/kg1/image_features.npz") as stored:
        ids, values = stored["ids"], stored["values"]
    labels = dict(line.split("\t") for line in (real / "EMOJI_EN_FR/kg1/entities.tsv").read_text().splitlines())
    image = dataset.left.features["image"]
    found = {dataset.left.entities[e]: v for e, v in zip(image.entities, image.values, strict=True)}
    assert len(found) == len(ids)
    assert all(np.array_equal(found[labels[str(e)]], v) for e, v in zip(ids, values, strict=True))
    assert dataset.modalities == {"relation", "attribute", "image", "text", "char"}
    assert dataset.right.features["text"].values.shape == (4295, 384)


def test_dbp15k_as_published_is_the_same_graph(real: Path) -> None:
    plain, raw = aligned(real / "DBP15K_FR_EN"), aligned(real / "raw/DBP15K/fr_en")
    for one, other in ((plain.left, raw.left), (plain.right, raw.right)):
        # Same labels in the same order, so that ids can be compared.
        assert one.entities == other.entities
        assert one.names == other.names
        # Relations have names in one and numbers in the other: each must hold the same heads and tails.
        assert _relations(one) == _relations(other)
    assert np.array_equal(_sorted(plain.pairs), _sorted(raw.pairs))


def _relations(graph: MultiModalGraph) -> list[bytes]:
    ends = [graph.triples[graph.triples[:, 1] == relation][:, [0, 2]] for relation in range(len(graph.relations))]
    return sorted(_sorted(rows).tobytes() for rows in ends)


def _sorted(rows: np.ndarray) -> np.ndarray:
    return rows[np.lexsort(rows.T)]


def test_mmkb_as_published_is_the_same_graph(real: Path, tmp_path: Path) -> None:
    """Real attributes and links; the triples, which are only here in the plain layout, are written in MMKB's way."""
    plain = aligned(real / "FB15K-DB15K")
    for graph, name, line in ((plain.left, "FB15K", "{} {} {} .\n"), (plain.right, "DB15K", "<{}> <{}> <{}> .\n")):
        (tmp_path / name).mkdir()
        words = [line.format(graph.entities[h], graph.relations[r], graph.entities[t]) for h, r, t in graph.triples]
        (tmp_path / name / f"{name}_EntityTriples.txt").write_text("".join(words))
        for file in (real / "raw/mmkb" / name).iterdir():
            (tmp_path / name / file.name).symlink_to(file)
    raw = aligned(tmp_path)
    assert raw.left.entities == plain.left.entities
    assert raw.right.entities == plain.right.entities
    for one, other in ((plain.left, raw.left), (plain.right, raw.right)):
        renamed = np.array([one.relations.index(relation) for relation in other.relations])
        assert np.array_equal(
            one.triples, np.column_stack([other.triples[:, 0], renamed[other.triples[:, 1]], other.triples[:, 2]])
        )
    assert np.array_equal(_sorted(raw.pairs), _sorted(plain.pairs))
    assert counts(raw.left) == counts(plain.left)
    assert np.array_equal(raw.left.attribute_triples[:, 0], plain.left.attribute_triples[:, 0])


def test_reading_takes_less_than_the_promised_time(real: Path) -> None:
    started = time.process_time()
    aligned(real / "FB15K-DB15K")
    assert time.process_time() - started < 2.5
