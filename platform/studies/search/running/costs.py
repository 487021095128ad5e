"""What a finished run has cost, for searches that minimise that too: read from the store, where it stays as it was."""

import json
import struct
from collections.abc import Mapping, Sequence
from math import prod

from kgprism.platform.studies.store.record import Record
from kgprism.platform.studies.store.runs import Store


def costs_of(store: Store, run_id: str, names: Sequence[str]) -> Mapping[str, float | None]:
    """Return these costs of a run, none of those that it does not tell."""
    record = store.read(run_id) if names else None
    return {name: _cost(record, name) if record else None for name in names}


def _cost(record: Record, name: str) -> float | None:
    if name == "parameters":
        return _parameters(record)
    found: float | None = getattr(record, name)
    return None if found is None else float(found)


def _parameters(record: Record) -> float | None:
    """Count a method's parameters from the shapes of its stored weights; none where those were not kept."""
    try:
        with (record.folder / "model.safetensors").open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            header = json.loads(file.read(min(length, 2**26)))
        return float(sum(prod(one["shape"]) for name, one in header.items() if name != "__metadata__"))
    except (OSError, ValueError, struct.error, LookupError, TypeError, AttributeError):
        return None
