"""What a search may spend: time of the clock, or processors' or GPUs' hours, as people write it."""

import re
from dataclasses import dataclass
from typing import Literal

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_TIME = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([smhd])")
_HOURS = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(cpu|gpu)-?(?:hours?|h)")
#: Seconds of three centuries: more is a mistake.
_MOST = 1e10
#: What says that there is none.
NONE = "none"


@dataclass(frozen=True)
class Budget:
    """So many ``seconds`` of the clock, or of all processors or GPUs that trials hold, and how it was written."""

    seconds: float
    of: Literal["seconds", "cpu_seconds", "gpu_seconds"]
    text: str

    def __str__(self) -> str:
        return self.text


def budget(text: str) -> Budget | None:
    """Read ``2h``, ``1h 30m``, ``90m``, ``40 cpu-hours``, ``8 gpu-hours`` or ``none``.

    Raises:
        ValueError: saying what is read.
    """
    word = " ".join(text.split()).lower()
    if word == NONE:
        return None
    found = None
    if hours := _HOURS.fullmatch(word):
        of: Literal["cpu_seconds", "gpu_seconds"] = "cpu_seconds" if hours[2] == "cpu" else "gpu_seconds"
        found = Budget(float(hours[1]) * 3600, of, word)
    elif re.fullmatch(rf"{_TIME.pattern}(\s*{_TIME.pattern})*", word):
        parts = _TIME.findall(word)
        if len({unit for _, unit in parts}) == len(parts):
            found = Budget(sum(float(number) * _UNITS[unit] for number, unit in parts), "seconds", word)
    if found is None or not 0 < found.seconds <= _MOST:
        told = "expected a time such as 90m, 2h or 1d, or 40 cpu-hours or 8 gpu-hours"
        raise ValueError(f"{told}, got {text[:60]!r}")
    return found


def checked(text: str) -> str:
    """Return a budget as it is written.

    Raises:
        ValueError: if it is none.
    """
    budget(text)
    return text
