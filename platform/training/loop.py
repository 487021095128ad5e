"""The training loop: plain PyTorch, one process or several, exact to resume. It knows tasks, not methods."""

import resource
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor
from torch.nn import Parameter

from kgprism.platform import method as methods
from kgprism.platform.errors import RunError
from kgprism.platform.method import Alignment, Method
from kgprism.platform.seeding import seeded
from kgprism.platform.settings import AlignmentTraining, Evaluation, Neighbours, Training
from kgprism.platform.tasks.task import Task
from kgprism.platform.training import checkpoint
from kgprism.platform.training.optimiser import Optimiser
from kgprism.platform.training.outcome import Outcome, Row
from kgprism.platform.training.sampled import Sampled
from kgprism.platform.training.selecting import Selecting
from kgprism.platform.training.workers import Workers, sync

#: Sees every epoch's row on the first worker; what it returns tells whether to stop.
Listener = Callable[[Row], bool]


def quiet(row: Row) -> bool:
    """Listen to nothing and never stop."""
    return False


def _trained(method: Method, training: Training) -> "Method | Sampled":
    """Return what steps are asked of: the method, or one that shows it parts of the graphs."""
    if isinstance(training, AlignmentTraining) and isinstance(training.sampling, Neighbours):
        assert isinstance(method, Alignment)
        return Sampled(method, training.sampling)
    return method


