"""The processes that train one run together; alone by default."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from kgprism.platform.errors import RunError
from kgprism.platform.method import Method

T = TypeVar("T")


@dataclass(frozen=True)
class Workers:
    """This process's number among all. Each judges its share; the others take the first one's word."""

    rank: int = 0
    size: int = 1

    @property
    def first(self) -> bool:
        """Whether this process speaks for all."""
        return self.rank == 0

    def wrap(self, method: Method) -> nn.Module:
        """Return what to call for the loss: gradients are then averaged over workers in its backward pass."""
        if self.size == 1:
            return method
        # Buffers are features and graphs, equal everywhere from the start; a phase leaves other phases' parts unused.
        several = len(method.phases) > 1
        return DistributedDataParallel(method, broadcast_buffers=False, find_unused_parameters=several)

    def agree(self, value: T) -> T:
        """Return the first worker's value on all of them; scores differ in the last bits from GPU to GPU."""
        if self.size == 1:
            return value
        box = [value]
        distributed.broadcast_object_list(box, src=0)
        return box[0]

    def mean(self, value: Tensor) -> Tensor:
        """Return the mean over workers."""
        if self.size > 1:
            value = value.clone()
            distributed.all_reduce(value)
        return value / self.size

    def sum(self, share: Callable[[], Tensor]) -> Tensor:
        """Return the sum of what each worker's `share` returns: counts, for which any order is right.

        Raises:
            RunError: on all workers if it was raised on one, so that none waits for it.
        """
        if self.size == 1:
            return share()
        mine: Tensor | str
        try:
            mine = share().cpu()
        except RunError as error:
            mine = str(error)
        found: list[Any] = [None] * self.size
        distributed.all_gather_object(found, mine)
        for wrong in found:
            if isinstance(wrong, str):
                raise RunError(wrong)
        return torch.stack(found).sum(0, dtype=found[0].dtype)


def sync(device: torch.device) -> None:
    """Wait for a GPU, so that a clock read afterwards is true."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
