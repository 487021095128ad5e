"""No test pair, nor an entity of one, reaches training; what a published split leaks is counted and kept."""

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from kgprism.platform.data.graph import AlignedGraphs, CompletionGraph, MultiModalGraph
from kgprism.platform.data.inputs import leakage
from kgprism.platform.data.inputs.split import Split, split
from kgprism.platform.data.inputs.together import distinct, together
from kgprism.platform.data.readers import layouts
from kgprism.platform.errors import ConfigurationError, DataError
from kgprism.platform.settings import AlignmentData
from kgprism.platform.training import run as runs

NO_TRIPLES = np.zeros((0, 3), np.int64)
EMPTY = MultiModalGraph([], [], NO_TRIPLES)


def graphs(pairs: list[tuple[int, int]] | np.ndarray, **published: list[tuple[int, int]]) -> AlignedGraphs:
    parts = {name: np.array(rows) for name, rows in published.items()}
    return AlignedGraphs("small", EMPTY, EMPTY, np.array(pairs), parts)


def parts(found: Split) -> list[np.ndarray]:
    return [found.train, found.valid, found.test]


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("entities", [200, 400, 1000])
def test_no_pair_and_no_entity_is_in_two_parts(seed: int, entities: int) -> None:
    """Random pairs, which repeat and share entities the more the fewer these are."""
    draw = np.random.default_rng(seed)
    pairs = draw.integers(entities, size=(150, 2))
    pairs = np.concatenate([pairs, pairs[draw.integers(150, size=30)]])
    found = split(graphs(pairs), AlignmentData(seed_ratio=0.3), 0.1, seed)
    for one, other in combinations(parts(found), 2):
        for side in (0, 1):
            assert not np.intersect1d(one[:, side], other[:, side]).size
    rows = np.concatenate(parts(found)).tolist()
    assert sorted(rows) == sorted(map(list, set(map(tuple, pairs.tolist()))))
    assert 0 < len(found.train) + len(found.valid) <= int(len(rows) * 0.3)


def test_with_one_partner_each_it_is_the_papers_shuffle_to_the_last_pair() -> None:
    pairs = np.stack([np.arange(300), np.random.default_rng(0).permutation(300)], 1)
    kept, papers = (split(graphs(pairs), AlignmentData(split=how), 0.1, 7) for how in ("seeded", "papers"))
    assert all((a == b).all() for a, b in zip(parts(kept), parts(papers), strict=True))


def test_repeats_change_nothing() -> None:
    pairs = np.stack([np.arange(100), np.arange(100)[::-1]], 1)
    once, twice = (split(graphs(rows), AlignmentData(), 0.1, 3) for rows in (pairs, np.repeat(pairs, 2, axis=0)))
    assert all((a == b).all() for a, b in zip(parts(once), parts(twice), strict=True))


def test_the_papers_shuffle_may_share_entities_but_no_pair() -> None:
    pairs = [(i, j) for i in range(20) for j in (0, i + 1)] * 2
    found = split(graphs(pairs), AlignmentData(split="papers", seed_ratio=0.5), 0.0, 1)
    assert (len(found.train), len(found.test)) == (20, 20)
    assert not set(map(tuple, found.train.tolist())) & set(map(tuple, found.test.tolist()))
    assert 0 in found.train[:, 1]
    assert 0 in found.test[:, 1]


def test_pairs_that_all_hang_together_cannot_be_split() -> None:
    with pytest.raises(DataError, match=r"small: 4 of 20 pairs cannot be parted .* data\.split=papers"):
        split(graphs([(i, 0) for i in range(20)]), AlignmentData(), 0.1, 0)


def test_what_is_held_out_of_a_published_part_repeats_nothing_of_the_rest() -> None:
    train = [(i, i) for i in range(10)] * 2
    found = split(graphs(train, train=train, test=[(50, 50)]), AlignmentData(split="published"), 0.3, 0)
    assert (len(found.train), len(found.valid)) == (14, 6)
    assert not np.intersect1d(found.train, found.valid).size
    hub = [(i, 0) for i in range(5)]
    with pytest.raises(ConfigurationError, match="none is left to train on"):
        split(graphs(hub, train=hub, test=[(9, 9)]), AlignmentData(split="published"), 0.3, 0)


def test_linked_pairs_have_one_number() -> None:
    found = together(np.array([(1, 1), (2, 2), (1, 3), (4, 3), (2, 2), (5, 5)]))
    assert found[0] == found[2] == found[3]
    assert found[1] == found[4]
    assert len(set(found.tolist())) == 3
    assert distinct(np.array([(3, 1), (0, 0), (3, 1)])).tolist() == [[3, 1], [0, 0]]


