"""LoginMEA: Local-to-Global Interaction Network for Multi-modal Entity Alignment (Su et al., ECAI 2024).

Local interaction weighs and fuses the modalities of an entity, global interaction lets the fused entities speak to
their neighbours. Facts: alignment specification, section 4. Departures: ``LoginMEA.departures``.
"""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from kgprism.platform.batch import Pairs
from kgprism.platform.data.joint import JointGraph
from kgprism.platform.errors import ConfigurationError
from kgprism.platform.nn.contrastive import ICL, InfoNCE, Untrained
from kgprism.platform.nn.fusion import GlobalConcat
from kgprism.platform.nn.graph import Attention, NoPropagation, UnionGraph
from kgprism.platform.nn.local_fusion import Adaptive, Concat, LowRank, Modal, Sum, Unweighted, fit
from kgprism.platform.nn.modal_alignment import ModalAlignment, entity_table
from kgprism.platform.nn.reflection import RelationReflection
from kgprism.platform.part import Nothing, Part, Slot
from kgprism.platform.settings import AlignmentData, AlignmentEvaluation, AlignmentTraining, Probation

#: The features of every modality, ``(entities, width)`` each, noise included.
Inputs = Mapping[str, Tensor]
_ORDER = ("image", "relation", "attribute", "text", "name", "char")


class WeightedConcat(Part):
    """The modalities next to each other, each times a global share, stand before the layers (release only)."""

    kind: Literal["weighted_concat"] = "weighted_concat"

    def build(self, modalities: int) -> nn.Module:
        return ConcatFront(modalities)


class ConcatFront(nn.Module):
    def __init__(self, modalities: int) -> None:
        super().__init__()
        self.concat = GlobalConcat(modalities)

    def forward(self, modal: Modal, fused: Tensor, layers: list[Tensor]) -> list[Tensor]:
        # Without layers the fused entity would be read by nobody.
        return [self.concat(modal).tanh(), *(layers or [fused])]


class FusedFirst(Nothing):
    """The fused entity stands before the layers, as Eq. 13 has it."""

    def build(self, modalities: int) -> nn.Module:
        return FusedFront()


class FusedFront(nn.Module):
    def forward(self, modal: Modal, fused: Tensor, layers: list[Tensor]) -> list[Tensor]:
        return [fused, *layers]


class Structure(Part):
    """A second branch over a learned table of entities that sees no modality (release only)."""

    kind: Literal["structure"] = "structure"

    def build(self, method: "LoginMEA") -> nn.Module:
        return StructureBranch(method)


class StructureBranch(nn.Module):
    """The mean over each entity and its neighbours, then the layers."""

    def __init__(self, method: "LoginMEA") -> None:
        super().__init__()
        self.table, self.noise, self.propagate = method.table, method.noise, method.branch("structure")
        self.union = UnionGraph(method.graph)

    def forward(self, inputs: Inputs) -> list[Tensor]:
        first = self.union.mean(self.noise({"graph": self.table.weight})["graph"]).tanh()
        return [first, *self.propagate(first)]


class Absent(Nothing):
    """A branch that is not there."""

    def build(self, method: "LoginMEA") -> nn.Module:
        return NoBranch()


class NoBranch(nn.Module):
    def forward(self, inputs: Inputs) -> list[Tensor]:
        return []


class LocalToGlobal(Part):
    """Fuse inside each entity, then propagate the fused entities: the paper's own paradigm."""

    kind: Literal["local_to_global"] = "local_to_global"
    squash: Literal["tanh", "linear"] = Field("tanh", description="what stands between fusion and the first layer")

    def build(self, method: "LoginMEA") -> nn.Module:
        return LocalToGlobalBranch(method, torch.tanh if self.squash == "tanh" else nn.Identity())


class LocalToGlobalBranch(nn.Module):
    def __init__(self, method: "LoginMEA", squash: Any) -> None:
        super().__init__()
        self.heads, self.squash = method.projected(), squash
        self.interact = method.interaction(self.heads.names)
        self.front = method.part("front", method.config.front.build, len(self.heads.names))
        self.propagate = method.branch("fused")

    def forward(self, inputs: Inputs) -> list[Tensor]:
        modal = self.heads(inputs)
        fused = self.squash(self.interact(modal))
        layers: list[Tensor] = self.front(modal, fused, self.propagate(fused))
        return layers


