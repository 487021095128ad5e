"""Queries of many corrupted triples at once, each for the end that is replaced."""

import torch
from torch import Tensor

from kgprism.platform.nn.scoring import Scorer


def queries(scorer: Scorer, entities: Tensor, relations: Tensor, triples: Tensor, head: Tensor) -> Tensor:
    """Return what candidates are compared with, ``(n, width of a query)``; `entities` are framed.

    `head` ``(n,)`` tells for which of the triples ``(n, 3)`` the head is asked for; of the others it is the tail.
    """
    h, r, t = triples.unbind(1)
    relation = relations[r]
    for_tail = scorer.query(entities[h], relation, "tail")
    for_head = scorer.query(entities[t], relation, "head")
    return torch.where(head[:, None], for_head, for_tail)
