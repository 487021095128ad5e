"""In what two runs differ."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kgprism.platform.studies.store.record import Record


@dataclass(frozen=True)
class Difference:
    """A thing that two runs do not share; none where a run has no such thing, or does not say."""

    part: str
    key: str
    left: Any
    right: Any


def differences(left: Record, right: Record) -> list[Difference]:
    """Return what was asked for, on which data, with which code, packages and machine, as far as it is not the same."""
    return [
        Difference(part, key, one.get(key), other.get(key))
        for (part, one), (_, other) in zip(_parts(left), _parts(right), strict=True)
        for key in sorted({*one, *other})
        if (key in one, one.get(key)) != (key in other, other.get(key))
    ]


def metrics(left: Record, right: Record, select: str) -> dict[str, tuple[float, float]]:
    """Return what both runs have measured at the epoch that each picked."""
    one, other = (dict(record.selections.get(select, {}).get("metrics", {})) for record in (left, right))
    return {name: (value, other[name]) for name, value in one.items() if name in other}


def _parts(record: Record) -> Iterator[tuple[str, Mapping[str, Any]]]:
    yield "run", {"method": record.method, "seed": record.seed}
    yield "settings", record.configuration
    yield "data", {"dataset": record.dataset, "fingerprint": record.fingerprint or None}
    yield "code", record.code
    yield "packages", record.packages
    yield "machine", record.machine
