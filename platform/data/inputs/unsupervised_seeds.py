"""Seed pairs without a label: entities whose features are alike (EVA; alignment specification, 0.11)."""

from collections.abc import Iterator
from typing import Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import normalize

from kgprism.platform.data.inputs.joint import JointGraph
from kgprism.platform.errors import DataError, nearest

#: How many of the highest similarities are looked through for each pair that is wanted.
WIDTH = 100
#: Cosines count to this many decimals: what is equal in truth, as many names are, must not be ordered by how a machine
#: rounds, or workers on two machines would train on different seeds.
DECIMALS = 7


def unsupervised(
    graph: JointGraph, modality: str, count: int, *, among: Literal["all", "present"] = "all", chunk: int = 2048
) -> np.ndarray:
    """Return up to `count` pairs ``(pairs, 2)`` of left and right ids, each side's own, the most similar first.

    The ``100 x count`` highest cosines of `modality` are gone through in descending order, and a pair is kept if both
    its ends are free. `among` says whether entities whose vectors were filled in take part, as in the releases. Holds
    ``chunk x right entities`` similarities at a time. Among equals, lower ids come first.

    Raises:
        DataError: if the graphs lack the modality.
    """
    if modality not in graph.features:
        raise DataError(f"no {modality} features to find seed pairs by{nearest(modality, graph.features)}")
    rows = torch.arange(graph.entities)
    kept = rows if among == "all" else rows[graph.present[modality]]
    left, right = kept[kept < graph.left], kept[kept >= graph.left]
    one_side, other_side = (normalize(graph.features[modality][side], dim=1) for side in (left, right))
    ranked = _ordered(_highest(one_side, other_side, WIDTH * count, chunk), one_side, other_side, chunk)
    one, other = left[ranked[:, 0]].numpy(), right[ranked[:, 1]].numpy() - graph.left
    found = list(_free(one.tolist(), other.tolist(), count))
    return np.array(found, np.int64).reshape(-1, 2)


def _highest(left: Tensor, right: Tensor, count: int, chunk: int) -> Tensor:
    """Return the places ``(count, 2)`` of the highest products, descending; the lower place first among equals."""
    values, places = torch.zeros(0), torch.zeros(0, dtype=torch.long)
    for start in range(0, len(left), chunk):
        block = (left[start : start + chunk] @ right.T).flatten()
        top, place = block.topk(min(count, len(block)))
        values, places = torch.cat([values, top]), torch.cat([places, place + start * len(right)])
        order = places.argsort()
        order = order[values[order].argsort(descending=True, stable=True)][:count]
        values, places = values[order], places[order]
    return torch.stack([places // max(1, len(right)), places % max(1, len(right))], 1)


def _ordered(places: Tensor, left: Tensor, right: Tensor, chunk: int) -> Tensor:
    """Return the places ``(count, 2)`` by their cosines of double precision, rounded; the lower place first."""
    places = places[(places[:, 0] * len(right) + places[:, 1]).argsort()]
    cosines = [
        (normalize(left[part[:, 0]].double()) * normalize(right[part[:, 1]].double())).sum(1)
        for part in places.split(chunk)
    ]
    return places[torch.cat(cosines).round(decimals=DECIMALS).argsort(descending=True, stable=True)]


def _free(left: list[int], right: list[int], count: int) -> Iterator[tuple[int, int]]:
    """Yield pairs whose ends have not been taken, until there are enough."""
    taken: tuple[set[int], set[int]] = (set(), set())
    for one, other in zip(left, right, strict=True):
        if len(taken[0]) == count:
            return
        if one not in taken[0] and other not in taken[1]:
            taken[0].add(one)
            taken[1].add(other)
            yield one, other
