"""Whether each row of a suite is tuned by itself: which keys, how often, by what."""

from typing import Literal

from pydantic import Field, JsonValue, model_validator

from kgprism.platform.part import Settings


class Tuning(Settings):
    """``per_variant``: the same number of trials for each row, of those keys that the row has.

    Keys are those of the search space `space`, by default the one of the row's method; ``params`` are written
    as in a space, for the suite's own method.
    """

    mode: Literal["none", "per_variant"] = "none"
    space: str | None = None
    keys: tuple[str, ...] = ()
    params: dict[str, dict[str, JsonValue]] = Field(default_factory=dict)
    trials: int = Field(12, ge=1, le=1000)
    sampler: str | dict[str, JsonValue] = Field("random", description="a word, or a mapping, as in a search space")
    seed: int = Field(0, ge=0)

    @model_validator(mode="after")
    def _says_what(self) -> "Tuning":
        if self.keys or self.params:
            if "mode" not in self.model_fields_set:
                raise ValueError("mode: expected per_variant, or none to switch it off")
        elif self.mode != "none":
            raise ValueError("keys: expected keys of a search space, or params")
        for n, key in enumerate(self.keys):
            if key in self.keys[:n] or key in self.params:
                raise ValueError(f"keys: '{key}' is there twice")
        return self

    @property
    def wanted(self) -> bool:
        """Whether rows are tuned at all."""
        return self.mode == "per_variant"

    @property
    def by_chance(self) -> bool:
        """Whether trials are independent draws, of which an expected best can be reckoned."""
        return self.sampler in ("random", {"kind": "random"})
