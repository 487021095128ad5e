"""Pseudo-pairs: mutual nearest neighbours that agree again and again become training pairs (spec 0.9)."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from kgprism.platform.settings import Probation, SecondStage
from kgprism.platform.tasks.task import Restart, Stage


class Watch:
    """The pairs that are on probation, ``candidates`` (pairs, 2) joint ids."""

    def __init__(self, settings: Probation, left: int, right: int) -> None:
        self.settings = settings
        self.left, self.right = left, right
        self.candidates = np.zeros((0, 2), np.int64)

    def propose(self, epoch: int, trained: np.ndarray, embed: Callable[[], Tensor]) -> np.ndarray | None:
        """Check the candidates if it is time to, and return them if it is time to train on them.

        `trained` (pairs, 2) joint ids; all other entities take part, with or without a counterpart. `embed` returns
        ``(entities, width)`` and is called for a check only.
        """
        done = epoch + 1
        if epoch < self.settings.start:
            return None
        if done % self.settings.every == 0:
            self._check(done, self._agreeing(trained, embed()))
        return self.candidates if done % self.settings.commit == 0 and len(self.candidates) else None

    def _check(self, done: int, agreeing: np.ndarray) -> None:
        """Start a new window with what agrees now, or keep what still agrees."""
        if done % self.settings.window == self.settings.every % self.settings.window:
            self.candidates = agreeing
        else:
            # An entity stands in one agreeing pair at most: the left ones tell the pairs apart.
            partner = np.full(self.left, -1)
            partner[agreeing[:, 0]] = agreeing[:, 1]
            self.candidates = self.candidates[partner[self.candidates[:, 0]] == self.candidates[:, 1]]

    def _agreeing(self, trained: np.ndarray, embeddings: Tensor) -> np.ndarray:
        """Return the mutual nearest neighbours among the entities that are not trained on."""
        left = np.setdiff1d(np.arange(self.left), trained[:, 0])
        right = np.setdiff1d(np.arange(self.left, self.left + self.right), trained[:, 1])
        pools = (torch.from_numpy(pool).to(embeddings.device) for pool in (left, right))
        rows, columns = (F.normalize(embeddings[pool]) for pool in pools)
        found = mutual_nearest(rows, columns, self.settings.chunk).cpu().numpy()
        return np.stack([left[found[:, 0]], right[found[:, 1]]], axis=1)


def mutual_nearest(left: Tensor, right: Tensor, chunk: int) -> Tensor:
    """Return ``(pairs, 2)`` rows of `left` and `right` that are each other's nearest; the first row wins a tie.

    Holds ``chunk x len(right)`` similarities at a time.
    """
    if not len(left) or not len(right):
        return torch.zeros(0, 2, dtype=torch.long)
    forward = []
    highest = right.new_full((len(right),), -torch.inf)
    backward = torch.zeros(len(right), dtype=torch.long, device=right.device)
    for start in range(0, len(left), chunk):
        block = left[start : start + chunk] @ right.T
        forward.append(block.argmax(1))
        value, row = block.max(0)
        backward = torch.where(value > highest, row + start, backward)
        highest = torch.maximum(highest, value)
    nearest = torch.cat(forward)
    rows = torch.arange(len(left), device=left.device)
    mutual = backward[nearest] == rows
    return torch.stack([rows[mutual], nearest[mutual]], dim=1)


def restart(settings: Probation, epoch: int) -> Restart | None:
    """Say what happens to the optimiser before this epoch: every released code changes it when checking starts."""
    every_epoch = settings.restart == "every_epoch"
    if epoch == settings.start or (every_epoch and epoch > settings.start):
        return Restart(settings.learning_rate_factor, fresh=settings.restart != "never")
    return None


def stage(settings: Probation, epochs: int) -> Stage | None:
    """Return the run's second training; one that would begin after the last of `epochs` leaves a single one."""
    if isinstance(settings.stage, SecondStage) and settings.start < epochs:
        return Stage(settings.start, settings.stage)
    return None
