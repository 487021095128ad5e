"""What EVA and MCLEA share: a view of every modality and of the graph, and the joint one that fuses them."""

from collections.abc import Mapping
from typing import Literal, TypeVar

from pydantic import Field
from torch import Tensor, nn

from kgprism.platform.data.inputs.joint import JointGraph
from kgprism.platform.errors import ConfigurationError
from kgprism.platform.families.modal_alignment import ORDER, ModalAlignment, entity_table
from kgprism.platform.nn.fusion.global_fusion import NoShares, SharedConcat, SharedMean
from kgprism.platform.nn.graph.attention import Attention
from kgprism.platform.nn.graph.convolution import Convolution
from kgprism.platform.nn.graph.pyg import PyG
from kgprism.platform.nn.graph.union import NoPropagation
from kgprism.platform.part import Slot

V = TypeVar("V", bound="ModalViews.Config")

#: Where the versions inside SNAG's repository (preset ``snag``) part from the paper, or from us.
SNAG_DEPARTURES = (
    "snag: pseudo-pairs come in with a second stage, from the best test weights of the first, whose cosine ends there, "
    "and with a warm-up and a cosine of its own over three times the epochs left (pseudo_pairs.stage); here the "
    "held-out pairs say which weights are best, the test pairs only where eval.valid_ratio=0",
    "N8 snag: a pseudo-pair survives 10 checks, in paper and code (pseudo_pairs.window)",
    "N12 snag: the release keeps the best test epoch (select=best_test) and stops 200 evaluations after that of its "
    "second stage (train.patience); it begins that stage early where the first gains nothing as long, ours not",
)


class NoStructure(NoPropagation):
    """No learned table, no view of the graph and no loss on it: the modalities alone."""

    class Config(NoPropagation.Config):
        pass


Structures = Convolution.Config | Attention.Config | PyG.Config | NoStructure.Config


class ModalViews(ModalAlignment[V]):
    """A linear map of each modality, a graph encoder over a learned table, and a fusion with global shares.

    ``encode`` returns the views by their modality, ``graph`` among them, and ``joint``.
    """

    class Config(ModalAlignment.Config):
        """What both can be told."""

        table_width: int = Field(300, ge=1, description="of the learned table; attention keeps it")
        image_width: int = Field(100, ge=1)
        modal_width: int = Field(100, ge=1, description="of every view but those of images and of the graph")
        start: Literal["normal", "xavier_normal"] = Field(
            "normal", description="weights of maps and table; normal: PyTorch's maps, N(0, 1 / entities) for the table"
        )
        structure: Slot[Structures] = Attention.Config()
        fusion: Slot[SharedConcat.Config | SharedMean.Config | NoShares.Config] = SharedConcat.Config()

    def __init__(self, config: V, graph: JointGraph, seed: int) -> None:
        super().__init__(config, graph, seed)
        widths: dict[str, int] = {
            name: config.image_width if name == "image" else config.modal_width for name in self.modalities
        }
        self.maps = self._maps(widths, config.start)
        if not config.structure.null:
            self.table = self.part("entities", entity_table, graph.entities, config.table_width, config.start)
            shared = self.part("structure/graph", config.structure.build, graph, config.table_width)
            self.structure = self.part("structure", shared.branch, config.table_width)
            widths["graph"] = shared.out(config.table_width)
        if not widths:
            raise ConfigurationError("modalities is empty and structure=none: nothing is left to align by")
        self.views: list[str] = [name for name in ORDER if name in widths]
        self.fusion = self.part("fusion", config.fusion.build, {name: widths[name] for name in self.views})

    def _maps(self, widths: Mapping[str, int], start: str) -> nn.ModuleDict:
        maps = self.heads(widths)
        if start == "xavier_normal":
            maps.update({name: self.part(f"{name}/start", _xavier_normal, linear) for name, linear in maps.items()})
        return maps

    def encode(self) -> Mapping[str, Tensor]:
        return self._encoded()

    def encode_some(self, entities: Tensor) -> Mapping[str, Tensor]:
        return self._encoded(entities)

    def _encoded(self, some: Tensor | None = None) -> dict[str, Tensor]:
        tables = {"graph": self.table.weight} if "graph" in self.views else {}
        inputs = self.inputs(some, **tables)
        views = {name: self.view(name, inputs[name], some) for name in self.views}
        return views | {"joint": self.joint(views)}

    def view(self, name: str, inputs: Tensor, some: Tensor | None = None) -> Tensor:
        """Return one view ``(entities, its width)`` of a modality's features or, of `some`, of the learned table."""
        return self.structure.last(inputs, some) if name == "graph" else self.maps[name](inputs)

    def joint(self, views: Mapping[str, Tensor]) -> Tensor:
        """Return what the judge compares."""
        return self.fusion([views[name] for name in self.views])


def _xavier_normal(linear: nn.Module) -> nn.Module:
    nn.init.xavier_normal_(linear.get_parameter("weight"))
    return linear
