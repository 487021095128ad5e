"""The denoiser along whole chains, at half its arithmetic: what a chain never changes is multiplied once.

The denoiser reads ``[vectors ; time ; condition]``, and from one time to the next only the vectors are new: what its
first layer makes of the other two is kept. Two linear maps behind each other are one. The estimates are the plain
denoiser's up to rounding.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from kgprism.platform.nn.negatives.diffusion.process import Diffusion


class Told(NamedTuple):
    """A part of the denoiser's input by what its first layer needs of it: product, mean and variance of each row."""

    product: Tensor
    mean: Tensor
    variance: Tensor


class Chained:
    """The denoiser as its weights are now, without gradients; its vectors and conditions are ``(..., width)``.

    A layer norm in front goes into the first layer: centred weights take the mean away, and what is left of the norm
    is one division of the product.
    """

    @torch.no_grad()
    def __init__(self, process: Diffusion) -> None:
        layers: list[Any] = list(process.denoiser)
        norm = layers.pop(0) if isinstance(layers[0], nn.LayerNorm) else None
        first, _, *rest = layers
        weight, self.bias = first.weight, first.bias
        self.epsilon = None if norm is None else norm.eps
        if norm is not None:
            self.bias = self.bias + weight @ norm.bias
            weight = weight * norm.weight
            weight = weight - weight.mean(1, keepdim=True)
        self.vectors: Tensor
        self.condition: Tensor
        self.vectors, time, self.condition = weight.T.chunk(3)
        self.times = _told(process.times(), time)
        self.rest: list[Callable[[Tensor], Tensor]] = [rest[0], _one(*rest[1:]) if norm is not None else rest[1]]

    @torch.no_grad()
    def told(self, condition: Tensor) -> Told:
        """Return what all times of a chain are told by its conditions."""
        return _told(condition, self.condition)

    @torch.no_grad()
    def __call__(self, vectors: Tensor, time: int, condition: Told) -> Tensor:
        """Estimate the noise in vectors at a time in 1..T."""
        clock = Told(*(values[time - 1] for values in self.times))
        hidden = torch.addmm(condition.product.flatten(0, -2), vectors.flatten(0, -2), self.vectors)
        hidden = hidden.view_as(condition.product).add_(clock.product)
        if self.epsilon is not None:
            hidden.div_(_deviation(vectors, clock, condition, self.epsilon))
        hidden.add_(self.bias).relu_()
        for layer in self.rest:
            hidden = layer(hidden)
        return hidden


def _told(rows: Tensor, weight: Tensor) -> Told:
    variance, mean = torch.var_mean(rows, -1, correction=0, keepdim=True)
    return Told(rows @ weight, mean, variance)


def _deviation(vectors: Tensor, clock: Told, condition: Told, epsilon: float) -> Tensor:
    """Return the standard deviation of ``[vectors ; time ; condition]``, three parts of one width, by row."""
    variance, mean = torch.var_mean(vectors, -1, correction=0, keepdim=True)
    means = mean, clock.mean, condition.mean
    middle = sum(means) / 3
    within = (variance + clock.variance + condition.variance) / 3
    between = sum((part - middle).square() for part in means) / 3
    return (within + between + epsilon).sqrt()


def _one(first: nn.Linear, second: nn.Linear) -> Callable[[Tensor], Tensor]:
    """Return the linear map that `first` and then `second` are."""
    return partial(linear, weight=second.weight @ first.weight, bias=second(first.bias))
