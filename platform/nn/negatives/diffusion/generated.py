"""Negatives that a diffusion model generates, modality by modality, beside sampled ones (DHNS; spec 1.3-1.5).

Generator and scorer take turns: a phase ``generator``, whose loss also leaves a share of its gradient in the scorer,
and the scorer's own with vectors from the new generator. Draws are those of the whole batch on every worker.
"""

from collections.abc import Mapping
from typing import Any, Literal

import torch
from pydantic import Field
from torch import Tensor

from kgprism.platform.batch import Triples
from kgprism.platform.errors import ConfigurationError
from kgprism.platform.nn.negatives.diffusion.generated_loss import (
    GeneratedEnds,
    JointTriples,
    NoGeneratedLoss,
    OrdinaryNegatives,
    distance,
)
from kgprism.platform.nn.negatives.diffusion.levels import times
from kgprism.platform.nn.negatives.diffusion.process import Diffusion
from kgprism.platform.nn.negatives.diffusion.reverse import (
    Condition,
    Normal,
    Sampling,
    condition,
    drawn,
    drawn_apart,
    rescaled,
    started,
)
from kgprism.platform.nn.negatives.sampler import Bernoulli, Ground, Negatives, Sampler, Uniform, View
from kgprism.platform.part import Slot, kind
from kgprism.platform.seeding import within


