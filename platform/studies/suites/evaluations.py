"""Rows of a suite that are judged again: the same weights, another judge, tie rule or direction."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pydantic import Field, model_validator

from kgprism.platform.errors import nearest
from kgprism.platform.part import Settings
from kgprism.platform.settings import DIRECTIONS
from kgprism.platform.studies.suites.protocol import Direction, Protocol, Ties
from kgprism.platform.studies.suites.reading.document import Name, Place
from kgprism.platform.studies.suites.rows import Variant

#: What a judge reads and training does not, by task.
KEYS: Mapping[str, tuple[str, ...]] = {"alignment": ("eval.csls_k",), "completion": ("eval.filter",)}
#: Letters of a row's name.
MOST_LETTERS = 200


class Evaluation(Settings):
    """Another way to judge what is trained: ``set`` judges stored weights again, the others read stored ranks anew."""

    id: Name
    label: str = ""
    set: dict[str, Any] = Field(default_factory=dict)
    ties: Ties | None = None
    direction: Direction | None = None
    of: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _something(self) -> "Evaluation":
        if not self.set and self.ties is None and self.direction is None:
            raise ValueError("expected set, ties or direction")
        return self

    def changed(self, protocol: Protocol) -> Protocol:
        """Return a protocol with this one's ties and direction."""
        return replace(protocol, ties=self.ties or protocol.ties, direction=self.direction or protocol.direction)


@dataclass(frozen=True)
class Again:
    """A row that is another one, judged again."""

    row: Variant
    source: Variant
    evaluation: Evaluation


def rows_again(variants: Sequence[Variant], evaluations: Sequence[Evaluation]) -> list[Again]:
    """Return the rows that evaluations make of others, called ``<row>-<evaluation>``, in the group of their row."""
    bases = {variant.versus for variant in variants}
    return [
        Again(_row(source, evaluation, bases), source, evaluation)
        for source in variants
        for evaluation in evaluations
        if not evaluation.of or source.id in evaluation.of
    ]


def without(evaluations: Sequence[Evaluation], gone: Collection[str]) -> tuple[Evaluation, ...]:
    """Return evaluations as if some rows had never been; one that is of none but these goes too."""
    kept = [(one, tuple(row for row in one.of if row not in gone)) for one in evaluations]
    return tuple(one.model_copy(update={"of": of}) for one, of in kept if of or not one.of)


def unsound(
    evaluations: Sequence[Evaluation], variants: Sequence[Variant], known: Collection[str]
) -> Iterator[tuple[Place, str]]:
    """Yield names of evaluations that stand twice, point at nothing, or make a row that is there already."""
    rows = [variant.id for variant in variants]
    for n, one in enumerate(evaluations):
        if one.id in [other.id for other in evaluations[:n]]:
            yield ("evaluations", n, "id"), f"evaluation '{one.id}' is there twice"
        for m, word in enumerate(one.of):
            if word not in rows:
                yield ("evaluations", n, "of", m), f"unknown variant '{word}'{nearest(word, rows)}"
        for again in rows_again(variants, [one]):
            if again.row.id in known:
                yield ("evaluations", n, "id"), f"variant '{again.row.id}' is there twice"
            if len(again.row.id) > MOST_LETTERS:
                yield ("evaluations", n, "id"), f"the name of the row, '{again.row.id[:80]}', is too long"


def unfit(evaluations: Sequence[Evaluation], method: str, task: str) -> Iterator[tuple[Place, str]]:
    """Yield keys that decide training, and directions of another task."""
    for n, one in enumerate(evaluations):
        for key in one.set:
            if key not in KEYS[task]:
                told = f"{key} is no judge's alone: what is stored can be judged again by {', '.join(KEYS[task])}"
                yield ("evaluations", n, "set", key), told + nearest(key, KEYS[task])
        if one.direction not in (None, *DIRECTIONS[task]):
            told = f"evaluations.direction: {method} is measured by {', '.join(DIRECTIONS[task])}"
            yield ("evaluations", n, "direction"), told


def _row(source: Variant, evaluation: Evaluation, bases: Collection[str]) -> Variant:
    """Return a row that is compared as its source is, with the source itself where others are compared with that."""
    changed = {"id": f"{source.id}-{evaluation.id}", "label": f"{source.title}, {evaluation.label or evaluation.id}"}
    versus = source.versus or (source.id if source.id in bases else "")
    return source.model_copy(update={**changed, "full": False, "versus": versus})
