"""From feature tables to vectors as wide as the entities' own: one affine map a modality (AdaMF; spec 0.6, 2.2)."""

from collections.abc import Iterable
from itertools import pairwise

from torch import Tensor, nn

from kgprism.platform.data.inputs.training_graph import TrainingGraph
from kgprism.platform.seeding import within

#: The field's order of tokens and sums.
ORDER = ("image", "text", "attribute", "relation")


class Projections(nn.Module):
    """Maps every modality's features to `width`; `depth` maps follow each other without an activation.

    ``trained`` says whether the features are parameters (AdaMF, DHNS) or stay as they are (SNAG).
    """

    def __init__(
        self, graph: TrainingGraph, modalities: Iterable[str], width: int, *, trained: bool, depth: int = 1
    ) -> None:
        super().__init__()
        wanted = set(modalities)
        self.names = [name for name in ORDER if name in wanted]
        self.trained = nn.ParameterDict()
        self.maps = nn.ModuleDict()
        for name in self.names:
            table = graph.features[name]
            if trained:
                self.trained[name] = nn.Parameter(table.clone())
            else:  # the data hold it already: neither checkpoints nor kept weights need another copy
                self.register_buffer(f"frozen_{name}", table, persistent=False)
            widths = [table.shape[1], *[width] * depth]
            with within(name):
                self.maps[name] = nn.Sequential(*(nn.Linear(*pair) for pair in pairwise(widths)))

    @property
    def features(self) -> dict[str, Tensor]:
        """The raw features as they are now, ``(entities, width of the modality)`` each."""
        return {name: self.trained[name] if self.trained else getattr(self, f"frozen_{name}") for name in self.names}

    def forward(self) -> dict[str, Tensor]:
        """Return ``(entities, width)`` a modality."""
        return {name: self.maps[name](table) for name, table in self.features.items()}