def test_an_openea_folder_with_every_line_twice_is_at_chance(tmp_path: Path) -> None:
    """Random triples and random pairs say nothing: Hits@1 is 1/n and the mean reciprocal rank H(n)/n, n = 105."""
    draw = np.random.default_rng(0)
    for side in ("1", "2"):
        rows = [f"{side}e{h}\tr{r}\t{side}e{t}" for h, r, t in draw.integers(150, size=(600, 3)) % [150, 5, 150]]
        rows += [f"{side}e{i}\tr0\t{side}e{i}" for i in range(150)]
        (tmp_path / f"rel_triples_{side}").write_text("\n".join(rows))
    links = [f"1e{i}\t2e{j}" for i, j in enumerate(draw.permutation(150))]
    (tmp_path / "ent_links").write_text("\n".join(links + links))
    dataset = layouts.read("twice", tmp_path)
    changes = {"data.seed_ratio": 0.3, "train.epochs": 30, "eval.every": 30, "eval.select": "last"}
    run = runs.plan("mclea", dataset, 0, changes)
    assert "twice: 150 of 300 pairs repeat another one: 150 distinct pairs are split" in run.notes
    found = next(iter(runs.execute(run, dataset).selections.values()))
    chance = (1 / np.arange(1, 106)).sum() / 105
    assert found.ranks["l2r/realistic"].shape == (105,)
    assert abs(found.metrics["test/mean/mrr"] - chance) < 4 * 0.0115
    assert found.metrics["test/mean/hits_at_1"] <= 5 / 105


def test_the_notes_count_what_was_repeated_or_shared() -> None:
    pairs = [(0, 0), (0, 0), (1, 1), (2, 1)]
    first, second = leakage.of_pairs(graphs(pairs), "seeded")
    assert first == "small: 1 of 4 pairs repeat another one: 3 distinct pairs are split"
    assert second == "small: 1 pairs share an entity with an earlier one: such pairs stay on one side of the split"
    assert leakage.of_pairs(graphs(pairs), "papers")[1].endswith("may train on an entity of a test pair")
    assert leakage.of_pairs(graphs([(0, 1), (1, 0)]), "seeded") == ()


def test_the_notes_count_what_published_parts_have_in_common() -> None:
    data = graphs([(0, 0)], train=[(0, 0), (0, 0), (1, 1)], valid=[(5, 5)], test=[(0, 0), (1, 2), (5, 5), (9, 9)])
    assert leakage.of_pairs(data, "published") == (
        "small: 1 rows of the published train pairs repeat another one; kept as published",
        "small: of 4 test pairs 1 are train pairs too, and 1 more share an entity with one; kept as published",
        "small: of 4 test pairs 1 are valid pairs too, and 0 more share an entity with one; kept as published",
    )
    assert split(data, AlignmentData(split="published"), 0.0, 0).test.tolist() == [[0, 0], [1, 2], [5, 5], [9, 9]]


def leaky() -> CompletionGraph:
    graph = MultiModalGraph(list("abcd"), ["r", "s"], np.array([(0, 0, 1), (1, 0, 2), (2, 0, 3), (3, 1, 0)]))
    valid, test = np.array([(0, 1, 2)]), np.array([(0, 0, 1), (0, 1, 3), (2, 1, 1), (1, 1, 1)])
    return CompletionGraph("leaky", graph, valid, test)


def test_test_triples_in_train_are_said_in_the_notes_of_a_run() -> None:
    run = runs.plan("kge", leaky(), 0)
    assert "leaky: 1 of 4 test triples are train triples too; kept as published" in run.notes


def test_triples_the_other_way_round_are_counted() -> None:
    """(d s a) answers ``a s d``, (b r c) answers ``c s b``; the loop ``b s b`` is nowhere."""
    assert leakage.inverse(leaky(), leaky().test) == 2


#: Pairs that repeat another one, and pairs that share an entity with an earlier one.
REAL = {"FB15K-DB15K": (0, 4)}


@pytest.mark.real
def test_the_benchmarks_keep_their_split(real: Path) -> None:
    folders = [folder for folder in real.iterdir() if (folder / "pairs.tsv").exists()]
    assert folders
    for folder in folders:
        pairs = np.loadtxt(folder / "pairs.tsv", np.int64, usecols=(0, 1), delimiter="\t")
        once = distinct(pairs)
        shared = sum(len(once) - len(np.unique(once[:, side])) for side in (0, 1))
        assert (len(pairs) - len(once), shared) == REAL.get(folder.name, (0, 0)), folder.name
        for seed in (0, 2023):
            kept, papers = (split(graphs(pairs), AlignmentData(split=how), 0.05, seed) for how in ("seeded", "papers"))
            for one, other in zip(parts(kept), parts(papers), strict=True):
                assert len(one) == len(other)
                moved = len(set(map(tuple, one.tolist())) - set(map(tuple, other.tolist())))
                assert moved <= 2 * shared
                assert shared or (one == other).all()
