"""AdamW with what the methods' loops do to it: schedule, clipping, restarts (spec 0.8, 0.9)."""

import math
from collections.abc import Mapping
from typing import Any

from torch.nn.utils import clip_grad_norm_
from torch.optim import AdamW

from kgprism.platform.method import Method
from kgprism.platform.settings import Cosine, Training
from kgprism.platform.tasks.task import Restart


class Optimiser:
    """Steps over a method's parameter groups; a group may set ``weight_decay`` and ``rate_factor``."""

    def __init__(self, method: Method, settings: Training) -> None:
        self.method, self.settings = method, settings
        self.restart_factor = 1.0
        self.adam = self._fresh()

    def _fresh(self) -> AdamW:
        groups = []
        for group in self.method.groups():
            trained = [p for p in group["params"] if p.requires_grad]
            groups.append({"rate_factor": 1.0} | group | {"params": trained})
        return AdamW(groups, lr=self.settings.learning_rate, weight_decay=self.settings.weight_decay)

    def restart(self, restart: Restart) -> None:
        """Change the base rate and, if asked, forget all moments: the next step is then about ``rate * sign``."""
        self.restart_factor = restart.rate_factor
        if restart.fresh:
            self.adam = self._fresh()

    def rate(self, progress: float) -> float:
        """Return the learning rate at a share of the training, before a group's own factor."""
        factor = self.restart_factor
        if isinstance(self.settings.schedule, Cosine):
            factor *= cosine(progress, self.settings.schedule.warmup)
        return self.settings.learning_rate * factor

    def step(self, progress: float) -> None:
        """Clip, step at the rate of this moment, and clear the gradients."""
        if self.settings.clip:
            clip_grad_norm_([p for group in self.adam.param_groups for p in group["params"]], self.settings.clip)
        for group in self.adam.param_groups:
            group["lr"] = self.rate(progress) * group["rate_factor"]
        self.adam.step()
        self.adam.zero_grad()

    def state(self) -> dict[str, Any]:
        """Return what a checkpoint must hold."""
        return {"adam": self.adam.state_dict(), "restart_factor": self.restart_factor}

    def resume(self, state: Mapping[str, Any]) -> None:
        """Go on from a checkpoint."""
        self.restart_factor = state["restart_factor"]
        self.adam.load_state_dict(state["adam"])


def cosine(progress: float, warmup: float) -> float:
    """Return the factor of a linear warm-up followed by half a cosine, for a share of all steps in 0..1."""
    if progress < warmup:
        return progress / warmup
    return 0.5 * (1 + math.cos(math.pi * (progress - warmup) / (1 - warmup)))