class GraphAsModality(Part):
    """The graph is encoded first and fused like one more modality; nothing is propagated afterwards (Figure 4)."""

    kind: Literal["graph_as_modality"] = "graph_as_modality"

    def build(self, method: "LoginMEA") -> nn.Module:
        return GraphAsModalityBranch(method)


class GraphAsModalityBranch(nn.Module):
    def __init__(self, method: "LoginMEA") -> None:
        super().__init__()
        self.heads, self.table, self.noise = method.projected(), method.table, method.noise
        self.propagate = method.branch("graph")
        self.narrow = method.part("graph/narrow", fit, method.config.graph_width, method.config.modal_width)
        self.interact = method.interaction([*self.heads.names, "graph"])

    def forward(self, inputs: Inputs) -> list[Tensor]:
        table = self.noise({"graph": self.table.weight})["graph"]
        encoded = [table, *self.propagate(table)][-1]
        return [self.interact([*self.heads(inputs), self.narrow(encoded)])]


class GraphUponModality(Part):
    """Each modality is propagated by itself; the results are only weighed and concatenated (Figure 4)."""

    kind: Literal["graph_upon_modality"] = "graph_upon_modality"

    def build(self, method: "LoginMEA") -> nn.Module:
        return GraphUponModalityBranch(method)


class GraphUponModalityBranch(nn.Module):
    def __init__(self, method: "LoginMEA") -> None:
        super().__init__()
        self.heads = method.projected()
        wide = (method.config.modal_width, method.config.graph_width)
        self.widen = nn.ModuleList(method.part(f"{name}/widen", fit, *wide) for name in self.heads.names)
        self.propagate = nn.ModuleList(method.branch(name) for name in self.heads.names)
        self.concat = method.part("concat", GlobalConcat, len(self.heads.names))

    def forward(self, inputs: Inputs) -> list[Tensor]:
        first = [widen(h) for widen, h in zip(self.widen, self.heads(inputs), strict=True)]
        return [self.concat([torch.cat([h, *p(h)], 1) for h, p in zip(first, self.propagate, strict=True)])]


class Heads(nn.Module):
    """A linear map of each modality's features; modalities in LoginMEA's order, what it knew not behind."""

    def __init__(self, method: "LoginMEA") -> None:
        super().__init__()
        self.names = [name for name in _ORDER if name in method.config.modalities]
        if not self.names:
            raise ConfigurationError("modalities is empty: LoginMEA needs at least one, or paradigm=none")
        self.maps = nn.ModuleDict()
        for name in self.names:
            width = method.graph.features[name].shape[1]
            self.maps[name] = method.part(f"{name}/head", nn.Linear, width, method.config.modal_width)

    def forward(self, inputs: Inputs) -> Modal:
        return [self.maps[name](inputs[name]) for name in self.names]


