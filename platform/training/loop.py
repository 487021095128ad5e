"""The training loop: plain PyTorch, one process or several, exact to resume. It knows tasks, not methods."""

import math
import resource
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from kgprism.platform import method as methods
from kgprism.platform.errors import RunError, first_line
from kgprism.platform.kept import DamagedError, set_aside
from kgprism.platform.method import Method
from kgprism.platform.seeding import seeded
from kgprism.platform.settings import Evaluation, Training
from kgprism.platform.tasks.task import Task
from kgprism.platform.training import checkpoint
from kgprism.platform.training.optimiser import Moment, Optimiser
from kgprism.platform.training.outcome import Outcome, Row
from kgprism.platform.training.selecting import Selecting
from kgprism.platform.training.steps import step
from kgprism.platform.training.workers import Workers, sync

#: Sees every epoch's row on the first worker; what it returns tells whether to stop.
Listener = Callable[[Row], bool]


def quiet(row: Row) -> bool:
    """Listen to nothing and never stop."""
    return False


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
        self.learner = task.learner(method)
        self.optimiser = Optimiser(method, training, task.stage)
        self.step = step(self.learner, self.optimiser, self.workers, training)
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
        self.learner.start_epoch(epoch)
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
        leader = self.workers.agree(self.selecting.take_leader())
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
        each = self.training.accumulate
        for number, batch in enumerate(batches):
            found: dict[str, Tensor] = {}
            moment = Moment(epoch, number // each, math.ceil(len(batches) / each))
            for phase in self.method.phases:
                found |= self.step.backward(batch, phase)
                if (number + 1) % each == 0 or number + 1 == len(batches):
                    self.optimiser.step(moment, phase)
            terms.append(found)
        return self._means(epoch, terms) | {"rate": self.optimiser.rate(moment)}

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
        return row

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
        """Go on where a checkpoint stands; every worker reads the same file.

        Raises:
            RunError: if only a part of it could be taken; it is set aside, so that the run begins anew next time.
        """
        file = self.folder / "checkpoint.pt" if self.folder else None
        state = checkpoint.read(file, checkpoint.State) if file else None
        if file is None or state is None:
            return
        if _shapes(state.method) != _shapes(self.method.state_dict()):
            set_aside(file, DamagedError("its weights are not those of this method"))
            return
        self.method.load_state_dict(state.method)
        try:
            self.optimiser.resume(state.optimiser)
            self.task.resume(state.task)
            self.selecting.resume(state.selecting)
            torch.set_rng_state(state.random["cpu"])
            if self.device.type == "cuda":
                torch.cuda.set_rng_state(state.random["cuda"], self.device)
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            set_aside(file, DamagedError(first_line(error)))
            raise RunError(f"{file}: damaged ({first_line(error)}): the same command begins this run anew") from None
        self.history, self.seconds = state.history, state.seconds


def _shapes(weights: Mapping[str, Tensor]) -> dict[str, torch.Size]:
    return {name: value.shape for name, value in weights.items()}
