"""Two workers are one, for every method and every part: the loss, every gradient, and what a step leaves behind."""

from dataclasses import replace
from functools import partial
from typing import Any

import pytest
import torch

from kgprism.platform.batch import Batch, Triples
from kgprism.platform.method import Method
from kgprism.platform.seeding import seeded


def share(batch: Batch | Triples, worker: int, workers: int) -> Batch | Triples:
    if isinstance(batch, Triples):
        return replace(batch, worker=worker, workers=workers)
    return Batch(tuple(replace(part, worker=worker, workers=workers) for part in batch.slices))


def pushed(method: Method, batch: Batch | Triples, phase: str, worker: int, workers: int) -> dict[str, float]:
    """Add the gradients of a worker's share to those there are; return its losses."""
    with seeded(0, "step", phase):
        losses = method(share(batch, worker, workers), phase)
    torch.stack(list(losses.values())).sum().backward()
    return {name: value.item() for name, value in losses.items()}


def gradients(method: Method) -> dict[str, torch.Tensor]:
    return {n: p.grad if p.grad is not None else torch.zeros_like(p) for n, p in method.named_parameters()}


def test_the_mean_of_two_workers_is_one_worker(variant: Any) -> None:
    alone, *two = (variant.build() for _ in range(3))
    for batch in variant.batches():
        for method in (alone, *two):
            method.start_epoch(0)
        for phase in alone.phases:
            whole = pushed(alone, batch, phase, 0, 1)
            halves = [pushed(method, batch, phase, worker, 2) for worker, method in enumerate(two)]
            assert whole == {key: pytest.approx(sum(h[key] for h in halves) / 2, rel=1e-4, abs=1e-5) for key in whole}
            shares = [gradients(method) for method in two]
            for key, gradient in gradients(alone).items():
                mean = (shares[0][key] + shares[1][key]) / 2
                torch.testing.assert_close(mean, gradient, rtol=1e-3, atol=1e-5, msg=partial("{}: {}".format, key))
                # What DistributedDataParallel does, and a step along the gradient, the same for all three.
                for method in (alone, *two):
                    parameter = method.get_parameter(key)
                    parameter.grad = gradient.clone()
                    parameter.data.sub_(gradient, alpha=1e-3)
    kept = dict(alone.named_buffers())
    for method in two:
        for key, buffer in method.named_buffers():
            torch.testing.assert_close(buffer, kept[key], rtol=1e-4, atol=1e-5, equal_nan=True)
