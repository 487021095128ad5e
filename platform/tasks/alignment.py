"""Entity alignment: batches of seed pairs, pseudo-pairs, and the judge of both directions."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from kgprism.platform import method as methods
from kgprism.platform.batch import Batch, Pairs
from kgprism.platform.data.graph import AlignedGraphs
from kgprism.platform.data.inputs import leakage, split
from kgprism.platform.data.inputs.features import join
from kgprism.platform.method import Alignment
from kgprism.platform.seeding import derive, generator, seeded
from kgprism.platform.settings import Neighbours, Probation
from kgprism.platform.tasks import probation
from kgprism.platform.tasks.cosines import unit
from kgprism.platform.tasks.counts import Counts
from kgprism.platform.tasks.csls import Csls
from kgprism.platform.tasks.ranking import Ranks, subtract_known
from kgprism.platform.tasks.sampled import Sampled
from kgprism.platform.tasks.task import Judgement, Restart, without_absent


class AlignmentTask:
    """What the training loop knows of two aligned graphs. All ids are joint: right entities follow the left ones."""

    def __init__(self, graphs: AlignedGraphs, config: Alignment.Config, seed: int) -> None:
        left, right = len(graphs.left.entities), len(graphs.right.entities)
        parts = split.split(graphs, config.data, config.eval.valid_ratio, seed)
        self.config, self.seed = config, seed
        self.device = methods.device(config.train.device)
        joint = np.array([0, left])
        self.train = parts.train + joint
        self.pairs = {"valid": parts.valid + joint, "test": parts.test + joint}
        self.splits = tuple(name for name, pairs in self.pairs.items() if len(pairs))
        self.accepted = np.zeros((0, 2), np.int64)
        part = config.pseudo_pairs
        self.watch = probation.Watch(part, left, right) if isinstance(part, Probation) else None
        self.stage = probation.stage(part, config.train.epochs) if isinstance(part, Probation) else None

    @classmethod
    def settle(
        cls, config: Alignment.Config, graphs: AlignedGraphs, drawn: bool = False
    ) -> tuple[Alignment.Config, tuple[str, ...]]:
        """Say which split is taken and what it leaks or keeps together; leave out modalities that a graph lacks."""
        data, notes = split.settled(graphs, config.data, drawn)
        notes += split.sparse(graphs, data, config.eval.valid_ratio)
        config = config.model_copy(update={"data": data})
        settled, lacks = without_absent(config, graphs.name, graphs.modalities, {})
        return settled, (*notes, *leakage.of_pairs(graphs, data.split), *lacks)

    @classmethod
    def compose(
        cls, kind: type[Alignment], config: Alignment.Config, graphs: AlignedGraphs, seed: int
    ) -> "tuple[Alignment, AlignmentTask]":
        """Build a method from both graphs in one id space, and its task."""
        # Left and right pictures, texts and bags are filled the same way whatever the parts of the method.
        joint = join(graphs, config.data, seed, config.modalities)
        return kind(config, joint, seed), cls(graphs, config, seed)

    def learner(self, method: Alignment) -> Alignment:
        """Return the method, or one that shows it a part of the graphs at a time (`train.sampling`)."""
        sampling = self.config.train.sampling
        return Sampled(method, sampling) if isinstance(sampling, Neighbours) else method

    def to(self, device: torch.device) -> "AlignmentTask":
        """Make batches on another device than the configured one, and return the task."""
        self.device = device
        return self

    @property
    def trained(self) -> np.ndarray:
        """The pairs that are trained on now, accepted pseudo-pairs last, ``(pairs, 2)``."""
        return np.concatenate([self.train, self.accepted])

    def steps(self, epoch: int, worker: int = 0, workers: int = 1) -> Iterator[Batch]:
        """Yield one batch with all slices of pairs, or one batch a slice (`train.step`)."""
        train = self.config.train
        order = generator(self.seed, "batches", epoch).permutation(self.trained)
        pairs = torch.from_numpy(order).to(self.device)
        slices = tuple(Pairs(part[:, 0], part[:, 1], worker, workers) for part in torch.split(pairs, train.batch_size))
        steps = [slices] if train.step == "epoch" else [(part,) for part in slices]
        yield from (Batch(step, derive(self.seed, "step", epoch, number)) for number, step in enumerate(steps))

    def judge(self, method: Alignment, split: str) -> Judgement:
        """Rank the partners of a split's pairs in both directions, among the other side's entities of these pairs.

        Each pair is one query a direction. Where an entity has several partners, the others are no candidates for that
        query: they are right answers too. Neighbours of CSLS are searched among the candidates.

        Raises:
            RunError: if an embedding is not finite.
        """
        return self.judgement(split, self.count(method, split))

    @torch.no_grad()
    def count(self, method: Alignment, split: str, worker: int = 0, workers: int = 1) -> Tensor:
        """Return a worker's share of `counted`."""
        settings = self.config.eval
        return counted(method.embed(), self.pairs[split], settings.csls_k, settings.chunk, worker, workers)

    def judgement(self, split: str, counts: Tensor) -> Judgement:
        """Turn complete counts ``(2, 2, pairs)`` into ranks and metrics."""
        return _judgement(counts)

    def restart(self, epoch: int) -> Restart | None:
        """Say what happens to the optimiser before this epoch."""
        return probation.restart(self.watch.settings, epoch) if self.watch else None

    @torch.no_grad()
    def propose(self, epoch: int, when: str, method: Alignment) -> np.ndarray | None:
        """Check the pseudo-pairs if it is time to, and return those that passed."""
        if self.watch is None or when != self.watch.settings.when:
            return None
        return self.watch.propose(epoch, self.trained, lambda: self._embed(method, epoch))

    def _embed(self, method: Alignment, epoch: int) -> Tensor:
        """Embed in the mode that probation asks for, without a trace in the method or in the random numbers."""
        assert self.watch is not None
        training = method.training
        method.train(self.watch.settings.mode == "train")
        with seeded(self.seed, "probation", epoch):
            embeddings = method.embed()
        method.train(training)
        return embeddings

    def accept(self, proposal: np.ndarray) -> None:
        """Train on these pairs too; whatever else is on probation starts again."""
        self.accepted = np.concatenate([self.accepted, proposal])
        if self.watch:
            self.watch.candidates = np.zeros((0, 2), np.int64)

    def state(self) -> dict[str, Any]:
        """Return the accepted pairs and those on probation."""
        state = {"accepted": self.accepted}
        return state | {"candidates": self.watch.candidates} if self.watch else state

    def resume(self, state: Mapping[str, Any]) -> None:
        """Go on from a checkpoint's state."""
        self.accepted = np.asarray(state["accepted"])
        if self.watch:
            self.watch.candidates = np.asarray(state["candidates"])


