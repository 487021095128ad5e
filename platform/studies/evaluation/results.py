"""What judging stored weights again gave: kept beside the store by run and settings, read back as if it were a run."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import JsonValue

from kgprism.platform import configuration
from kgprism.platform.files import replacing
from kgprism.platform.kept import DamagedError, Kept, read, set_aside
from kgprism.platform.settings import Selection
from kgprism.platform.studies.store.record import RANKS, Record
from kgprism.platform.training.run import EVALUATOR

WEIGHTS, FILE = "model.safetensors", "judged.json"


class Judged(Kept):
    """The metrics of one run's weights under other settings of the judge."""

    run: str
    select: str
    settings: dict[str, JsonValue]
    metrics: dict[str, float]


def selected(record: Record) -> Selection:
    """Return whose weights a run keeps: the best validation epoch's, the last one's where nothing is held out."""
    return "valid" if "valid" in record.selections else "last"


def has_weights(record: Record) -> bool:
    """Tell whether a run kept its weights (`train.keep_weights`)."""
    return (record.folder / WEIGHTS).is_file()


def named(record: Record, settings: Mapping[str, Any]) -> str:
    """Return what the result of a run and settings is called: a digest of both, of the weights and of the judge."""
    return configuration.digest(record.id, record.sums.get(WEIGHTS, ""), dict(settings), EVALUATOR)


def recall(folder: Path, record: Record, settings: Mapping[str, Any]) -> Record | None:
    """Return the run as it is under other settings of the judge, if it was judged so before.

    It has that one selection and no other; what is damaged is set aside, and so will be made again.

    Raises:
        DataError: if it may not be read.
    """
    name = named(record, settings)
    place = folder / name
    try:
        found = read(place / FILE, Judged)
        if found is None:
            return None
        if found.run != record.id:
            raise DamagedError(f"{FILE}: it is of run {found.run}")
    except DamagedError as error:
        set_aside(place, error)
        return None
    select = selected(record)
    chosen: dict[str, dict[str, Any]] = {
        select: {"epoch": record.selections[select]["epoch"], "metrics": found.metrics}
    }
    return replace(record, id=f"{record.id}-{name[:8]}", selections=chosen, folder=place)


def keep(
    folder: Path,
    record: Record,
    settings: Mapping[str, Any],
    metrics: Mapping[str, float],
    ranks: Mapping[str, np.ndarray],
) -> None:
    """Keep a result, whole or not at all."""
    select = selected(record)
    found = Judged(run=record.id, select=select, settings=dict(settings), metrics=dict(metrics))
    place = folder / named(record, settings)
    arrays: dict[str, Any] = {f"{select}/{key}": values for key, values in ranks.items()}
    try:
        with replacing(place) as scratch:
            scratch.mkdir()
            np.savez_compressed(scratch / RANKS, **arrays)
            (scratch / FILE).write_text(json.dumps(found.model_dump(), indent=1), encoding="utf-8")
    except OSError:
        if not (place / FILE).exists():  # else another process has judged the same: its result is as good
            raise