class Loop:
    """One run. ``folder`` is where its checkpoint lives; without one it cannot resume."""

    def __init__(
        self,
        method: Method,
        task: Task,
        training: Training,
        evaluation: Evaluation,
        *,
        workers: Workers | None = None,
        folder: Path | None = None,
        listener: Listener = quiet,
    ) -> None:
        self.method, self.task, self.training, self.evaluation = method, task, training, evaluation
        self.workers, self.folder, self.listener = workers or Workers(), folder, listener
        self.device = methods.device(training.device)
        method.to(self.device)
        self.trained = _trained(method, training)
        self.sliced = isinstance(training, AlignmentTraining) and training.clip_after == "slice" and training.clip > 0
        # Slice by slice the gradients are averaged here, and a wrapper that waits for whole steps would be in the way.
        self.module = self.trained if self.sliced else self.workers.wrap(self.trained)
        self.optimiser = Optimiser(method, training, task.stage)
        leads = task.stage is not None and task.stage.settings.weights == "best"
        self.selecting = Selecting(task.splits, evaluation, training.keep_weights, leads=leads)
        self.history: list[Row] = []
        self.seconds = 0.0
        self.saved = time.monotonic()

    def run(self) -> Outcome:
        """Train to the end, to an early stop, or to what the listener says.

        Raises:
            RunError: if a loss or a score is not finite.
        """
        stopped = ""
        if self.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self.device)
        # One stream for all workers: each encodes all entities, and dropout must leave out the same of them everywhere.
        with seeded(self.method.seed, "training", 0):
            self._resume()
            for epoch in range(len(self.history), self.training.epochs):
                stopped = self.workers.agree(self._epoch(epoch))
                if stopped:
                    break
                self._checkpoint(last=epoch + 1 == self.training.epochs)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        if self.device.type == "cuda":
            peak = torch.cuda.max_memory_allocated(self.device)
        selections, weights = self.selecting.chosen(), self.selecting.weights
        return Outcome(self.history, selections, weights, stopped or "finished", self.seconds, peak)

    def _epoch(self, epoch: int) -> str:
        """Train one epoch, judge if it is due, and return why to stop, if so."""
        began, stage = time.monotonic(), self.task.stage
        begun = self._begin_stage() if stage and epoch == stage.start else {}
        self.trained.start_epoch(epoch)
        if restart := self.task.restart(epoch):
            self.optimiser.restart(restart)
        added = self._pseudo_pairs(epoch, "before")
        row = self._steps(epoch) | self.method.report() | begun
        added += self._pseudo_pairs(epoch, "after")
        ends = (self.training.epochs, *([stage.start] if stage else []))
        due = (epoch + 1) % self.evaluation.every == 0 or epoch + 1 in ends
        gained = self._judge(epoch + 1, row) if due else True
        sync(self.device)
        row |= {"seconds": time.monotonic() - began} | ({"pseudo_pairs": float(added)} if added else {})
        self.seconds += row["seconds"]
        self.history.append(row)
        if self.workers.first and self.listener(row):
            return "pruned"
        patient = not stage or epoch >= stage.start
        return "patience" if patient and not gained and 0 < self.training.patience <= self.selecting.waited else ""

    def _begin_stage(self) -> Row:
        """Go back to the best weights so far, on all workers, where the stage wants them; return their epoch."""
        # The first worker alone judges and keeps weights.
        leader = self.workers.agree(self.selecting.lead())
        if not leader.epoch:
            return {}
        with torch.no_grad():
            for name, parameter in self.method.named_parameters():
                parameter.copy_(leader.weights[name])
        return {"restored": float(leader.epoch)}

    def _steps(self, epoch: int) -> Row:
        """Take an epoch's optimiser steps and return the mean of every loss term."""
        self.method.train()
        batches = list(self.task.steps(epoch, self.workers.rank, self.workers.size))
        terms: list[dict[str, Tensor]] = []
        for number, batch in enumerate(batches, start=1):
            found: dict[str, Tensor] = {}
            for phase in self.method.phases:
                found |= self._sliced(batch) if self.sliced else self._whole(batch, phase)
                if number % self.training.accumulate == 0 or number == len(batches):
                    self.optimiser.step(epoch + number / len(batches), phase)
            terms.append(found)
        return self._means(epoch, terms)

    def _whole(self, batch: Any, phase: str) -> dict[str, Tensor]:
        """Add a batch's gradient to what has gathered, and return its loss terms."""
        with self.precision():
            losses = self.module(batch, phase)
        torch.stack(list(losses.values())).sum().backward()
        return {name: value.detach() for name, value in losses.items()}

    def _sliced(self, batch: Any) -> dict[str, Tensor]:
        """Do as `_whole`, but add the slices' gradients one by one and clip after each: g <- clip(g + slice)."""
        found: dict[str, Tensor] = {}
        trained = [p for p in self.method.parameters() if p.requires_grad]
        # An alignment method encodes once and yields the losses of every slice.
        slices = cast(Alignment | Sampled, self.trained).slices(batch)
        while True:
            with self.precision():
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

    def precision(self) -> AbstractContextManager[Any]:
        """Return what a forward pass runs in: with bfloat16, matrix products round to 8 bits; weights stay float32."""
        half = self.training.precision == "bfloat16"
        return torch.autocast(self.device.type, torch.bfloat16) if half else nullcontext()

    def _means(self, epoch: int, terms: list[dict[str, Tensor]]) -> Row:
        """Average the terms over batches and workers; a value that is not finite names its term, epoch and batch."""
        names = list(terms[0])
        table = self.workers.mean(torch.stack([torch.stack([step[name] for name in names]) for step in terms]))
        wrong = (~table.isfinite()).nonzero()
        if len(wrong):
            batch, term = wrong[0].tolist()
            value = table[batch, term].item()
            raise RunError(f"loss '{names[term]}' is {value} in epoch {epoch + 1}, batch {batch + 1}")
        means = table.mean(0).tolist()
        row = {"epoch": float(epoch + 1), "loss": sum(means)}
        row |= {f"loss/{name}": mean for name, mean in zip(names, means, strict=True)}
        return row | {"rate": self.optimiser.rate(epoch + 1)}

    def _pseudo_pairs(self, epoch: int, when: str) -> int:
        """Let all workers look for training pairs and accept what the first one found; return how many."""
        with torch.no_grad():
            # A method may count its embeddings, so all of them embed.
            proposal = self.workers.agree(self.task.propose(epoch, when, self.method))
        if proposal is None:
            return 0
        self.task.accept(proposal)
        return len(proposal)

    def _judge(self, epoch: int, row: Row) -> bool:
        """Judge every split together, note it in the first worker's row, and tell whether the watched metric gained."""
        self.method.eval()
        with torch.no_grad():
            counts = {split: self.workers.sum(partial(self._count, split)) for split in self.task.splits}
        if not self.workers.first:
            return True
        found = {split: self.task.judgement(split, counted) for split, counted in counts.items()}
        row |= {f"{split}/{key}": value for split, judged in found.items() for key, value in judged.metrics.items()}
        return self.selecting.offer(epoch, found, self.method)

    def _count(self, split: str) -> Tensor:
        return self.task.count(self.method, split, self.workers.rank, self.workers.size)

    def _checkpoint(self, last: bool) -> None:
        """Keep what is needed to go on, not more often than the settings say."""
        due = time.monotonic() - self.saved >= self.training.checkpoint_seconds
        if self.folder is None or not self.workers.first or last or not due:
            return
        random: dict[str, Tensor] = {"cpu": torch.get_rng_state()}
        if self.device.type == "cuda":
            random["cuda"] = torch.cuda.get_rng_state(self.device)
        state: dict[str, Any] = {
            "method": self.method.state_dict(),
            "optimiser": self.optimiser.state(),
            "task": self.task.state(),
        }
        state |= {
            "selecting": self.selecting.state(),
            "history": self.history,
            "seconds": self.seconds,
            "random": random,
        }
        checkpoint.save(self.folder / "checkpoint.pt", state)
        self.saved = time.monotonic()

    def _resume(self) -> None:
        """Go on where a checkpoint stands; every worker reads the same file."""
        state: Any = checkpoint.read(self.folder / "checkpoint.pt") if self.folder else None
        if state is None:
            return
        self.method.load_state_dict(state["method"])
        self.optimiser.resume(state["optimiser"])
        self.task.resume(state["task"])
        self.selecting.resume(state["selecting"])
        self.history, self.seconds = state["history"], state["seconds"]
        torch.set_rng_state(state["random"]["cpu"])
        if self.device.type == "cuda":
            torch.cuda.set_rng_state(state["random"]["cuda"], self.device)
