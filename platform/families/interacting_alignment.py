"""What MEAformer and SNAG share: modalities, the graph among them, that attend to each other inside each entity.

Facts: alignment specification, 2, 7 and 0.5 to 0.8. A subclass names its joint view and its losses.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from typing import Any, Literal, TypeVar

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from kgprism.platform.data.inputs.joint import JointGraph
from kgprism.platform.errors import ConfigurationError
from kgprism.platform.families.modal_alignment import ORDER, ModalAlignment, entity_table
from kgprism.platform.nn.encoders.dropout import among
from kgprism.platform.nn.fusion.entity_weights import HIDDEN, EntityTransformer, NoInteraction
from kgprism.platform.nn.fusion.global_fusion import GlobalConcat
from kgprism.platform.nn.graph.attention import Attention
from kgprism.platform.nn.graph.pyg import PyG
from kgprism.platform.nn.graph.union import NoPropagation
from kgprism.platform.nn.losses.balance import NoBalance, Uncertainty
from kgprism.platform.part import Nothing, Part, Slot
from kgprism.platform.settings import (
    AlignmentData,
    AlignmentEvaluation,
    AlignmentTraining,
    Cosine,
    Probation,
    SecondStage,
)

N = TypeVar("N", bound="InteractingAlignment.Config")

#: The names that have a log-variance each, present or not (spec 0.7).
BALANCED = ("image", "attribute", "relation", "graph", "name", "char")
#: Entities whose interaction is made again at once in the backward pass.
ROWS = 8192
#: Their releases' schedule (Loop-M) and second stage; each has its own length and decay.
TRAINING = AlignmentTraining(
    epochs=1000, step="batch", batch_size=3500, learning_rate=5e-4, schedule=Cosine(warmup=0.15), clip=1.0
)
PROBATION = Probation(
    start=500,
    window=25,
    when="before",
    mode="train",
    restart="once",
    learning_rate_factor=0.2,
    stage=SecondStage(),
)


class LearnedTable(Part):
    """The graph is a modality: a learned table of entities that is propagated."""

    kind: Literal["table"] = "table"
    start: Literal["normal", "xavier_uniform", "xavier_normal"] = Field(
        "normal", description="normal: N(0, 1 / entities)"
    )

    def build(self, entities: int, width: int) -> nn.Embedding:
        return entity_table(entities, width, self.start)


class NoTable(Nothing):
    """The graph is no modality."""


class InteractingAlignment(ModalAlignment[N]):
    """Maps to one width, a graph encoder, attention among the modalities of an entity, balanced losses.

    Views: one a name of `names`, and what `EntityTransformer` adds.
    """

    class Config(ModalAlignment.Config):
        """What both can be told; defaults are the released code's."""

        width: int = Field(300, ge=1, description="of every modality, the graph included")
        structure: Slot[LearnedTable | NoTable] = LearnedTable()
        propagation: Slot[Attention.Config | PyG.Config | NoPropagation.Config] = Attention.Config()
        interaction: Slot[EntityTransformer.Config | NoInteraction.Config] = EntityTransformer.Config()
        joint_weight: float = Field(1.0, ge=0, description="of the loss on the joint view that is judged")
        modal_weight: float = Field(1.0, ge=0, description="of the losses on the modalities")
        hidden_weight: float = Field(1.0, ge=0, description="of the losses on the modalities behind the interaction")
        balance: Slot[Uncertainty.Config | NoBalance.Config] = Uncertainty.Config()
        hidden_balance: Literal["crossed", "own"] = Field(
            "crossed", description="log-variances of hidden modalities; crossed: those in reverse order, as released"
        )
        balance_rate: float = Field(1.0, gt=0, description="on the learning rate of the log-variances")
        decay: Literal["all", "weights"] = Field(
            "all", description="weights: biases, global shares and log-variances do not decay"
        )
        data: AlignmentData = AlignmentData(missing_images="normal")
        train: AlignmentTraining = TRAINING
        eval: AlignmentEvaluation = AlignmentEvaluation(every=2)
        pseudo_pairs: Slot[Probation | Nothing] = PROBATION

    def __init__(self, config: N, graphs: JointGraph, seed: int) -> None:
        super().__init__(config, graphs, seed)
        table = isinstance(config.structure, LearnedTable)
        self.names = [name for name in ORDER if name in config.modalities or (name == "graph" and table)]
        if not self.names:
            raise ConfigurationError("modalities is empty and structure=none: nothing is left to align by")
        self.maps = self.heads(config.width)
        if isinstance(config.structure, LearnedTable):
            self.table = self.part("entities", config.structure.build, graphs.entities, config.width)
            shared = self.part("propagation", config.propagation.build, graphs, config.width)
            self.propagate = self.part("propagation/graph", shared.branch, config.width)
        self.interact = self.part("interaction", config.interaction.build, config.width, self.names)
        slots = [*BALANCED, *(name for name in self.names if name not in BALANCED)]
        self.balance = self.part("balance", config.balance.build, slots)

    def encode(self) -> Mapping[str, Tensor]:
        return self.fused(self.views())

    def encode_some(self, entities: Tensor) -> Mapping[str, Tensor]:
        return self.fused(self.views(entities))

    def fused(self, views: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """Add the joint views to the others."""
        raise NotImplementedError(type(self).__name__)

    def views(self, some: Tensor | None = None) -> dict[str, Tensor]:
        """Return every modality ``(entities, width)``, ``weights`` (entities, names) and the ``hidden/...`` views.

        Of all entities or of `some`, ascending ids.
        """
        inputs = self.inputs(some, **({"graph": self.table.weight} if "graph" in self.names else {}))
        found: dict[str, Tensor] = {name: self.maps[name](inputs[name]) for name in self.modalities}
        if "graph" in self.names:
            found["graph"] = self.propagate.last(inputs["graph"], some)
        modal = {name: found[name] for name in self.names}
        parts = list(self._interactions(modal, some))
        return modal | {key: torch.cat([part[key] for part in parts]) for key in parts[0]}

    def _interactions(self, modal: Mapping[str, Tensor], some: Tensor | None) -> Iterator[dict[str, Tensor]]:
        """Yield what the interaction adds, for one stretch of entities after the other."""
        starts = range(0, self.graph.entities, ROWS)
        counts = [min(ROWS, self.graph.entities - start) for start in starts]
        sizes, places = counts, [None] * len(counts)
        if some is not None:
            ends = torch.tensor([*starts[1:], self.graph.entities], device=some.device)
            sizes = torch.searchsorted(some, ends).diff(prepend=ends.new_zeros(1)).tolist()
            places = [part - start for part, start in zip(some.split(sizes), starts, strict=True)]
        stretches = zip(*(view.split(sizes) for view in modal.values()), strict=True)
        for rows, where, count in zip(stretches, places, counts, strict=True):
            yield checkpointed(self._interacted, dict(zip(modal, rows, strict=True)), where, count)

    def _interacted(self, modal: Mapping[str, Tensor], where: Tensor | None, count: int) -> dict[str, Tensor]:
        """Call the interaction; its dropout is that of all the `count` entities of a stretch."""
        with nullcontext() if where is None else among(where, count):
            found: dict[str, Tensor] = self.interact(modal)
        return found

    def hidden(self, views: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the modalities behind the interaction by name; none without one."""
        return {name: views[HIDDEN + name] for name in self.names if HIDDEN + name in views}

    def balanced(self, modal: Mapping[str, Tensor], hidden: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Weigh the losses of modalities and hidden modalities against each other by one set of log-variances.

        Released, hidden modalities are stored as image, attribute, relation, graph and read in reverse (spec 7.3).
        """
        crossed = self.config.hidden_balance == "crossed"
        core = [name for name in BALANCED[:4] if name in self.names]
        other = dict(zip(core, reversed(core), strict=True)) if crossed else {}
        found = {f"modal/{name}": self.config.modal_weight * loss for name, loss in self.balance(modal).items()}
        if hidden:
            shares = self.balance({other.get(name, name): loss for name, loss in hidden.items()})
            weighed = {other.get(name, name): self.config.hidden_weight * loss for name, loss in shares.items()}
            found |= {f"{HIDDEN}{name}": loss for name, loss in weighed.items()}
        return found

    def groups(self) -> list[dict[str, Any]]:
        global_shares = {id(p) for m in self.modules() if isinstance(m, GlobalConcat) for p in m.parameters()}
        variances, spared, others = [], [], []
        for name, parameter in self.named_parameters():
            if name.startswith("balance."):
                variances.append(parameter)
            elif name.endswith("bias") or id(parameter) in global_shares:
                spared.append(parameter)
            else:
                others.append(parameter)
        free = {"weight_decay": 0.0} if self.config.decay == "weights" else {}
        rated = {"rate_factor": self.config.balance_rate}
        groups: list[dict[str, Any]] = [
            {"params": others},
            {"params": spared, **free},
            {"params": variances, **free, **rated},
        ]
        return [group for group in groups if group["params"]]


def checkpointed(module: Callable[..., Any], *inputs: Any) -> Any:
    """Call a module, and make again in the backward pass what it would otherwise keep until then."""
    return checkpoint(module, *inputs, use_reentrant=False)
