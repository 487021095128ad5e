"""The axes of a suite: datasets, seed ratios and seeds, and what holds in parts of their product."""

from collections.abc import Mapping
from typing import Any

from pydantic import Field, field_validator

from kgprism.platform.errors import ConfigurationError
from kgprism.platform.part import Settings

#: Where the grid puts its share of known pairs.
SEED_RATIO = "data.seed_ratio"


class Seeds(Settings):
    """``{count: 3, start: 2023}`` or a plain list of seeds."""

    count: int = Field(1, ge=1)
    start: int = Field(0, ge=0)
    listed: tuple[int, ...] = ()

    def take(self, count: int | None = None) -> list[int]:
        """Return the seeds, or the first `count`; a counted range goes on past its end, a list does not."""
        if self.listed:
            if count is not None and count > len(self.listed):
                raise ConfigurationError(f"the suite lists {len(self.listed)} seeds, but {count} are asked for")
            return list(self.listed[:count])
        return list(range(self.start, self.start + (count or self.count)))


class Where(Settings):
    """A part of the grid; what is left out matches everything."""

    dataset: str | None = None
    seed_ratio: float | None = None

    def matches(self, dataset: str, seed_ratio: float | None) -> bool:
        """Tell whether a cell of the grid lies in this part."""
        return self.dataset in (None, dataset) and self.seed_ratio in (None, seed_ratio)


class Constant(Settings):
    """What the paper sets differently in a part of the grid, for the rows of one method; by default the suite's."""

    when: Where
    method: str = ""
    override: dict[str, Any] = Field(min_length=1)


class Grid(Settings):
    """The product of datasets, seed ratios and seeds, less what is excluded."""

    dataset: tuple[str, ...] = Field(min_length=1)
    seed_ratio: tuple[float, ...] = ()
    seed: Seeds = Seeds()
    set: tuple[Constant, ...] = ()
    exclude: tuple[Where, ...] = ()

    @field_validator("seed", mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        return {"listed": value} if isinstance(value, list) else value

    def places(self, datasets: Mapping[str, Any] | None = None) -> list[tuple[str, float | None]]:
        """Return (dataset, seed ratio) of every part of the grid, for these datasets or for the grid's own."""
        chosen = self.dataset if datasets is None else tuple(datasets)
        product = [(dataset, ratio) for dataset in chosen for ratio in self.seed_ratio or (None,)]
        return [place for place in product if not any(hidden.matches(*place) for hidden in self.exclude)]