class Generated(Sampler):
    """Sampled negatives, and more from a diffusion model over the entities' vectors (DHNS).

    One denoiser serves all modalities and both ends.
    """

    class Config(Sampler.Config):
        kind: Literal["generated"] = "generated"
        sampled: Slot[Uniform.Config | Bernoulli.Config] = Bernoulli.Config()
        chains: Literal["modal", "structure", "unconditioned"] = Field(
            "modal", description="structure: one chain stands for all modalities; unconditioned: without the known end"
        )
        condition: Condition = Field(
            "code", description="TransE: against the translation (the code) or along (the paper)"
        )
        diffusion: Diffusion.Config = Diffusion.Config()
        sampling: Sampling = Sampling()
        loss: Slot[JointTriples.Config | OrdinaryNegatives.Config | NoGeneratedLoss.Config] = JointTriples.Config()

    def __init__(self, settings: Config, ground: Ground) -> None:
        super().__init__()
        scorer, width = ground.scorer, ground.scorer.entity_width
        known, relation = torch.zeros(1, width), torch.zeros(1, scorer.relation_width)
        if condition(scorer, known, relation, "tail", settings.condition).shape[-1] != width:
            raise ConfigurationError(f"negatives=generated has no condition for scoring={kind(type(scorer.settings))}")
        self.settings = settings
        self.phases = ("generator",) * settings.diffusion.updates
        self.times = times(settings.sampling.levels, settings.diffusion.steps)
        with within("sampled"):
            self.sampled = settings.sampled.build(ground)
        with within("diffusion"):
            self.process = settings.diffusion.build(width)
        self.loss = settings.loss.build(settings.sampling.levels)
        self.update = -1
        self.generated: GeneratedEnds | None = None
        self.seen: dict[str, list[Tensor]] = {}

    def groups(self, rate: float) -> list[dict[str, Any]]:
        factor = self.settings.diffusion.learning_rate / rate
        own = {"params": list(self.process.parameters()), "phase": "generator", "rate_factor": factor}
        return [own, *self.sampled.groups(rate)]

    def phase(self, name: str, batch: Triples, view: View) -> dict[str, Tensor]:
        self.update = (self.update + 1) % self.settings.diffusion.updates
        draw = batch.draw(f"diffusion/{self.update}")
        share = self.settings.diffusion.to_scorer
        tables = {modality: with_gradient_share(table, share) for modality, table in self._tables(view).items()}
        head, tail, for_tail, for_head = self._ends(batch, view, tables, with_gradient_share(view.relations, share))
        shape, device = (len(tables), len(batch)), batch.triples.device
        # Both ends of a triple share time and noise.
        time = torch.randint(1, self.settings.diffusion.steps + 1, shape, generator=draw, device=device)
        noise = torch.randn(*shape, head.shape[-1], generator=draw, device=device)
        at = time[:, batch.rows], noise[:, batch.rows]
        rows = self.process.loss(tail, *at, for_tail) + self.process.loss(head, *at, for_head)
        return {"diffusion": batch.mean(rows.sum(0))}

    def sample(self, batch: Triples, view: View) -> Negatives:
        negatives = self.sampled.sample(batch, view)
        self.generated = self.generate(batch, view) if self.loss.draws else None
        return negatives if self.generated is None else self.loss.extended(batch, view, negatives, self.generated)

    def losses(
        self, batch: Triples, view: View, negatives: Negatives, scores: tuple[Tensor, Tensor]
    ) -> Mapping[str, Tensor]:
        count = self.settings.sampled.count
        self._record("positive/distance", distance(view.scorer, scores[0]))
        self._record("sampled/distance", distance(view.scorer, scores[1][:, :count]))
        terms = dict(self.sampled.losses(batch, view, negatives, scores))
        if self.generated is not None:
            own, report = self.loss(batch, view, self.generated, scores)
            for name, value in report.items():
                self._record(name, value)
            terms |= own
        self.generated = None
        return terms

    @torch.no_grad()
    def generate(self, batch: Triples, view: View) -> GeneratedEnds:
        """Draw ends for our own rows from the generator as it is now."""
        sampling, tables = self.settings.sampling, self._tables(view)
        _, _, for_tail, for_head = self._ends(batch, view, tables, view.relations)
        normal = self._normal(batch, len(tables), for_tail.shape[-1])
        begin = started(self.process, sampling.start, tables, normal())
        if sampling.heads == "own":
            starts = started(self.process, sampling.start, tables, normal()), begin
            found = drawn_apart(self.process, for_tail, for_head, starts, normal, self.times)
        else:
            found = drawn(self.process, for_tail, for_head, begin, normal, self.times)
        heads, tails = (
            torch.stack([rescaled(found[time][side], tables, sampling.rescale) for time in self.times])
            for side in (0, 1)
        )
        names = list(view.modal)
        # One chain stands for every modality.
        heads, tails = (ends.expand(-1, len(names), -1, -1) for ends in (heads, tails))
        return GeneratedEnds(heads, tails, names, self.times)

    def report(self) -> dict[str, float]:
        means = {f"generated/{name}": torch.stack(values).mean().item() for name, values in self.seen.items()}
        self.seen = {}
        return means | dict(self.sampled.report())

    def start_epoch(self, epoch: int) -> None:
        self.sampled.start_epoch(epoch)

    def _tables(self, view: View) -> Mapping[str, Tensor]:
        """Return the entities' vectors of every chain."""
        return {"structure": view.modal["structure"]} if self.settings.chains == "structure" else view.modal

    def _ends(
        self, batch: Triples, view: View, tables: Mapping[str, Tensor], relations: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return heads, tails, and the conditions for tails and for heads: our rows, ``(chains, n, width)`` each."""
        head, relation, tail = batch.triples[batch.rows].unbind(1)
        heads = torch.stack([table[head] for table in tables.values()])
        tails = torch.stack([table[tail] for table in tables.values()])
        if self.settings.chains == "unconditioned":
            return heads, tails, torch.zeros_like(tails), torch.zeros_like(heads)
        r, sign = relations[relation], self.settings.condition
        for_tail = condition(view.scorer, heads, r, "tail", sign)
        return heads, tails, for_tail, condition(view.scorer, tails, r, "head", sign)

    def _normal(self, batch: Triples, chains: int, width: int) -> Normal:
        draw, shape = batch.draw("chains"), (chains, len(batch), width)

        def normal() -> Tensor:
            return torch.randn(shape, generator=draw, device=batch.triples.device)[:, batch.rows]

        return normal

    def _record(self, name: str, values: Tensor) -> None:
        self.seen.setdefault(name, []).append(values.detach().mean())


def with_gradient_share(values: Tensor, share: float) -> Tensor:
    """Return the same values, of whose gradient only a share goes on."""
    if share == 0:
        return values.detach()
    return values if share == 1 else share * values + (1 - share) * values.detach()