def judged(embeddings: Tensor, pairs: np.ndarray, k: int, chunk: int) -> Judgement:
    """Rank both directions of `pairs` ``(pairs, 2)`` by CSLS with `k` neighbours, by cosine where `k` is 0."""
    return _judgement(counted(embeddings, pairs, k, chunk))


def counted(embeddings: Tensor, pairs: np.ndarray, k: int, chunk: int, worker: int = 0, workers: int = 1) -> Tensor:
    """Tally both directions of `pairs` ``(pairs, 2)`` over a worker's chunks of left entities, ``(2, 2, pairs)``.

    Multiplies the two sides twice, in tiles of at most `chunk` rows: for neighbours, which every worker finds for
    itself, then for ranks; once where the products are few enough to be kept.
    """
    (i, left), (j, right) = (_distinct(pairs[:, side], embeddings.device) for side in (0, 1))
    scores = Csls(unit(embeddings[left]), unit(embeddings[right]), k, chunk)
    tallied = Counts(scores, i, j)
    counts, truth = tallied.count(worker, workers), tallied.truth
    for direction, (one, other) in zip(counts, ((0, 1), (1, 0)), strict=True):
        query, partner = _other_partners(pairs[:, one], pairs[:, other], embeddings.device)
        rows, columns = (i[query], j[partner]) if one == 0 else (i[partner], j[query])
        # Each worker takes out what it counted itself: another GPU's scores may differ in the last bits.
        ours = rows // chunk % workers == worker
        subtract_known(direction, query[ours], scores.at(rows[ours], columns[ours]), truth)
    return counts


def _judgement(counts: Tensor) -> Judgement:
    """Name the numbers of both directions and their mean."""
    directions = {name: Ranks.of(tallied) for name, tallied in zip(("l2r", "r2l"), counts, strict=True)}
    found = {name: ranks.metrics() for name, ranks in directions.items()}
    metrics = {f"{name}/{key}": value for name, values in found.items() for key, value in values.items()}
    metrics |= {f"mean/{key}": (value + found["r2l"][key]) / 2 for key, value in found["l2r"].items()}
    ranks = {
        f"{name}/{kind}": getattr(r, kind) for name, r in directions.items() for kind in ("realistic", "optimistic")
    }
    return Judgement(metrics, ranks)


def _distinct(entities: np.ndarray, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return the place of each entity among the distinct ones, and these, in order of appearance."""
    places, distinct = pd.factorize(entities)
    return torch.from_numpy(places).to(device), torch.from_numpy(distinct).to(device)


def _other_partners(queries: np.ndarray, candidates: np.ndarray, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return rows of pairs and, for each, of one pair for every other candidate of the same query entity."""
    frame = pd.DataFrame({"query": queries, "candidate": candidates, "row": np.arange(len(queries))})
    both = frame.merge(frame, on="query")
    both = both[both["candidate_x"] != both["candidate_y"]].drop_duplicates(["row_x", "candidate_y"])
    first, second = (torch.from_numpy(both[key].to_numpy().copy()).to(device) for key in ("row_x", "row_y"))
    return first, second
