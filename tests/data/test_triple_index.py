"""The index of known triples against sets."""

import pytest
import torch
from torch import Tensor

from kgprism.platform.batch import Side
from kgprism.platform.data.triple_index import Known

ENTITIES, RELATIONS = 12, 4


def triples(seed: int, count: int = 150) -> Tensor:
    draw = torch.Generator().manual_seed(seed)
    return torch.stack([torch.randint(high, (count,), generator=draw) for high in (ENTITIES, RELATIONS, ENTITIES)], 1)


def as_sets(rows: Tensor, side: Side) -> dict[tuple[int, int], set[int]]:
    found: dict[tuple[int, int], set[int]] = {}
    for h, r, t in rows.tolist():
        known, answer = (h, t) if side == "tail" else (t, h)
        found.setdefault((known, r), set()).add(answer)
    return found


def every_query(index: Known) -> tuple[list[tuple[int, int]], Tensor]:
    pairs = [(known, relation) for known in range(ENTITIES) for relation in range(RELATIONS)]
    return pairs, index.query(*torch.tensor(pairs).unbind(1))


@pytest.mark.parametrize("side", ["head", "tail"])
def test_answers_and_membership_are_those_of_sets(side: Side) -> None:
    rows = triples(0)
    index, sets = Known(rows, ENTITIES, RELATIONS, side), as_sets(rows, side)
    pairs, queries = every_query(index)
    found: dict[tuple[int, int], list[int]] = {}
    for row, answer in zip(*(part.tolist() for part in index.answers(queries)), strict=True):
        found.setdefault(pairs[row], []).append(answer)
    assert found == {pair: sorted(answers) for pair, answers in sets.items()}
    grid = index.contains(queries[:, None], torch.arange(ENTITIES)[None])
    assert grid.tolist() == [[e in sets.get(pair, set()) for e in range(ENTITIES)] for pair in pairs]


@pytest.mark.parametrize("side", ["head", "tail"])
def test_unknown_entities_are_never_known_and_all_equally_likely(side: Side) -> None:
    rows = triples(1)
    index, sets = Known(rows, ENTITIES, RELATIONS, side), as_sets(rows, side)
    for pair, query in zip(*every_query(index), strict=True):
        left = [e for e in range(ENTITIES) if e not in sets.get(pair, set())]
        grid = (torch.arange(10 * len(left)) + 0.5) / (10 * len(left))  # ten evenly spread draws for each
        drawn = index.unknown(query.expand(len(grid)), grid)
        assert drawn.tolist() == [entity for entity in left for _ in range(10)]


def test_where_everything_is_known_any_entity_may_come() -> None:
    rows = torch.stack([torch.zeros(ENTITIES), torch.zeros(ENTITIES), torch.arange(ENTITIES)], 1).long()
    index = Known(rows, ENTITIES, RELATIONS, "tail")
    drawn = index.unknown(torch.zeros(50, dtype=torch.long), torch.rand(50))
    assert ((drawn >= 0) & (drawn < ENTITIES)).all()


def test_an_empty_index_knows_nothing() -> None:
    index = Known(torch.zeros(0, 3, dtype=torch.long), ENTITIES, RELATIONS, "tail")
    queries = torch.arange(5)
    assert not index.contains(queries, queries).any()
    assert index.answers(queries)[0].numel() == 0
    assert index.unknown(queries, torch.full((5,), 0.999)).tolist() == [ENTITIES - 1] * 5
