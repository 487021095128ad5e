"""The result store: a folder of runs, each whole or absent, merged by copying, safe to kill at any moment."""

import json
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import pandas as pd
from safetensors.torch import save_file

from kgprism.platform.errors import DataError
from kgprism.platform.home import home
from kgprism.platform.studies import machine
from kgprism.platform.training.outcome import Outcome
from kgprism.platform.training.run import Run


@dataclass(frozen=True)
class Record:
    """A finished run as stored. ``selections[name]`` has ``epoch`` and ``metrics``."""

    id: str
    method: str
    dataset: str
    seed: int
    configuration: Mapping[str, Any]
    notes: tuple[str, ...]
    selections: Mapping[str, Mapping[str, Any]]
    stopped: str
    seconds: float
    peak_bytes: int
    finished: str
    folder: Path

    def metric(self, select: str, name: str) -> float | None:
        """Return one number, such as ``metric("valid", "test/l2r/mrr")``; none where that selection was not made."""
        chosen = self.selections.get(select)
        return None if chosen is None else chosen["metrics"].get(name)

    def history(self) -> pd.DataFrame:
        """Return one row an epoch; cells of epochs without evaluation are NaN."""
        return pd.read_parquet(self.folder / "history.parquet")

    def ranks(self, select: str) -> dict[str, np.ndarray]:
        """Return the test ranks of every query: ``l2r/realistic``, ``l2r/optimistic`` and so on."""
        with np.load(self.folder / "ranks.npz") as stored:
            return {key.removeprefix(f"{select}/"): stored[key] for key in stored if key.startswith(f"{select}/")}


class Store:
    """Runs below ``<home>/runs``."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or home() / "runs"

    def has(self, run_id: str) -> bool:
        """Tell whether this run is finished."""
        return (self.folder / run_id / "run.json").exists()

    def read(self, run_id: str) -> Record | None:
        """Return a finished run, or none.

        Raises:
            DataError: if its file was damaged from outside.
        """
        file = self.folder / run_id / "run.json"
        try:
            plain = json.loads(file.read_text())
            plain["notes"] = tuple(plain["notes"])
            known = {key: plain[key] for key in Record.__dataclass_fields__ if key != "folder"}
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(f"{file}: not a run record ({error}); delete its folder to run it again") from None
        return Record(**known, folder=file.parent)

    def __iter__(self) -> Iterator[Record]:
        # A dot in front is a run that was being written when its process died.
        for file in sorted(self.folder.glob("[!.]*/run.json")):
            if record := self.read(file.parent.name):
                yield record

    def partial(self, run_id: str) -> Path:
        """Return the folder of a run in progress, where its checkpoint and event files live."""
        folder = self.folder / f"{run_id}.partial"
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def fail(self, run_id: str, reason: str) -> None:
        """Note beside a run's checkpoint why it failed; a later success forgets it."""
        (self.partial(run_id) / "failed.txt").write_text(reason)

    def failure(self, run_id: str) -> str | None:
        """Return why a run failed the last time, if it did."""
        file = self.folder / f"{run_id}.partial" / "failed.txt"
        return file.read_text() if file.exists() else None

    def write(self, run: Run, outcome: Outcome) -> Record:
        """Keep a finished run: written under a temporary name, then renamed; the partial folder goes."""
        target = self.folder / run.id
        scratch = self.folder / f".{run.id}.{uuid4().hex[:8]}"
        scratch.mkdir(parents=True)
        try:
            _fill(scratch, run, outcome)
        except BaseException:  # a full disk has no room for what is left of it
            shutil.rmtree(scratch, ignore_errors=True)
            raise
        if not self.has(run.id):  # a folder without a record is half a copy from elsewhere
            shutil.rmtree(target, ignore_errors=True)
        try:
            scratch.rename(target)
        except OSError:
            if not self.has(run.id):
                raise
            shutil.rmtree(scratch)  # another process has finished the same run: its result is as good
        shutil.rmtree(self.folder / f"{run.id}.partial", ignore_errors=True)
        record = self.read(run.id)
        assert record is not None, f"{target} vanished while it was written"
        return record


def _fill(folder: Path, run: Run, outcome: Outcome) -> None:
    """Write the files of a finished run."""
    pd.DataFrame(outcome.history).to_parquet(folder / "history.parquet")
    chosen = outcome.selections.items()
    ranks: dict[str, Any] = {f"{name}/{key}": values for name, c in chosen for key, values in c.ranks.items()}
    np.savez_compressed(folder / "ranks.npz", **ranks)
    if outcome.weights:
        weights = {name: value.detach().cpu().contiguous() for name, value in outcome.weights.items()}
        save_file(weights, folder / "model.safetensors")
    # Last, because its presence is what makes a run finished.
    (folder / "run.json").write_text(json.dumps(_plain(run, outcome), indent=1, sort_keys=True))


def _plain(run: Run, outcome: Outcome) -> dict[str, Any]:
    """Return what ``run.json`` holds."""
    chosen = outcome.selections.items()
    return {
        "id": run.id,
        "method": run.method,
        "dataset": run.dataset,
        "fingerprint": run.fingerprint,
        "seed": run.seed,
        "configuration": dict(run.configuration),
        "notes": list(run.notes),
        "selections": {name: {"epoch": c.epoch, "metrics": dict(c.metrics)} for name, c in chosen},
        "stopped": outcome.stopped,
        "seconds": outcome.seconds,
        "peak_bytes": outcome.peak_bytes,
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine.facts(),
    }
