"""Two kinds of step, of the gradient of a batch as a whole or of its slices one by one."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol, cast

import torch
from torch import Tensor
from torch.nn import Parameter

from kgprism.platform import method as methods
from kgprism.platform.errors import ConfigurationError
from kgprism.platform.method import Method
from kgprism.platform.settings import AlignmentTraining, Training
from kgprism.platform.training.optimiser import Optimiser
from kgprism.platform.training.workers import Workers


class Step(Protocol):
    """What adds a batch's gradient to what has gathered; the optimiser steps afterwards."""

    def backward(self, batch: Any, phase: str) -> dict[str, Tensor]:
        """Add the gradient of one phase of a batch and return its loss terms, without a graph behind them."""


def step(learner: Method, optimiser: Optimiser, workers: Workers, settings: Training) -> Step:
    """Return the kind of step that the settings ask for.

    Raises:
        ConfigurationError: if several GPUs would have to add sparse gradients.
    """
    several = workers.size > 1 and methods.device(settings.device).type == "cuda"
    if several and any(getattr(part, "sparse", False) for part in learner.modules()):
        raise ConfigurationError(
            "train.sampling.table_steps=lazy: GPUs add no sparse gradients (NCCL): one worker, or train.device=cpu"
        )
    if isinstance(settings, AlignmentTraining) and settings.clip_after == "slice" and settings.clip > 0:
        return SlicedStep(cast(Sliceable, learner), optimiser, workers, settings)
    return WholeStep(learner, workers, settings)


class WholeStep:
    """One backward pass a batch, in which gradients are averaged over workers."""

    def __init__(self, learner: Method, workers: Workers, settings: Training) -> None:
        self.module, self.settings = workers.wrap(learner), settings

    def backward(self, batch: Any, phase: str) -> dict[str, Tensor]:
        """Add a batch's gradient to what has gathered, and return its loss terms."""
        with precision(self.settings):
            losses = self.module(batch, phase)
        torch.stack(list(losses.values())).sum().backward()
        return {name: value.detach() for name, value in losses.items()}


class Sliceable(Protocol):
    """A learner that encodes once a batch and yields the losses of every slice."""

    def slices(self, batch: Any) -> Iterator[dict[str, Tensor]]:
        """Yield the loss terms of each slice."""

    def parameters(self) -> Iterator[Parameter]:
        """Yield all weights."""


class SlicedStep:
    """One backward pass a slice, after each of which what has gathered is clipped: g <- clip(g + slice).

    Gradients are averaged over workers here: a wrapper that waits for whole steps would be in the way.
    """

    def __init__(self, learner: Sliceable, optimiser: Optimiser, workers: Workers, settings: Training) -> None:
        self.learner, self.optimiser, self.workers, self.settings = learner, optimiser, workers, settings

    def backward(self, batch: Any, phase: str) -> dict[str, Tensor]:
        """Add the slices' gradients one by one, and return the sum of every loss term."""
        found: dict[str, Tensor] = {}
        trained = [p for p in self.learner.parameters() if p.requires_grad]
        slices = self.learner.slices(batch)
        while True:
            with precision(self.settings):
                losses = next(slices, None)
            if losses is None:
                return found
            gathered = [p.grad for p in trained]
            for parameter in trained:
                parameter.grad = None
            torch.stack(list(losses.values())).sum().backward(retain_graph=True)
            self._gather(trained, gathered)
            self.optimiser.clip()
            found |= {name: found.get(name, 0) + value.detach() for name, value in losses.items()}

    def _gather(self, trained: list[Parameter], gathered: list[Tensor | None]) -> None:
        """Average what a slice left over workers and add it to what has `gathered`."""
        for parameter, before in zip(trained, gathered, strict=True):
            if parameter.grad is None:
                parameter.grad = before
                continue
            parameter.grad = self.workers.mean(parameter.grad)
            if before is not None:
                parameter.grad += before


def precision(settings: Training) -> AbstractContextManager[Any]:
    """Return what a forward pass runs in: with bfloat16, matrix products round to 8 bits; weights stay float32."""
    if settings.precision == "bfloat16":
        return torch.autocast(methods.device(settings.device).type, torch.bfloat16)
    return nullcontext()
