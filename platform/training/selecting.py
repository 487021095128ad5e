"""Three ways to pick the epoch of a run, all kept: best validation, best test (as many papers do), last."""

from collections.abc import Mapping
from operator import gt, lt
from typing import Any, NamedTuple

import numpy as np
from torch import Tensor

from kgprism.platform.method import Method
from kgprism.platform.settings import METRICS, SELECTIONS, Evaluation, Selection
from kgprism.platform.tasks.task import Judgement
from kgprism.platform.training.outcome import Chosen


class Leader(NamedTuple):
    """The weights of an evaluated epoch, counted from 1, on the CPU."""

    epoch: int
    weights: Mapping[str, Tensor]


class Selecting:
    """Keeps the best so far. Where nothing is held out, the test split is watched and ``valid`` stays empty.

    With `leads` it also keeps the weights that did best on the watched split until `take_leader` takes them.
    """

    def __init__(
        self, splits: tuple[str, ...], evaluation: Evaluation, keep_weights: bool, *, leads: bool = False
    ) -> None:
        self.held_out = "valid" in splits
        self.metric = f"{evaluation.direction}/{evaluation.metric}"
        self.beats = lt if METRICS[evaluation.metric].lowest else gt
        self.keep_weights = keep_weights
        self.best: dict[str, dict[str, Any]] = {}
        self.weights: dict[str, Tensor] = {}
        self.waited = 0
        self.leads, self.leader = leads, Leader(0, {})

    def offer(self, epoch: int, found: Mapping[str, Judgement], method: Method) -> bool:
        """Take an evaluation; return whether the watched split reached a new best."""
        metrics = {f"{split}/{key}": float(v) for split, judged in found.items() for key, v in judged.metrics.items()}
        offered = {"epoch": epoch, "metrics": metrics, "ranks": dict(found["test"].ranks)}
        self.best["last"] = offered
        gained = {
            name: self._better(name, f"{split}/{self.metric}", offered)
            for name, split in (("valid", "valid"), ("best_test", "test"))
            if split in found
        }
        watched = gained["valid" if self.held_out else "best_test"]
        self.waited = 0 if watched else self.waited + 1
        kept, leading = self.keep_weights and (watched or not self.held_out), self.leads and watched
        if kept or leading:
            # Named parameters, not the state: parts that share a table then store it once.
            weights = {name: p.detach().cpu().clone() for name, p in method.named_parameters()}
            self.weights = weights if kept else self.weights
            self.leader = Leader(epoch, weights) if leading else self.leader
        return watched

    def take_leader(self) -> "Leader":
        """Hand out the best weights so far, with epoch 0 if there are none, and start counting `waited` anew."""
        leader, self.leads, self.leader, self.waited = self.leader, False, Leader(0, {}), 0
        return leader

    def _better(self, name: str, key: str, offered: dict[str, Any]) -> bool:
        old = self.best.get(name)
        if old is None or self.beats(offered["metrics"][key], old["metrics"][key]):
            self.best[name] = offered
            return True
        return False

    def chosen(self) -> dict[Selection, Chosen]:
        """Return what each way picked."""
        return {
            name: Chosen(best["epoch"], best["metrics"], {k: np.asarray(r) for k, r in best["ranks"].items()})
            for name in SELECTIONS
            if (best := self.best.get(name))
        }

    def state(self) -> dict[str, Any]:
        """Return what a checkpoint must hold."""
        leader = {"leads": self.leads, "leader": self.leader._asdict()}
        return {"best": self.best, "weights": self.weights, "waited": self.waited, **leader}

    def resume(self, state: Mapping[str, Any]) -> None:
        """Go on from a checkpoint."""
        self.best, self.weights, self.waited = dict(state["best"]), dict(state["weights"]), state["waited"]
        self.leads, self.leader = state["leads"], Leader(**state["leader"])
