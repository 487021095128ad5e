"""AdamW with what the methods' loops do to it: schedule, clipping, restarts, lazy rows (spec 0.8, 0.9)."""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import Parameter
from torch.nn.utils import clip_grad_norm_
from torch.optim.adamw import AdamW, adamw

from kgprism.platform.method import Method
from kgprism.platform.part import Nothing
from kgprism.platform.settings import AlignmentTraining, Training
from kgprism.platform.tasks.task import Restart, Stage


class Moment(NamedTuple):
    """Before the `step`-th of the `steps` that an epoch takes, both counted from 0."""

    epoch: int
    step: int = 0
    steps: int = 1


class Optimiser:
    """Steps over a method's parameter groups, those of one phase at a time."""

    def __init__(self, method: Method, settings: Training, stage: Stage | None = None) -> None:
        self.method, self.settings, self.stage = method, settings, stage
        self.restart_factor = 1.0
        self.adams = self._fresh()

    def _fresh(self) -> dict[str, AdamW]:
        groups: dict[str, list[dict[str, Any]]] = {phase: [] for phase in self.method.phases}
        for group in self.method.groups():
            trained = [p for p in group["params"] if p.requires_grad]
            own = {key: value for key, value in group.items() if key != "phase"}
            groups[group.get("phase", "train")].append({"rate_factor": 1.0} | own | {"params": trained})
        settings = self.settings
        return {
            phase: AdamW(found, lr=settings.learning_rate, weight_decay=settings.weight_decay, fused=True)
            for phase, found in groups.items()
        }

    def restart(self, restart: Restart) -> None:
        """Change the base rate and, if asked, forget all moments: the next step is then about ``rate * sign``."""
        self.restart_factor = restart.rate_factor
        if restart.fresh:
            self.adams = self._fresh()

    def rate(self, moment: Moment) -> float:
        """Return the learning rate of the step that follows a moment, before a group's own factor."""
        return self.settings.learning_rate * (self.restart_factor * self._scheduled(moment))

    def _scheduled(self, moment: Moment) -> float:
        """Return the schedule's factor. With a second stage there are two schedules, one after the other."""
        schedule: Any = self.settings.schedule
        start, end = 0, self.settings.epochs
        if self.stage and moment.epoch >= self.stage.start:
            schedule, start = self.stage.settings, self.stage.start
        elif self.stage:
            end = self.stage.start
        if isinstance(schedule, Nothing):
            return 1.0
        taken = (moment.epoch - start) * moment.steps + moment.step
        return cosine(taken, (end - start) * moment.steps * schedule.horizon, schedule.warmup)

    def clip(self, phase: str = "train") -> None:
        """Shorten the gradient of one phase's parameters to the largest norm that is allowed."""
        if self.settings.clip:
            groups = self.adams[phase].param_groups
            clip_grad_norm_([held(p) for group in groups for p in group["params"]], self.settings.clip)

    def step(self, moment: Moment, phase: str = "train") -> None:
        """Clip, step at the rate of this moment, and clear the gradients, all of one phase's parameters only."""
        if not (isinstance(self.settings, AlignmentTraining) and self.settings.clip_after == "slice"):
            self.clip(phase)
        adam = self.adams[phase]
        for group in adam.param_groups:
            group["lr"] = self.rate(moment) * group["rate_factor"]
        step_rows(adam)
        adam.step()
        adam.zero_grad()

    def state(self) -> dict[str, Any]:
        """Return what a checkpoint must hold."""
        adams = {phase: adam.state_dict() for phase, adam in self.adams.items()}
        return {"adams": adams, "restart_factor": self.restart_factor}

    def resume(self, state: Mapping[str, Any]) -> None:
        """Go on from a checkpoint."""
        self.restart_factor = state["restart_factor"]
        for phase, adam in self.adams.items():
            adam.load_state_dict(state["adams"][phase])


def cosine(taken: int, total: float, warmup: float) -> float:
    """Return the factor of a linear warm-up and half a cosine for the step after `taken` ones of `total`.

    As the releases' LambdaLR: the first step has rate 0, and the warm-up has whole steps, `warmup` of `total` floored.
    """
    # A share such as 2 / 15 must not lose a step to rounding.
    rising = math.floor(total * warmup + 1e-9)
    if taken < rising:
        return taken / rising
    return 0.5 * (1 + math.cos(math.pi * (taken - rising) / max(1.0, total - rising)))


def step_rows(adam: AdamW) -> None:
    """Step every table with a sparse gradient in the rows that this names, and clear it: other rows cost nothing.

    That is `torch.optim.SparseAdam` with decoupled weight decay. A row that is named takes AdamW's step. One that is
    not keeps weights and moments to the bit: these do not fade, and it does not decay, so that numbers differ from
    AdamW's. Moments are corrected for their start by the table's steps, not the row's, as there: a row that is first
    met late takes a larger first step, 3.2 times the rate with the usual betas. If all are named in each step, it is
    AdamW.
    """
    for group in adam.param_groups:
        for table in group["params"]:
            if table.grad is not None and table.grad.is_sparse:
                _step(table, group, adam.state[table])
                table.grad = None


@torch.no_grad()
def _step(table: Parameter, group: dict[str, Any], state: dict[str, Tensor]) -> None:
    """Let PyTorch's own kernel step the rows, taken out and put back; `state` is named as AdamW names it."""
    if not state:
        state["step"] = torch.zeros((), device=table.device)
        state |= {name: torch.zeros_like(table) for name in ("exp_avg", "exp_avg_sq")}
    rows, gradient = _distinct(table)
    whole = (table, state["exp_avg"], state["exp_avg_sq"])
    weights, mean, square = parts = [tensor[rows] for tensor in whole]
    beta1, beta2 = group["betas"]
    adamw(
        [weights],
        [gradient],
        [mean],
        [square],
        [],
        [state["step"]],
        fused=True,
        amsgrad=False,
        beta1=beta1,
        beta2=beta2,
        lr=group["lr"],
        weight_decay=group["weight_decay"],
        eps=group["eps"],
        maximize=False,
    )
    for tensor, part in zip(whole, parts, strict=True):
        tensor[rows] = part


def held(table: Parameter) -> Tensor:
    """Return the table, or what stands for it where its gradient is sparse: the rows that are named, with theirs.

    What is done to that gradient in place is done to the table's.
    """
    if table.grad is None or not table.grad.is_sparse:
        return table
    _, gradient = _distinct(table)
    stands = torch.empty_like(gradient)
    stands.grad = gradient
    return stands


def _distinct(table: Parameter) -> tuple[Tensor, Tensor]:
    """Return the rows that a gradient names, each once, and what it holds for them."""
    assert table.grad is not None
    rows = table.grad._indices()[0]
    # Of one slice they come ascending; what several have for a row is summed.
    if not table.grad.is_coalesced() and bool((rows.diff() <= 0).any()):
        table.grad = table.grad.coalesce()
    return table.grad._indices()[0], table.grad._values()