class LoginMEA(ModalAlignment):
    """Local and global interaction of modalities; every row of its Table 3 and Figure 4 is a slot or a set."""

    class Config(ModalAlignment.Config):
        """Defaults are the preset ``code``."""

        modal_width: int = Field(300, ge=1)
        graph_width: int = Field(300, ge=1)
        weighting: Slot[Adaptive | Unweighted] = Adaptive()
        fusion: Slot[LowRank | Sum | Concat] = LowRank()
        propagation: Slot[RelationReflection | Attention | NoPropagation] = RelationReflection()
        paradigm: Slot[LocalToGlobal | GraphAsModality | GraphUponModality | Absent] = LocalToGlobal()
        front: Slot[WeightedConcat | FusedFirst] = WeightedConcat()
        structure: Slot[Structure | Absent] = Structure()
        loss: Slot[InfoNCE | ICL | Untrained] = InfoNCE()
        data: AlignmentData = AlignmentData(missing_images="neighbour")
        train: AlignmentTraining = AlignmentTraining(
            epochs=1000, batch_size=3500, learning_rate=5e-4, weight_decay=0.01
        )
        eval: AlignmentEvaluation = AlignmentEvaluation(every=50, metric="hits_at_1")
        pseudo_pairs: Slot[Probation | Nothing] = Probation(start=50, restart="every_epoch", learning_rate_factor=0.2)

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "code": {},
        "paper": {
            "modal_width": 100,
            "weighting.vector": "per_modality",
            "fusion.factor_weights": "ones",
            "propagation.depth": 3,
            "paradigm.squash": "linear",
            "front": "none",
            "structure": "none",
            "data.missing_images": "normal",
            "train.epochs": 600,
            "train.learning_rate": 5e-3,
            "pseudo_pairs.restart": "once",
        },
    }
    departures = (
        "L1 paper: one branch over the fused entity; code: a structure branch and the weighted concatenation of the "
        "modalities are part of the output (slots structure, front; tanh before the first layer: paradigm.squash)",
        "L2 paper: 3 layers, width 100, rate 5e-3, 600 epochs; code: 2 layers, 300, 5e-4, 1000 epochs",
        "L3 paper: a weight vector a modality; code: one shared (weighting.vector)",
        "L4 paper: factors are summed; code: learned weights on them (fusion.factor_weights)",
        "L5 paper: random vectors for missing images; code: the neighbours' mean (data.missing_images)",
        "L6 paper: relations 0/1; both presets count them, as the code does",
        "L7 paper: negatives are created; both presets use the other right entities of the batch, as the code does",
        "L8 paper: AdamW; code: a new AdamW every epoch from 50 on, in effect sign descent (pseudo_pairs.restart); "
        "preset paper: once, since its rate would make that implausible; where it starts is the code's 50",
        "the release does not run as it is (missing file, encoder names that differ, image flag, rank fixed to 8); "
        "preset code is its architecture with these repaired",
        "the release trains on all seeds and keeps the best test epoch (select=best_test, eval.valid_ratio=0); "
        "both presets hold a tenth of the seeds out and let it choose the epoch",
        "neither paper nor code has surface forms (names are not read, three modalities are asserted); here any set of "
        "modalities is fused, name and char included",
        "Figure 4's paradigms were not released: widths that differ are joined by a linear map, and modalities are "
        "propagated one by one with all their layers kept",
    )

    def __init__(self, config: Config, graphs: JointGraph, seed: int) -> None:
        super().__init__(config, graphs, seed)
        self.config: LoginMEA.Config = config
        self.structure = config.structure.build(self)
        self.fused = config.paradigm.build(self)
        self.loss = self.part("loss", config.loss.build)
        if isinstance(self.structure, NoBranch) and isinstance(self.fused, NoBranch):
            raise ConfigurationError("structure=none and paradigm=none leave LoginMEA nothing to align by")

    @cached_property
    def table(self) -> nn.Embedding:
        """The learned table of entities, shared by the branches that read it."""
        return self.part("entities", entity_table, self.graph.entities, self.config.graph_width, "xavier_uniform")

    @cached_property
    def shared(self) -> nn.Module:
        """What all propagation branches share."""
        return self.part("propagation", self.config.propagation.build, self.graph, self.config.graph_width)

    def branch(self, name: str) -> nn.Module:
        """Build one stack of propagation layers."""
        return self.part(f"propagation/{name}", self.config.propagation.branch, self.shared, self.config.graph_width)

    def projected(self) -> Heads:
        """Build the modalities' linear maps."""
        return Heads(self)

    def interaction(self, modalities: Sequence[str]) -> nn.Sequential:
        """Build the local interaction of the named modalities."""
        width = self.config.modal_width
        weighting = self.part("weighting", self.config.weighting.build, modalities, width)
        fusion = self.part("fusion", self.config.fusion.build, modalities, width, self.config.graph_width)
        return nn.Sequential(weighting, fusion)

    def encode(self) -> Mapping[str, Tensor]:
        inputs = self.inputs()
        return {"joint": torch.cat([*self.structure(inputs), *self.fused(inputs)], 1)}

    def losses(self, views: Mapping[str, Tensor], pairs: Pairs) -> dict[str, Tensor]:
        return {"alignment": self.loss(views["joint"], pairs)}
