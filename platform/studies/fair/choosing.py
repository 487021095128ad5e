"""Which settings a row takes of those that were tried, and how many others were as good on held-out data."""

from collections.abc import Sequence
from dataclasses import dataclass

from kgprism.platform.configuration import Overrides


@dataclass(frozen=True)
class Candidate:
    """Settings, the run that has them, and what it reaches on held-out data: by the objective, and in MRR."""

    run: str
    settings: Overrides
    value: float
    mrr: float | None = None


@dataclass(frozen=True)
class Choice:
    """The settings that are taken; ``tied``: how many configurations are as good, these among them."""

    settings: Overrides
    tied: int = 1


def choose(candidates: Sequence[Candidate], *, lowest: bool = False) -> Choice | None:
    """Return the best candidate, of equals that with the best MRR, of those the first; none where there is none.

    One run is one configuration, however often it was tried.
    """
    if not candidates:
        return None
    best = (min if lowest else max)(one.value for one in candidates)
    equals = [one for one in candidates if one.value == best]
    known = [one.mrr for one in equals if one.mrr is not None]
    if len(known) == len(equals):
        equals = [one for one in equals if one.mrr == max(known)]
    return Choice(equals[0].settings, len({one.run for one in equals}))
