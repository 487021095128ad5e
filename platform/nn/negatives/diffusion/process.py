"""Denoising diffusion over entity vectors (Ho et al., 2020) as DHNS builds it (completion specification, 1.3).

Times run from 1 to T; index ``t - 1`` of a table belongs to time ``t``. The schedule's names are Ho's: ``beta`` the
variance added, ``signal`` and ``noise`` the square roots of what is left of the vector and of what has been added.
"""

import math
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from kgprism.platform.module import Module
from kgprism.platform.part import Part

Schedule = Literal["linear", "cosine", "scaled"]


class Diffusion(Module):
    """One denoiser for vectors of `width`, with the schedule that it is trained and read with."""

    class Config(Part):
        """The denoiser, what it learns, and what its loss does to the scorer."""

        steps: int = Field(50, ge=2, description="T: times between a vector and noise")
        schedule: Schedule = Field("linear", description="beta: 1e-4 to 0.02; cosine; scaled: linear times 1000 / T")
        time: Literal["learned", "fixed"] = Field(
            "learned", description="sines, then an MLP (the code); fixed: interleaved, base 1000, no MLP (the paper)"
        )
        norm: Literal["before", "after"] = Field(
            "before", description="layer norms inside the MLP (the code) or one after it (the paper, Eq. 10)"
        )
        hidden: int = Field(4, ge=1, description="hidden width of the denoiser, in widths of an entity")
        loss: Literal["l1", "mse"] = Field("l1", description="between the noise and its estimate; mse: the paper")
        learning_rate: float = Field(2e-3, gt=0)
        updates: int = Field(1, ge=1, description="optimiser steps a batch; the code's 10 never come into effect")
        to_scorer: float = Field(
            1.0, ge=0, le=1, description="share of its loss's gradient that reaches the scorer: 1 the code, 0 the paper"
        )

        def build(self, width: int) -> "Diffusion":
            return self.made(width)

    beta: Tensor
    signal: Tensor
    noise: Tensor
    positions: Tensor

    def __init__(self, settings: Config, width: int) -> None:
        super().__init__()
        self.settings = settings
        beta = variances(settings.schedule, settings.steps)
        kept = (1 - beta).cumprod(0)
        for name, table in (("beta", beta), ("signal", kept.sqrt()), ("noise", (1 - kept).sqrt())):
            self.register_buffer(name, table.float(), persistent=False)
        learned = settings.time == "learned"
        table = halves(settings.steps, width) if learned else interleaved(settings.steps, width)
        self.register_buffer("positions", table, persistent=False)
        self.clock = nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.Linear(width, width)) if learned else None
        self.denoiser = _denoiser(width, settings.hidden * width, settings.norm)

    def times(self) -> Tensor:
        """Return what the denoiser is told about each time, ``(T, width)``."""
        return self.positions if self.clock is None else self.clock(self.positions)

    def noised(self, vectors: Tensor, time: Tensor, noise: Tensor) -> Tensor:
        """Return the vectors at their times: ``(..., width)``, times ``(...)`` in 1..T, standard normal noise."""
        return self.signal[time - 1, None] * vectors + self.noise[time - 1, None] * noise

    def forward(self, vectors: Tensor, time: Tensor, condition: Tensor) -> Tensor:
        """Estimate the noise in vectors ``(..., width)``; `time` are rows of `times`, one or one a vector."""
        estimate: Tensor = self.denoiser(torch.cat([vectors, time.expand_as(vectors), condition], -1))
        return estimate

    def loss(self, vectors: Tensor, time: Tensor, noise: Tensor, condition: Tensor) -> Tensor:
        """Return how far each vector's noise is from its estimate, averaged over coordinates: ``(...)``."""
        estimate = self(self.noised(vectors, time, noise), self.times()[time - 1], condition)
        difference = estimate - noise
        return (difference.abs() if self.settings.loss == "l1" else difference.square()).mean(-1)

    def back(self, vectors: Tensor, time: int, estimate: Tensor, fresh: Tensor | None) -> Tensor:
        """Take vectors one time back (variance beta); `fresh` noise is added, none at the last step."""
        beta, noise = self.beta[time - 1], self.noise[time - 1]
        mean = (vectors - beta / noise * estimate) / (1 - beta).sqrt()
        return mean if fresh is None else mean + beta.sqrt() * fresh


def _denoiser(width: int, hidden: int, norm: str) -> nn.Sequential:
    if norm == "after":
        return nn.Sequential(nn.Linear(3 * width, hidden), nn.ReLU(), nn.Linear(hidden, width), nn.LayerNorm(width))
    return nn.Sequential(
        *(nn.LayerNorm(3 * width), nn.Linear(3 * width, hidden), nn.ReLU()),
        *(nn.LayerNorm(hidden), nn.Linear(hidden, width), nn.Linear(width, width)),
    )


def variances(schedule: Schedule, steps: int) -> Tensor:
    """Return beta of every time, ``(T,)`` float64, below one (cosine: Nichol and Dhariwal, 2021, Eq. 17)."""
    if schedule == "cosine":
        angles = (torch.arange(steps + 1, dtype=torch.float64) / steps + 0.008) / 1.008 * (math.pi / 2)
        kept = angles.cos().square()
        return (1 - kept[1:] / kept[:-1]).clamp(max=0.999)
    beta = torch.linspace(1e-4, 0.02, steps, dtype=torch.float64)
    return (beta * 1000 / steps).clamp(max=0.999) if schedule == "scaled" else beta


def halves(steps: int, width: int) -> Tensor:
    """Return ``[sin(t f) ; cos(t f)]`` for t in 1..T with frequencies from 1 down to 1e-4 (the code)."""
    half = (width + 1) // 2
    frequencies = torch.exp(torch.arange(half) * (-math.log(10_000) / max(half - 1, 1)))
    angles = torch.arange(1, steps + 1)[:, None] * frequencies
    return torch.cat([angles.sin(), angles.cos()], 1)[:, :width]


def interleaved(steps: int, width: int) -> Tensor:
    """Return sine and cosine of ``t / 1000^(2 i / width)`` in turns for t in 1..T (the paper)."""
    half = (width + 1) // 2
    angles = torch.arange(1, steps + 1)[:, None] * torch.exp(torch.arange(half) * (-2 * math.log(1000) / width))
    return torch.stack([angles.sin(), angles.cos()], 2).flatten(1)[:, :width]
