"""How a number comes from a run: which epoch, whose queries, what ties count. A paper's way, and the honest one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, cast

from kgprism.platform.part import Settings
from kgprism.platform.settings import Selection

Direction = Literal["l2r", "r2l", "mean", "head", "tail", "seen"]
Ties = Literal["realistic", "optimistic"]


@dataclass(frozen=True)
class Protocol:
    """Which stored epoch, whose queries, and whether the true one stands in the middle of its equals or before them."""

    select: Selection
    direction: Direction
    ties: Ties = "realistic"


#: Nothing is chosen by the test, both directions count, and no tie is won.
HONEST = Protocol("valid", "mean", "realistic")


class Stated(Settings):
    """How a paper measured; without a direction the first of its task's."""

    select: Selection = "valid"
    direction: Direction | None = None
    ties: Ties = "realistic"

    def resolved(self, ways: Sequence[str]) -> Protocol:
        """Return it for a task with these directions."""
        return Protocol(self.select, self.direction or cast(Direction, ways[0]), self.ties)
