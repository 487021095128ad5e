"""Knowledge graph completion: batches of training triples, and the judge of filtered head and tail ranking."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from kgprism.platform import method as methods
from kgprism.platform.batch import Side, Triples
from kgprism.platform.data.graph import CompletionGraph
from kgprism.platform.data.inputs import leakage
from kgprism.platform.data.inputs.few import few
from kgprism.platform.data.inputs.training_graph import adapt, prepare
from kgprism.platform.data.triple_index import Known
from kgprism.platform.method import Answer, Completion
from kgprism.platform.seeding import derive, generator
from kgprism.platform.tasks.ranking import Ranks, subtract_known, tally
from kgprism.platform.tasks.task import Judgement, Restart, Stage, without_absent

SIDES: tuple[Side, ...] = ("head", "tail")


class CompletionTask:
    """What the training loop knows of one graph whose triples are split."""

    def __init__(self, graph: CompletionGraph, config: Completion.Config, seed: int) -> None:
        self.config, self.seed = config, seed
        self.device = methods.device(config.train.device)
        self.train = torch.from_numpy(graph.graph.triples.copy())
        self.queries = {"valid": torch.from_numpy(graph.valid.copy()), "test": torch.from_numpy(graph.test.copy())}
        self.splits = tuple(name for name, triples in self.queries.items() if len(triples))
        self.stage: Stage | None = None
        true = graph.graph.triples
        if config.eval.filter == "all":
            true = np.concatenate([true, graph.valid, graph.test, graph.known])
        sizes = len(graph.graph.entities), len(graph.graph.relations)
        self.known = {side: Known(torch.from_numpy(true.copy()), *sizes, side) for side in SIDES}
        self.seen = torch.zeros(sizes[0], dtype=torch.bool).index_fill_(0, self.train[:, [0, 2]].flatten(), 1)

    @classmethod
    def settle(
        cls, config: Completion.Config, graph: CompletionGraph, drawn: bool = False
    ) -> tuple[Completion.Config, tuple[str, ...]]:
        """Say which validation part is taken and what the split leaks; leave out modalities that the graph lacks."""
        adapted, notes = adapt(graph, config.data)
        valid = "published" if adapted.valid is graph.valid else "holdout"
        config = config.model_copy(update={"data": config.data.model_copy(update={"valid": valid})})
        advice = {"text": "; data.text=labels makes some of the names"}
        settled, lacks = without_absent(config, adapted.name, adapted.modalities, advice)
        sparse = few(adapted.name, len(adapted.valid), "triples")
        return settled, (*notes, *sparse, *leakage.of_triples(adapted), *lacks)

    @classmethod
    def compose(
        cls, kind: type[Completion], config: Completion.Config, graph: CompletionGraph, seed: int
    ) -> "tuple[Completion, CompletionTask]":
        """Build a method from the training triples, and its task."""
        adapted, _ = adapt(graph, config.data)
        training = prepare(adapted, config.data, seed, config.modalities)
        return kind(config, training, seed), cls(adapted, config, seed)

    def learner(self, method: Completion) -> Completion:
        """Return the method itself."""
        return method

    def steps(self, epoch: int, worker: int = 0, workers: int = 1) -> Iterator[Triples]:
        """Yield floor(triples / batch_size) batches, drawn with replacement or from a shuffled order."""
        train = self.config.train
        count = max(1, len(self.train) // train.batch_size)
        size = min(train.batch_size, len(self.train))
        draw = generator(self.seed, "batches", epoch)
        if train.draw == "replacement":
            order = draw.integers(len(self.train), size=count * size)
        else:
            order = draw.permutation(len(self.train))[: count * size]
        rows = self.train[torch.from_numpy(order)].to(self.device)
        for number, triples in enumerate(rows.split(size)):
            step = epoch * count + number
            progress = step / (count * train.epochs)
            yield Triples(triples, step, derive(self.seed, "step", step), progress, worker, workers)

    def judge(self, method: Completion, split: str) -> Judgement:
        """Rank the true head and the true tail of a split's triples among all entities, other true ones left out.

        ``seen/...`` is the mean over triples both of whose ends occur in training: an embedding of the graph alone
        cannot rank the others (spec 0.1).

        Raises:
            RunError: if a score is not finite.
        """
        return self.judgement(split, self.count(method, split))

    @torch.no_grad()
    def count(self, method: Completion, split: str, worker: int = 0, workers: int = 1) -> Tensor:
        """Tally a worker's share of the queries for both sides, ``(2, 2, triples)``; the others' stay zero."""
        answer, triples, chunk = method.answer(), self.queries[split].to(self.device), self.config.eval.chunk
        return torch.stack([counted(answer, triples, s, self.known[s], chunk, worker, workers) for s in SIDES])

    def judgement(self, split: str, counts: Tensor) -> Judgement:
        """Turn complete counts into ranks and metrics."""
        found: dict[str, Ranks] = {side: Ranks.of(tallied) for side, tallied in zip(SIDES, counts, strict=True)}
        seen = self.seen[self.queries[split][:, [0, 2]]].all(1).numpy()
        return Judgement(_metrics(found, seen), _ranks(found))

    def restart(self, epoch: int) -> Restart | None:
        """Say that nothing happens to the optimiser before this epoch."""
        return None

    def propose(self, epoch: int, when: str, method: Completion) -> np.ndarray | None:
        """Return no new training data: completion has no pseudo-labels."""
        return None

    def accept(self, proposal: np.ndarray) -> None:
        """Take what `propose` never returns."""
        raise AssertionError("completion proposes nothing")

    def state(self) -> dict[str, Any]:
        """Return nothing: batches depend on the seed and the epoch only."""
        return {}

    def resume(self, state: Mapping[str, Any]) -> None:
        """Go on from a checkpoint's state."""


