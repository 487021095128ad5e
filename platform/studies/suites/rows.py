"""The rows of a suite: those that are written down, those that are made of toggles or of a key, and the paper's."""

from collections.abc import Iterable
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from kgprism.platform.part import Settings
from kgprism.platform.settings import METRICS, Metric
from kgprism.platform.studies.suites.reading.document import Name


class Variant(Settings):
    """One row: the suite's method, or another one, with some keys overridden; ``versus`` is the row beside it."""

    id: Name
    label: str = ""
    method: str = ""
    preset: str | None = None
    override: dict[str, Any] = Field(default_factory=dict)
    group: str = ""
    full: bool = False
    versus: str = ""

    @field_validator("label", "method", "group", "versus", mode="before")
    @classmethod
    def _taken_back(cls, value: object) -> object:
        """Read null, as a suite takes back what the one that it extends says."""
        return "" if value is None else value

    @property
    def title(self) -> str:
        """What the table shows."""
        return self.label or self.id


def told_apart(title: str, group: str, titles: Iterable[str]) -> str:
    """Return a row's title, with its group where another one of these rows has the same."""
    return f"{title} ({group})" if group and sum(other == title for other in titles) > 1 else title


class PublishedOnly(Settings):
    """A row of the paper that is shown but not run."""

    id: str = Field(min_length=1)
    label: str = ""
    group: str = ""


class Reference(Settings):
    """Published numbers of one row on one dataset, as fractions."""

    variant: str
    dataset: str
    seed_ratio: float | None = None
    values: dict[Metric, float] = Field(min_length=1)
    note: str = ""

    @field_validator("values")
    @classmethod
    def _fractions(cls, values: dict[Metric, float]) -> dict[Metric, float]:
        if any(not 0 <= value <= 1 for metric, value in values.items() if not METRICS[metric].lowest):
            raise ValueError("expected fractions between 0 and 1")
        return values


class Toggle(Settings):
    """A part that the full method has, and what takes it ``out``; or one that it lacks, and what puts it ``in``."""

    name: Name
    label: str = ""
    out: dict[str, Any] = Field(default_factory=dict)
    into: dict[str, Any] = Field(default_factory=dict, alias="in")

    @model_validator(mode="after")
    def _one_way(self) -> "Toggle":
        if bool(self.out) == bool(self.into):
            raise ValueError("expected either what takes the part out, or what puts it in")
        return self

    @property
    def title(self) -> str:
        """What a row's label calls the part."""
        return self.label or self.name


Toggles = Literal["all"] | tuple[str, ...]


class Subsets(Settings):
    """Every row in which 1 to ``max`` parts differ from the full method."""

    max: int = Field(ge=1)
    of: Toggles = "all"


class Sweep(Settings):
    """A row for each value of a key; ``{value}`` in the label is that value."""

    key: str = Field(min_length=1)
    values: tuple[Any, ...] = Field(min_length=1)
    label: str = ""


class Generator(Settings):
    """Rows that are made of the full one; it is exactly one of the four."""

    leave_one_out: Toggles | None = None
    add_one_in: Toggles | None = None
    all_subsets: Subsets | None = None
    sweep: Sweep | None = None
    group: str = ""

    @model_validator(mode="after")
    def _one(self) -> "Generator":
        ways = [word for word in type(self).model_fields if word != "group"]
        if sum(getattr(self, word) is not None for word in ways) != 1:
            raise ValueError(f"expected exactly one of {', '.join(ways)}")
        return self
