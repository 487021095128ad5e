"""What alignment methods with several modalities share: their inputs, noise on them, a linear map of each."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, ParamSpec, Protocol, TypeVar

import torch
from torch import Tensor, nn

from kgprism.platform.batch import Batch
from kgprism.platform.data.inputs.joint import JointGraph
from kgprism.platform.method import Alignment
from kgprism.platform.nn.encoders.noise import Dropping, Gaussian, Masking, NoNoise
from kgprism.platform.part import Slot
from kgprism.platform.seeding import derive

M = TypeVar("M", bound="ModalAlignment.Config")
B = TypeVar("B", bound=nn.Module)
P = ParamSpec("P")

#: The field's order of modalities (alignment specification, 0.1); ``graph`` is the learned table's place.
ORDER = ("image", "attribute", "relation", "graph", "text", "name", "char")
#: Modalities whose rows are there for every entity: a row of zeros is a count of nothing.
COUNTED = ("attribute", "relation")
#: Surface forms, which no noise touches (alignment specification, 2.2).
SPARED = ("name", "char")

#: Where all of these methods part from their releases.
SHARED_DEPARTURES = (
    "all releases: equal counts at the cut of the 1000 most frequent relations and attributes go by first appearance, "
    "here by label, so that the order of files cannot matter: one column differs on FB15K-DB15K (data.top_relations)",
)


class ModalAlignment(Alignment[M]):
    """An alignment method whose inputs are the features of its modalities and, if it likes, a learned table.

    Noise (`Config.noise`) stands between the inputs and everything else, so that it wraps any method from a suite file.
    """

    class Config(Alignment.Config):
        """What all of them can be told."""

        noise: Slot[Masking.Config | Gaussian.Config | Dropping.Config | NoNoise.Config] = NoNoise.Config()

    def __init__(self, config: M, graph: JointGraph, seed: int) -> None:
        super().__init__(config, graph, seed)
        self.modalities: list[str] = [name for name in ORDER if name in config.modalities]
        for name in self.modalities:
            self.register_buffer(f"{name}_features", graph.features[name], persistent=False)
        everyone = torch.ones(graph.entities, dtype=torch.bool)
        noisy = {name: graph.features[name] for name in self.modalities if name not in SPARED}
        present = {name: everyone if name in COUNTED else graph.present[name] for name in noisy}
        self.noise = self.part("noise", config.noise.build, derive(seed, "noise"), noisy, present)

    def inputs(self, some: Tensor | None = None, **learned: Tensor) -> dict[str, Tensor]:
        """Return the features of every modality and the `learned` tables, ``(entities, width)`` each, noise included.

        Of features, if asked, only the rows of `some` entities, ascending ids; of learned tables always all. Called
        twice in one step with the same tables it returns the same noise. Surface forms stay as they are.
        """
        features = {name: getattr(self, f"{name}_features") for name in self.modalities}
        spared = {name: features.pop(name) for name in SPARED if name in features}
        if some is not None:
            spared = {name: table[some] for name, table in spared.items()}
        return {**self.noise({**learned, **features}, some), **spared}

    def heads(self, widths: Mapping[str, int] | int) -> nn.ModuleDict:
        """Return a linear map a modality, to one width or each to its own; PyTorch's start."""
        return nn.ModuleDict(
            {
                name: self.part(
                    f"{name}/head",
                    nn.Linear,
                    self.graph.features[name].shape[1],
                    widths if isinstance(widths, int) else widths[name],
                )
                for name in self.modalities
            }
        )

    def start_epoch(self, epoch: int) -> None:
        self.noise.start_epoch(epoch)

    def slices(self, batch: Batch) -> Iterator[dict[str, Tensor]]:
        self.noise.start_step(batch.seed)
        return super().slices(batch)


class Seeded(Protocol):
    """`Method.part`, for parts that are made of parts."""

    def __call__(self, name: str, build: Callable[P, B], *shapes: P.args, **options: P.kwargs) -> B: ...


def entity_table(entities: int, width: int, start: str = "normal") -> nn.Embedding:
    """Return a learned table of entities, N(0, 1 / entities) (EVA, MCLEA) or Xavier's uniform or normal start."""
    table = nn.Embedding(entities, width)
    starts: Mapping[str, Any] = {
        "normal": lambda weight: nn.init.normal_(weight, std=entities**-0.5),
        "xavier_uniform": nn.init.xavier_uniform_,
        "xavier_normal": nn.init.xavier_normal_,
    }
    starts[start](table.weight)
    return table
