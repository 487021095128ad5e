"""TensorBoard's files of a search: every trial's curves while it is under way, hyper-parameters once it has ended."""

import json
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import pandas as pd

from kgprism.platform.studies.reports.board.hparams import STATE
from kgprism.platform.studies.reports.board.tensorboard import Live, write_columns, write_run, write_trial
from kgprism.platform.studies.search.searcher import TrialNews
from kgprism.platform.studies.store.runs import Store
from kgprism.platform.training.outcome import Row

#: Letters of what a trial is called.
_LONGEST = 80
#: What Optuna calls a trial's end, and what the rows say.
_STATES = {"COMPLETE": "complete", "PRUNED": "pruned", "FAIL": "failed"}


class Curves:
    """A listener that writes; of a trial that was pruned or has failed, what was sent stays."""

    def __init__(self, folder: Path, store: Store) -> None:
        self.folder, self.store = folder, store
        self.live: dict[int, Live] = {}
        self.epochs: dict[int, int] = {}
        #: of trials without a result: what was drawn for them
        self.drawn: dict[int, Mapping[str, Any]] = {}

    def __call__(self, news: TrialNews) -> None:
        """Write what is new."""
        if news.row is not None:
            self._row(news, news.row)
        elif news.state in ("complete", "pruned", "failed"):
            self._close(news.trial)
            self._ended(news.trial, news.state, news.identity, news.overrides, news.value, news.epoch or 0)
            self._columns()

    def write(self, trials: pd.DataFrame) -> None:
        """Write what has ended and was not written yet, such as by a process that was killed."""
        for trial in trials.to_dict("records"):
            state = _STATES.get(str(trial["state"]))
            # What has failed without a reason was never carried out: not allowed, or its process was killed.
            if state and (state != "failed" or not _missing(trial.get("user_attrs_reason"))):
                drawn = {
                    key.removeprefix("params_"): value
                    for key, value in trial.items()
                    if str(key).startswith("params_") and not _missing(value)
                }
                value = trial.get("value")
                known = None if _missing(value) else float(value)
                self._ended(trial["number"], state, str(trial.get("user_attrs_run")), drawn, known, 0)
        self._columns()

    def _row(self, news: TrialNews, row: Row) -> None:
        trial, epoch = news.trial, int(row["epoch"])
        if epoch <= self.epochs.get(trial, 0):  # its process has died, and a new one goes on from the checkpoint
            self._close(trial)
        self.epochs[trial] = epoch
        if trial not in self.live:
            self.live[trial] = Live(self._place(trial, news.overrides))
        self.live[trial](row)

    def _ended(
        self, trial: int, state: str, identity: str, drawn: Mapping[str, Any], value: float | None, epoch: int
    ) -> None:
        place = self._place(trial, drawn)
        record = self.store.read(identity) if state == "complete" else None
        if record:
            write_run(place, record, {STATE: state}, value)
        elif state != "complete":
            self.drawn[trial] = drawn
            write_trial(place, drawn, state, value, epoch)

    def _columns(self) -> None:
        write_columns(self.folder, self.store, {STATE: _STATES.values()}, self.drawn.values())

    def _place(self, trial: int, drawn: Mapping[str, Any]) -> Path:
        """Return a trial's folder: its number, and what was drawn for it as far as that is short."""
        number = f"trial-{trial:03}"
        found = sorted(self.folder.glob(f"{number} *")) or [self.folder / number]
        if found[0].is_dir():
            return found[0]
        place, older = self.folder / named(number, drawn), self.folder / f"trial-{trial}"
        if older.is_dir():  # of a version that did not tell what was drawn
            older.rename(place)
        return place

    def _close(self, trial: int) -> None:
        if live := self.live.pop(trial, None):
            live.__exit__(None, None, None)

    def __enter__(self) -> "Curves":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for trial in tuple(self.live):
            self._close(trial)


def named(number: str, drawn: Mapping[str, Any]) -> str:
    """Return ``trial-007 fusion=sum learning_rate=0.003``; of a key its last step, where that is one key's only."""
    keys = [key.removesuffix(".kind") for key in drawn]
    last = [key.rpartition(".")[2] for key in keys]
    name = number
    for key, short, value in zip(keys, last, drawn.values(), strict=True):
        word = f" {key if last.count(short) > 1 else short}={_written(value)}"
        plain = "".join(letter if letter.isprintable() and letter not in "/\\" else "_" for letter in word)
        if len((name + plain).encode()) > _LONGEST:
            break
        name += plain
    return name


def _written(value: Any) -> str:
    if isinstance(value, str):
        return value
    return f"{value:.3g}" if isinstance(value, float) else json.dumps(value, default=str, separators=(",", ":"))


def _missing(value: Any) -> bool:
    """Tell what a table of all trials has where a trial has nothing."""
    return value is None or (isinstance(value, float) and value != value)
