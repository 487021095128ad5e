"""KBGAN: a small generator picks hard negatives and is rewarded by their scores.

Cai and Wang, NAACL 2018; completion specification, 3.5.
"""

from dataclasses import dataclass
from typing import Any, Literal

import torch
from pydantic import Field
from torch import Tensor

from kgprism.platform.batch import Triples
from kgprism.platform.nn.negatives.sampler import CorruptionSampler, Ground, Negatives, Sampler, View, head_share
from kgprism.platform.nn.scoring.scorers import ComplEx, DistMult, Popularity
from kgprism.platform.part import Slot
from kgprism.platform.seeding import within


class SmallDistMult(DistMult):
    """DistMult as a generator: all candidates are as likely at the start."""

    class Config(DistMult.Config):
        dim: int = Field(50, ge=1)
        start: Literal["margin", "xavier"] = "xavier"


class SmallComplEx(ComplEx):
    """ComplEx as a generator."""

    class Config(ComplEx.Config):
        dim: int = Field(25, ge=1)


@dataclass(frozen=True)
class AdversarialNegatives(Negatives):
    """Negatives, and what the generator descends: one value a positive of the batch, ``(positives,)``."""

    generator_loss: Tensor | None = None


class KBGAN(Sampler):
    """Draw among uniform unknown candidates by the softmax of a generator's scores, with replacement.

    One end a positive is replaced, chosen as Bernoulli does. The generator descends -(reward - baseline) ln p(drawn):
    the reward is the scorer's score of the negative, detached; the baseline the mean reward of the epoch before (in the
    first epoch, of the batch itself: the release starts from 0, which means nothing for scores that hold a margin).
    In the first `warmup` epochs the generator learns the positives by a sampled softmax instead, one of its candidates
    being the positive, and the scorer sees uniform candidates, as both do before they meet in the release. Vectors of
    at most length one, as there, are the scorer's own business: `transe_norm`.

    The generator, its baseline, and the rewards of the epoch so far are in checkpoints.
    """

    class Config(Sampler.Config):
        kind: Literal["kbgan"] = "kbgan"
        count: int = Field(1, ge=1, description="K: negatives a positive")
        candidates: int = Field(20, ge=2, description="uniform entities among which the generator draws")
        generator: Slot[SmallDistMult.Config | SmallComplEx.Config | Popularity.Config] = SmallDistMult.Config()
        temperature: float = Field(1.0, gt=0, description="of the generator's softmax")
        learning_rate: float = Field(1e-3, gt=0, description="of the generator")
        warmup: int = Field(0, ge=0, description="epochs in which the generator learns the positives; 0: none")

    baseline: Tensor
    total: Tensor
    seen: Tensor

    def __init__(self, settings: Config, ground: Ground) -> None:
        super().__init__()
        graph = ground.graph
        self.settings = settings
        share = head_share(graph.triples, graph.relations)
        self.ends = CorruptionSampler(graph, settings.candidates, "normal", share)
        self.generator = settings.generator.build()
        with within("entities"):
            self.entities = self.generator.entities(graph.entities)
        with within("relations"):
            self.relations = self.generator.relations(graph.relations)
        for name, value in (("baseline", torch.nan), ("total", 0.0), ("seen", 0.0)):
            self.register_buffer(name, torch.tensor(value, dtype=torch.float64))
        self.warming = settings.warmup > 0

    def start_epoch(self, epoch: int) -> None:
        self.warming = epoch < self.settings.warmup
        if self.seen > 0:
            self.baseline.copy_(self.total / self.seen)
            self.total.zero_()
            self.seen.zero_()

    def report(self) -> dict[str, float]:
        return {"negatives/reward": (self.total / self.seen).item()} if self.seen > 0 else {}

    def groups(self, rate: float) -> list[dict[str, Any]]:
        return [{"params": list(self.parameters()), "rate_factor": self.settings.learning_rate / rate}]

    def sample(self, batch: Triples, view: View) -> AdversarialNegatives:
        draw = batch.draw("negatives")
        head, candidates = self.candidates(batch, draw)
        logits = self._logits(batch, head, candidates)
        chances = torch.full_like(logits, 1.0) if self.warming else logits.detach().softmax(1)
        drawn = candidates.gather(1, torch.multinomial(chances, self.settings.count, replacement=True, generator=draw))
        rewards = self._rewards(batch, view, head, drawn)
        if self.warming:
            true = torch.where(head, batch.triples[:, 0], batch.triples[:, 2])
            picked = torch.cat([true[:, None], candidates[:, 1:]], 1)
            generator_loss = -self._logits(batch, head, picked).log_softmax(1)[:, 0]
        else:
            baseline = torch.where(self.baseline.isnan(), rewards.double().mean(), self.baseline).to(rewards.dtype)
            generator_loss = -((rewards - baseline) * likelihood(logits, candidates, drawn)).mean(1)
        self.total += rewards.double().sum()
        self.seen += rewards.numel()
        return AdversarialNegatives(drawn, head[:, None].expand_as(drawn), generator_loss=generator_loss)

    def losses(
        self, batch: Triples, view: View, negatives: Negatives, scores: tuple[Tensor, Tensor]
    ) -> dict[str, Tensor]:
        assert isinstance(negatives, AdversarialNegatives)
        assert negatives.generator_loss is not None
        return {"generator": batch.mean(negatives.generator_loss[batch.rows])}

    def candidates(self, batch: Triples, draw: torch.Generator) -> tuple[Tensor, Tensor]:
        """Return which positives' heads are replaced ``(positives,)``, and by whom ``(positives, candidates)``."""
        head = self.ends.sides(batch, draw, 1)
        shape = len(batch), self.settings.candidates
        uniform = torch.rand(shape, generator=draw, device=head.device)
        return head[:, 0], self.ends.corrupt(batch, head.expand(shape), uniform)

    def _logits(self, batch: Triples, head: Tensor, candidates: Tensor) -> Tensor:
        framed = self.generator.frame(self.entities.weight)
        asked = self.generator.queries(framed, self.relations.weight, batch.triples, head)
        return self.generator.aligned(asked[:, None], framed[candidates]) / self.settings.temperature

    @torch.no_grad()
    def _rewards(self, batch: Triples, view: View, head: Tensor, drawn: Tensor) -> Tensor:
        """Return the scorer's scores of the whole batch's negatives, so that the baseline is every worker's."""
        asked = view.scorer.queries(view.joint, view.relations, batch.triples, head)
        rows = torch.arange(len(batch), device=drawn.device).repeat_interleave(drawn.shape[1])
        return view.scorer.selected(asked, rows, view.joint, drawn.flatten()).view_as(drawn)


def likelihood(logits: Tensor, candidates: Tensor, drawn: Tensor) -> Tensor:
    """Return ln p of each drawn entity ``(n, K)``: the candidates that are this entity add up."""
    same = candidates[:, None] == drawn[..., None]
    return logits.log_softmax(1)[:, None].masked_fill(~same, -torch.inf).logsumexp(2)
