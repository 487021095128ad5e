"""Two graphs in one id space with filled features: what an alignment method is built from."""

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True, eq=False)
class JointGraph:
    """Left entities have ids ``0..left-1``, right ones ``left..left+right-1``; relation ids never overlap.

    ``triples`` (triples, 3) head, relation, tail; ``features[modality]`` (entities, width) float32, rows filled and,
    for images and texts, L2-normalised; ``present[modality]`` (entities,) tells which rows were there before filling.
    """

    left: int
    right: int
    relations: int
    triples: Tensor
    features: Mapping[str, Tensor]
    present: Mapping[str, Tensor]

    @property
    def entities(self) -> int:
        """Number of entities of both graphs."""
        return self.left + self.right
