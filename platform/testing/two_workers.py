"""Two workers are one: the loss, every gradient, and what a step leaves behind."""

from dataclasses import replace
from functools import partial

import torch

from kgprism.platform.batch import Batch, Triples
from kgprism.platform.method import Method
from kgprism.platform.seeding import seeded
from kgprism.platform.testing.asked import Contract
from kgprism.platform.testing.variants import Variant


class TwoWorkersContract(Contract):
    """Each of two workers answers for its rows of a batch; their mean is what one worker has."""

    def test_the_mean_of_two_workers_is_one_worker(self, variant: Variant) -> None:
        alone, *two = (variant.build() for _ in range(3))
        for batch in variant.batches():
            for method in (alone, *two):
                method.start_epoch(0)
            for phase in alone.phases:
                _compare(alone, two, batch, phase)
        kept = dict(alone.named_buffers())
        for method in two:
            for key, buffer in method.named_buffers():
                torch.testing.assert_close(buffer, kept[key], rtol=1e-4, atol=1e-5, equal_nan=True)


def _compare(alone: Method, two: list[Method], batch: Batch | Triples, phase: str) -> None:
    """Hold losses and gradients of one phase equal, and step all three."""
    whole = _pushed(alone, batch, phase, 0, 1)
    halves = [_pushed(method, batch, phase, worker, 2) for worker, method in enumerate(two)]
    for key, loss in whole.items():
        mean = torch.stack([half[key] for half in halves]).mean()
        torch.testing.assert_close(mean, loss, rtol=1e-4, atol=1e-5, msg=partial("{}: {}".format, key))
    shares = [_gradients(method) for method in two]
    for key, gradient in _gradients(alone).items():
        mean = (shares[0][key] + shares[1][key]) / 2
        torch.testing.assert_close(mean, gradient, rtol=1e-3, atol=1e-5, msg=partial("{}: {}".format, key))
        # What DistributedDataParallel does, and a step along the gradient, the same for all three.
        for method in (alone, *two):
            parameter = method.get_parameter(key)
            parameter.grad = gradient.clone()
            parameter.data.sub_(gradient, alpha=1e-3)


def _pushed(method: Method, batch: Batch | Triples, phase: str, worker: int, workers: int) -> dict[str, torch.Tensor]:
    """Add the gradients of a worker's share to those there are; return its losses."""
    with seeded(0, "step", phase):
        losses = method(_share(batch, worker, workers), phase)
    torch.stack(list(losses.values())).sum().backward()
    return {name: value.detach() for name, value in losses.items()}


def _share(batch: Batch | Triples, worker: int, workers: int) -> Batch | Triples:
    if isinstance(batch, Triples):
        return replace(batch, worker=worker, workers=workers)
    return Batch(tuple(replace(part, worker=worker, workers=workers) for part in batch.slices))


def _gradients(method: Method) -> dict[str, torch.Tensor]:
    return {n: p.grad if p.grad is not None else torch.zeros_like(p) for n, p in method.named_parameters()}