def counted(answer: Answer, triples: Tensor, side: Side, known: Known, chunk: int, worker: int, workers: int) -> Tensor:
    """Tally the end `side` of the triples in a worker's chunks; equal queries are scored once, `chunk` at a time.

    Holds ``chunk x entities`` scores. Other right answers are subtracted by their own scores, without a mask. Workers
    take whole chunks, the same for any number of them: a score may depend on what is scored beside it.
    """
    end = 0 if side == "head" else 2
    known, device = known.to(triples.device), triples.device
    queries, row = known.query(triples[:, 2 - end], triples[:, 1]).unique(return_inverse=True)
    row, order = row.sort()
    truth_id = triples[order, end]
    counts = torch.zeros(2, len(triples), dtype=torch.int32, device=device)
    for start in range(worker * chunk, len(queries), workers * chunk):
        part = queries[start : start + chunk]
        # One call a chunk: a score is compared with scores of the same call, so equal ones tie.
        scores = answer(part // known.count, part % known.count, side)
        here = slice(*torch.searchsorted(row, torch.tensor([start, start + len(part)], device=device)).tolist())
        counts[:, here] = _filtered(scores, row[here] - start, truth_id[here], part, known)
    original = torch.empty_like(counts)
    original[:, order] = counts
    return original


def _filtered(scores: Tensor, row: Tensor, truth_id: Tensor, queries: Tensor, known: Known) -> Tensor:
    """Tally triples whose query is a row of `scores`, less the other known answers of that query."""
    truth = scores[row, truth_id]
    counts = torch.cat([tally(scores[r], t) for r, t in zip(row.split(256), truth.split(256), strict=True)], 1)
    asked, answers = known.answers(queries[row])
    other = answers != truth_id[asked]
    asked, answers = asked[other], answers[other]
    subtract_known(counts, asked, scores[row[asked], answers], truth)
    return counts


def _metrics(found: Mapping[str, Ranks], seen: np.ndarray) -> dict[str, float]:
    """Name the numbers of both directions, their mean, and the mean over triples whose ends were both trained."""
    sides = {side: ranks.metrics() for side, ranks in found.items()}
    sides["mean"] = {key: (value + sides["tail"][key]) / 2 for key, value in sides["head"].items()}
    if 0 < seen.sum() < len(seen):
        part = [Ranks(ranks.realistic[seen], ranks.optimistic[seen]).metrics() for ranks in found.values()]
        sides["seen"] = {key: (value + part[1][key]) / 2 for key, value in part[0].items()}
    return {f"{side}/{key}": value for side, numbers in sides.items() for key, value in numbers.items()}


def _ranks(found: Mapping[str, Ranks]) -> dict[str, np.ndarray]:
    return {f"{side}/{kind}": getattr(r, kind) for side, r in found.items() for kind in ("realistic", "optimistic")}
