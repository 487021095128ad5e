import torch

from kgprism.platform.data.inputs.joint import JointGraph
from kgprism.platform.data.inputs.sampled_graph import Neighbourhoods, restrict


def graph(triples: list[tuple[int, int, int]], left: int, right: int) -> JointGraph:
    size = left + right
    features = {"image": torch.arange(float(size))[:, None]}
    present = {"image": torch.arange(size) % 2 == 0}
    return JointGraph(left, right, 9, torch.tensor(triples).reshape(-1, 3), features, present)


#: A chain 0 - 1 - 2 - 3 and a star of 5 around 4; 10 stands alone.
CHAIN = [(0, 0, 1), (2, 1, 1), (2, 2, 3)]
STAR = [(4, 3, leaf) for leaf in range(5, 10)]


def sampled(seeds: list[int], fan_out: int, hops: int, seed: int = 0) -> tuple[list[int], list[int]]:
    draw = torch.Generator().manual_seed(seed)
    met, rows = Neighbourhoods(graph(CHAIN + STAR, 6, 5)).sample(torch.tensor(seeds), fan_out, hops, draw)
    return met.tolist(), rows.tolist()


def test_a_hop_reaches_neighbours_either_way_round() -> None:
    assert sampled([1], 9, 1) == ([0, 1, 2], [0, 1])
    assert sampled([1], 9, 2) == ([0, 1, 2, 3], [0, 1, 2])
    assert sampled([3, 0, 3], 9, 1) == ([0, 1, 2, 3], [0, 2])
    assert sampled([10], 9, 3) == ([10], [])


def test_no_more_triples_than_the_fan_out_are_drawn_and_all_have_the_same_chance() -> None:
    counts = torch.zeros(11)
    for seed in range(400):
        met, rows = sampled([4], 2, 1, seed)
        assert len(rows) == 2
        assert len(met) == 3
        counts[met] += 1
    assert counts[4] == 400
    # Two of five leaves: 160 of 400 each, four deviations of sqrt(400 * .4 * .6) wide.
    assert (counts[5:10] - 160).abs().max() < 4 * 96**0.5


def test_a_part_has_ids_from_zero_on_and_keeps_what_belongs_to_its_entities() -> None:
    part = restrict(graph(CHAIN + STAR, 6, 5), torch.tensor([1, 2, 4, 9]), torch.tensor([1, 7]))
    assert (part.left, part.right, part.relations) == (3, 1, 9)
    assert part.triples.tolist() == [[1, 1, 0], [2, 3, 3]]
    assert part.features["image"].flatten().tolist() == [1, 2, 4, 9]
    assert part.present["image"].tolist() == [False, True, True, False]
