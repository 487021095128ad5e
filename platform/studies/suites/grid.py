"""The axes of a suite: datasets, seed ratios and seeds, and what holds in parts of their product."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import ConfigDict, Field, field_validator, model_validator

from kgprism.platform.errors import ConfigurationError
from kgprism.platform.part import Settings

#: More seeds than this are a mistake: every one is a run of each variant on each dataset.
MOST_SEEDS = 1000
#: Where the grid puts its share of known pairs.
SEED_RATIO = "data.seed_ratio"


def _or_a_list(schema: dict[str, Any]) -> None:
    """Say to editors what `Grid` takes besides: a plain list."""
    whole, listed = dict(schema), {**schema["properties"]["listed"], "minItems": 1, "uniqueItems": True}
    schema.clear()
    schema |= {"anyOf": [whole, listed]}


class Seeds(Settings):
    """``{count: 3, start: 2023}`` or a plain list of seeds."""

    model_config = ConfigDict(json_schema_extra=_or_a_list)

    count: int = Field(1, ge=1, le=MOST_SEEDS)
    start: int = Field(0, ge=0, lt=2**32)
    listed: tuple[Annotated[int, Field(ge=0, lt=2**32)], ...] = Field((), max_length=MOST_SEEDS)

    @model_validator(mode="before")
    @classmethod
    def _some(cls, given: Any) -> Any:
        if isinstance(given, dict) and given.get("listed") in ([], ()) and "count" not in given:
            raise ValueError("expected at least one seed")
        return given

    @model_validator(mode="after")
    def _one_way(self) -> "Seeds":
        if self.listed and (self.count, self.start) != (1, 0):
            raise ValueError("expected a list of seeds, or count and start, not both")
        if self.start + self.count > 2**32:
            raise ValueError(f"expected seeds below {2**32}, but there are {self.count} from {self.start} on")
        return self

    def take(self, count: int | None = None) -> list[int]:
        """Return the seeds, or the first `count`; a counted range goes on past its end, a list does not.

        Raises:
            ConfigurationError: if there are not so many.
        """
        if count is not None and count > MOST_SEEDS:
            raise ConfigurationError(f"at most {MOST_SEEDS} seeds, but {count} are asked for")
        if self.listed:
            if count is not None and count > len(self.listed):
                raise ConfigurationError(f"the suite lists {len(self.listed)} seeds, but {count} are asked for")
            return list(self.listed[:count])
        if count is not None and self.start + count > 2**32:
            raise ConfigurationError(f"no seed is {2**32} or more, but {count} from {self.start} on are asked for")
        return list(range(self.start, self.start + (count or self.count)))


class Where(Settings):
    """A part of the grid; what is left out matches everything."""

    dataset: str | None = None
    seed_ratio: float | None = None

    def matches(self, dataset: str, seed_ratio: float | None) -> bool:
        """Tell whether a cell of the grid lies in this part."""
        return self.dataset in (None, dataset) and self.seed_ratio in (None, seed_ratio)


class When(Where):
    """A part of the grid, of one row or of all rows of a method."""

    variant: str | None = None


class Constant(Settings):
    """What the paper sets differently in a part of the grid, for the rows of one method; by default the suite's.

    A ``preset`` of the method is laid over that of the row, below the suite's base; ``override`` is laid above
    the base and, where it is for one row, above that row's own override.
    """

    when: When
    method: str = ""
    preset: str | None = None
    override: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _sets_something(self) -> "Constant":
        if self.preset is None and not self.override:
            raise ValueError("expected a preset or an override")
        if self.method and self.when.variant is not None:
            raise ValueError("method: a row has its own: leave it out beside when.variant")
        return self

    def told(self) -> dict[str, Any]:
        """Return it as plain values; what all rows have looks as it did before single rows had theirs."""
        plain = self.model_dump(mode="json")
        if plain["when"]["variant"] is None:
            del plain["when"]["variant"]
        return plain


class Grid(Settings):
    """The product of datasets, seed ratios and seeds, less what is excluded."""

    model_config = ConfigDict(json_schema_extra=lambda schema: schema.__delitem__("required"))

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

    def twice(self) -> Iterator[tuple[tuple[str | int, ...], str]]:
        """Yield the place of every dataset, seed ratio and seed that stands there before, and what is wrong."""
        axes: dict[str, tuple[Any, ...]] = {"dataset": self.dataset, "seed_ratio": self.seed_ratio}
        for axis, values in (axes | {"seed": self.seed.listed}).items():
            for n, value in enumerate(values):
                if value in values[:n]:
                    yield ("grid", axis, "listed", n), f"grid.{axis}: {value} stands there twice"
