"""What the denoiser is told about a triple, and the chains from noise to negatives (DHNS; spec 1.3, 6.2).

A chain is one modality's; all chains of a step run stacked, ``(chains, triples, width)``, through one denoiser call a
time. Only the times that are read get a call for the heads, and nothing runs below the least noisy of them: the
distribution is that of the plain loop, at about half its arithmetic.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from kgprism.platform.batch import Side
from kgprism.platform.nn.negatives.diffusion.chained import Chained
from kgprism.platform.nn.negatives.diffusion.levels import Levels
from kgprism.platform.nn.negatives.diffusion.process import Diffusion
from kgprism.platform.nn.scoring.scorers import Scorer, TransE
from kgprism.platform.part import Settings

Condition = Literal["code", "paper"]
#: Returns fresh standard normal numbers, ``(chains, triples, width)``.
Normal = Callable[[], Tensor]


class Sampling(Settings):
    """How negatives are drawn from the generator."""

    levels: Levels = Field("code", description="the times at which the chain is read, in parts of T")
    start: Literal["noise", "marginal"] = Field(
        "noise", description="noise: N(0, 1), as released; marginal: with the moments that entities have at time T"
    )
    heads: Literal["derived", "own"] = Field(
        "derived", description="derived: one step from the tails' chain (the code); own: a chain (the paper)"
    )
    rescale: float = Field(
        0.0, ge=0, le=1, description="power that draws each vector's length to its modality's mean; 0: as generated"
    )


def condition(scorer: Scorer, known: Tensor, relation: Tensor, side: Side, sign: Condition) -> Tensor:
    """Return what the known end and the relation say about the end `side`, as wide as `known`.

    The released code gives TransE the opposite of its own translation (spec 1.3), over raw vectors; elsewhere it is the
    scorer's query, of which PairRE's part for the candidate is left out.
    """
    relation = relation.expand(*known.shape[:-1], -1)
    if isinstance(scorer, TransE):
        forward = (side == "tail") == (sign == "paper")
        return known + relation if forward else known - relation
    return scorer.query(scorer.frame(known), relation, side)[..., : known.shape[-1]]


@torch.no_grad()
def drawn(
    process: Diffusion, tail: Tensor, head: Tensor, start: Tensor, normal: Normal, levels: Iterable[int]
) -> dict[int, tuple[Tensor, Tensor]]:
    """Return heads and tails at each level, ``(chains, triples, width)`` each; heads are derived from the tails' chain.

    `tail` and `head` are the conditions of the two ends; `start` the vectors at time T.
    """
    wanted, denoiser = set(levels), Chained(process)
    for_tail, for_head = denoiser.told(tail), denoiser.told(head)
    vectors, found = start, {}
    for time in range(process.settings.steps, min(wanted), -1):
        vectors = _back(process, vectors, time, denoiser(vectors, time, for_tail), normal)
        if time - 1 in wanted:
            found[time - 1] = _back(process, vectors, time, denoiser(vectors, time, for_head), normal), vectors
    return found


@torch.no_grad()
def drawn_apart(
    process: Diffusion, tail: Tensor, head: Tensor, start: tuple[Tensor, Tensor], normal: Normal, levels: Iterable[int]
) -> dict[int, tuple[Tensor, Tensor]]:
    """Return heads and tails at each level, each from a chain of its own; `start` are those of heads and tails."""
    wanted, denoiser = set(levels), Chained(process)
    vectors, conditions, found = torch.stack(start), denoiser.told(torch.stack([head, tail])), {}

    def both() -> Tensor:
        return torch.stack([normal(), normal()])

    for time in range(process.settings.steps, min(wanted), -1):
        vectors = _back(process, vectors, time, denoiser(vectors, time, conditions), both)
        if time - 1 in wanted:
            found[time - 1] = vectors[0], vectors[1]
    return found


def _back(process: Diffusion, vectors: Tensor, time: int, estimate: Tensor, normal: Normal) -> Tensor:
    return process.back(vectors, time, estimate, normal() if time > 1 else None)


def started(process: Diffusion, kind: str, entities: Mapping[str, Tensor], normal: Tensor) -> Tensor:
    """Return vectors at time T out of standard normal ones ``(chains, triples, width)``; a chain is a modality's.

    ``marginal`` gives each coordinate the mean and variance that the entities' coordinates have after T noisings.
    """
    if kind == "noise":
        return normal
    mean = torch.stack([table.mean(0) for table in entities.values()])[:, None]
    variance = torch.stack([table.var(0, unbiased=False) for table in entities.values()])[:, None]
    signal, noise = process.signal[-1], process.noise[-1]
    return signal * mean + (signal.square() * variance + noise.square()).sqrt() * normal


def rescaled(vectors: Tensor, entities: Mapping[str, Tensor], power: float) -> Tensor:
    """Draw the lengths of vectors ``(chains, triples, width)`` to the mean length of their modality's entities."""
    if power == 0:
        return vectors
    length = torch.stack([table.norm(dim=1).mean() for table in entities.values()])[:, None, None]
    return vectors * (length / vectors.norm(dim=-1, keepdim=True).clamp_min(1e-12)).pow(power)
