"""The result store: a folder of runs, each whole or absent, merged by copying, safe to kill at any moment."""

import json
import re
import shutil
from collections.abc import Collection, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kgprism.platform.errors import ConfigurationError, DataError, nearest
from kgprism.platform.files import replacing
from kgprism.platform.home import home
from kgprism.platform.kept import DamagedError, set_aside
from kgprism.platform.studies.store import sums
from kgprism.platform.studies.store.record import FILE, HISTORY, RANKS, Record, read_record

if TYPE_CHECKING:
    from kgprism.platform.training.outcome import Outcome
    from kgprism.platform.training.run import Run

#: What names a run's folder: no path leads out of the store.
_ID = re.compile(r"[\w-]{1,64}")
#: How the reason begins of a run that was not even started.
CANNOT = "cannot run: "
#: How many of several runs an error lists.
LISTED = 12


class Store:
    """Runs below ``<home>/runs``."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or home() / "runs"
        self._whole: set[str] = set()

    def has(self, run_id: str) -> bool:
        """Tell whether this run is finished and whole; what is damaged is set aside, and so will be made again.

        Raises:
            DataError: if it may not be read, or cannot be set aside.
        """
        record = self.read(run_id)
        if record and run_id not in self._whole:
            try:
                record.check()
            except DamagedError as error:
                set_aside(record.folder, error)
                return False
            self._whole.add(run_id)
        return record is not None

    def read(self, run_id: str) -> Record | None:
        """Return a finished run, or none; one whose record is damaged is set aside, and so will be made again.

        Raises:
            DataError: if it may not be read, or cannot be set aside.
        """
        folder = self.folder / run_id
        if not _ID.fullmatch(run_id):
            return None
        if self.folder.exists() and not self.folder.is_dir():
            raise DataError(f"{self.folder}: not a folder, but runs are kept there: move it away")
        try:
            return read_record(folder)
        except DamagedError as error:
            set_aside(folder, error)
            return None

    def find(self, word: str, besides: Collection[str] = ()) -> Record:
        """Return the finished run whose identity begins with `word`; `besides` are suites that could have been meant.

        Raises:
            ConfigurationError: if there is none, or several, which it lists.
        """
        if record := self.read(word):
            return record
        ids = sorted(file.parent.name for file in self.folder.glob(f"[!.]*/{FILE}"))
        found = [run_id for run_id in ids if word and run_id.startswith(word)]
        if len(found) > 1:
            more = f" and {len(found) - LISTED} more" if len(found) > LISTED else ""
            raise ConfigurationError(f"several runs begin with '{word}': {', '.join(found[:LISTED])}{more}")
        if found and (record := self.read(found[0])):
            return record
        what = "finished run and no suite" if besides else "finished run"
        raise ConfigurationError(f"no {what} '{word}'{nearest(word, [*ids, *besides])}")

    def __iter__(self) -> Iterator[Record]:
        # A dot in front is a run that was being written when its process died.
        for file in sorted(self.folder.glob(f"[!.]*/{FILE}")):
            if record := self.read(file.parent.name):
                yield record

    def partial(self, run_id: str) -> Path:
        """Return the folder of a run in progress, where its checkpoint and event files live."""
        folder = self.folder / f"{run_id}.partial"
        if folder.exists() and not folder.is_dir():
            set_aside(folder, DamagedError("not a folder"))
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def fail(self, run_id: str, reason: str) -> None:
        """Note beside a run's checkpoint why it failed; a later success forgets it."""
        (self.partial(run_id) / "failed.txt").write_text(reason, encoding="utf-8", errors="replace")

    def failure(self, run_id: str) -> str | None:
        """Return why a run failed the last time, if it did."""
        file = self.folder / f"{run_id}.partial" / "failed.txt"
        try:
            return file.read_text(encoding="utf-8", errors="replace")
        except OSError:
            return None

    def write(self, run: "Run", outcome: "Outcome") -> Record:
        """Keep a finished run: written under a temporary name, then renamed; the partial folder goes."""
        target = self.folder / run.id
        try:
            with replacing(target) as scratch:
                scratch.mkdir()
                _fill(scratch, run, outcome, self.folder / f"{run.id}.partial")
                if not self.has(run.id):  # a folder without a record is half a copy from elsewhere
                    shutil.rmtree(target, ignore_errors=True)
        except OSError:
            if not self.has(run.id):  # else another process has finished the same run: its result is as good
                raise
        shutil.rmtree(self.folder / f"{run.id}.partial", ignore_errors=True)
        record = self.read(run.id)
        assert record is not None, f"{target} vanished while it was written"
        return record


def _fill(folder: Path, run: "Run", outcome: "Outcome", partial: Path) -> None:
    """Write the files of a finished run; `partial` is where it was in progress."""
    import pandas as pd  # here and below: whoever only reads runs waits for neither pandas nor torch

    from kgprism.platform.training.spent import spent

    pd.DataFrame(outcome.history).to_parquet(folder / HISTORY, write_page_checksum=True)
    chosen = outcome.selections.items()
    ranks: dict[str, Any] = {f"{name}/{key}": values for name, c in chosen for key, values in c.ranks.items()}
    np.savez_compressed(folder / RANKS, **ranks)
    if outcome.weights:
        from safetensors.torch import save_file

        weights = {name: value.detach().cpu().contiguous() for name, value in outcome.weights.items()}
        save_file(weights, folder / "model.safetensors")
    # Last, because its presence is what makes a run finished.
    content = _plain(run, outcome) | {"cpu_seconds": spent(partial)}
    content["sums"] = {file.name: sums.of_file(file) for file in sorted(folder.iterdir())}
    content["sums"][FILE] = sums.of_record(content)
    (folder / FILE).write_text(json.dumps(content, indent=1, sort_keys=True), encoding="utf-8")


def _plain(run: "Run", outcome: "Outcome") -> dict[str, Any]:
    """Return what ``run.json`` holds."""
    from kgprism.platform.method import load
    from kgprism.platform.studies.store import machine
    from kgprism.platform.training.run import source_digest

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
        "code": {"digest": source_digest(run.method)} | machine.code(),
        "machine": machine.hardware(),
        "packages": machine.packages(load(run.method).__module__),
    }
