"""Dropout that does not depend on how many of an encoder's rows are asked for."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple

from torch import Tensor, nn


class Some(NamedTuple):
    """Which rows, ascending places ``(rows,)``, of how many."""

    places: Tensor
    total: int


_SEEN: ContextVar[Some | None] = ContextVar("seen", default=None)


@contextmanager
def among(places: Tensor, total: int) -> Iterator[None]:
    """Let every `Dropout` inside draw for `total` rows, of which its inputs are those at some places."""
    token = _SEEN.set(Some(places, total))
    try:
        yield
    finally:
        _SEEN.reset(token)


class Dropout(nn.Dropout):
    """PyTorch's; `among` more rows, what is seen drops what it would drop if all of them were there."""

    def forward(self, rows: Tensor) -> Tensor:
        seen = _SEEN.get()
        if seen is None or not self.training or not self.p:
            return super().forward(rows)
        kept = rows.new_empty(seen.total, *rows.shape[1:]).bernoulli_(1 - self.p)
        return rows * kept[seen.places].div_(1 - self.p)
