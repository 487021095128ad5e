"""A row beside the full method: which settings, weights, losses and gradients its override changes."""

import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from kgprism.platform import configuration
from kgprism.platform.kept import Kept

if TYPE_CHECKING:
    from torch import Tensor

    from kgprism.platform.training.probe import Trace
    from kgprism.platform.training.run import Run

#: Settings that act beside a step: the optimiser, the judge, pseudo-pairs.
BESIDE = ("train.", "eval.", "pseudo_pairs")
#: A gradient that is changed by less is the same one added up in another order.
ROUNDING = 1e-5
#: A reported number below this is taken for the reason why nothing moves.
VANISHED = 1e-6


class Comparison(Kept):
    """What a row changes at first weights.

    ``keys`` differ from the full method's configuration; ``unread`` of them nothing looked at, ``unasked`` are more
    than the row's override names. ``weights`` only one of both has, or has in another shape; ``redrawn`` begin with
    other values though the override does not name their part. ``terms`` of the loss differ. ``change`` and ``judged``
    are how far the gradients of shared weights and what the judge compares are from the full method's, relative to
    these. ``vanished`` are numbers that the row reports and that are nothing in float32.
    """

    keys: tuple[str, ...]
    unread: tuple[str, ...]
    unasked: tuple[str, ...]
    weights: tuple[str, ...]
    redrawn: tuple[str, ...]
    terms: tuple[str, ...]
    change: float
    moved: int
    shared: int
    optimiser: bool
    judged: float
    vanished: tuple[str, ...]

    @property
    def beside(self) -> tuple[str, ...]:
        """The keys that act beside a step, so that a step cannot tell what they do."""
        return tuple(key for key in self.keys if key.startswith(BESIDE))

    @property
    def inert(self) -> bool:
        """Whether the row is the full method under another name, as far as first steps can tell."""
        active = self.weights or self.terms or self.moved or self.optimiser or self.judged > 0
        return not active and not self.beside

    @property
    def verdict(self) -> str:
        """What the step says of the row, in a word or two."""
        if self.inert:
            return "does nothing"
        if max(self.change, self.judged) >= ROUNDING or self.terms:
            return "changes"
        if self.beside or self.optimiser:
            return "not in a step"
        return "weights only" if self.weights and not self.moved else "rounding only"

    @property
    def remarks(self) -> list[str]:
        """What a reader of the table should know of the row, a line each."""
        lines = [f"does nothing: {self.why}"] if self.inert else []
        if self.unread and not self.inert:
            lines.append(f"nothing reads {', '.join(self.unread)}")
        if self.unasked:
            lines.append(f"changes more than it says: {', '.join(self.unasked)}")
        if self.redrawn:
            lines.append(f"begins with other values of {', '.join(self.redrawn)}")
        return lines

    @property
    def why(self) -> str:
        """Why a row does nothing, in one line."""
        unread = f"; nothing reads {', '.join(self.unread)}" if self.unread else ""
        return f"gradient change 0{unread}{''.join(f'; {line}' for line in self.vanished[:1])}"


def compare(base: "Run", row: "Run", asked: Iterable[str], full: "Trace", mine: "Trace") -> Comparison:
    """Compare a row whose override names the keys `asked` with the full method, both traced on the same data."""
    asked = tuple(key.removesuffix(".kind") for key in asked)
    before, after = (configuration.flatten(run.settings, stateless=False) for run in (base, row))
    keys = [key for key in {**before, **after} if before.get(key) != after.get(key)]
    shared = [name for name, value in full.first.items() if _shape(mine.first, name) == value.shape]
    redrawn = [name for name in shared if not full.first[name].equal(mine.first[name])]
    moved, change = _change(full.gradients, mine.gradients, shared)
    return Comparison(
        keys=tuple(keys),
        unread=tuple(key for key in keys if not key.startswith(BESIDE) and not _read(key, full.read | mine.read)),
        unasked=tuple(key for key in keys if not _names(asked, key)),
        weights=tuple(name for name in {**full.first, **mine.first} if name not in shared),
        redrawn=tuple(name for name in redrawn if not any(key.split(".")[0] == name.split(".")[0] for key in asked)),
        terms=tuple(name for name in {**full.losses, **mine.losses} if not _same(full.losses, mine.losses, name)),
        change=change,
        moved=moved,
        shared=len(shared),
        optimiser=any(full.groups.get(name) != mine.groups.get(name) for name in shared),
        judged=_apart(full.judged, mine.judged),
        vanished=tuple(
            f"{name} is {f'{value:.0e}' if value else '0 in float32'}"
            for name, value in mine.reported.items()
            if abs(value) < VANISHED
        ),
    )


def _names(asked: tuple[str, ...], key: str) -> bool:
    return any(key.removesuffix(".kind") == word or key.startswith(f"{word}.") for word in asked)


def _read(key: str, read: frozenset[str]) -> bool:
    # What sits in a slot is told by its class: nobody asks for its kind.
    return key.removesuffix(".kind") in read


def _shape(values: Mapping[str, Any], name: str) -> Any:
    return values[name].shape if name in values else None


def _same(before: Mapping[str, float], after: Mapping[str, float], name: str) -> bool:
    return name in before and name in after and before[name] == after[name]


def _apart(one: "Tensor", other: "Tensor") -> float:
    """Return the length of a difference over that of the first; 1 between two shapes."""
    if one.shape != other.shape:
        return 1.0
    length, whole = float((other - one).double().norm()), float(one.double().norm())
    return length / whole if whole else float(length > 0)


def _change(before: Mapping[str, Any], after: Mapping[str, Any], names: Iterable[str]) -> tuple[int, float]:
    """Return how many gradients differ, and the length of all their differences relative to the first ones."""
    moved, apart, whole = 0, 0.0, 0.0
    for name in names:
        one, other = before[name].double(), after[name].double()
        moved += not one.equal(other)
        apart += float((other - one).square().sum())
        whole += float(one.square().sum())
    return moved, math.sqrt(apart / whole) if whole else float(moved > 0)
