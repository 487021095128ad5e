"""All runs of a store at a glance: thousands of them in a second, so of each no more is read than is told."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from kgprism.platform.errors import ConfigurationError, DataError, nearest
from kgprism.platform.kept import DamagedError, Kept, read
from kgprism.platform.settings import DIRECTIONS, SELECTIONS
from kgprism.platform.studies.store.progress import unfinished
from kgprism.platform.studies.store.record import FILE, Selected
from kgprism.platform.studies.store.runs import LISTED, Store

State = Literal["finished", "running", "failed", "partial", "damaged"]
_PARTIAL = ".partial"
#: What is told of a run's numbers, the first that it has.
_HEADLINES = tuple(f"test/{ways[0]}/mrr" for ways in DIRECTIONS.values())


@dataclass(frozen=True)
class Entry:
    """A run, whatever became of it; ``mrr`` is the test split's at the epoch that the run picked; ``told`` is why it is
    not finished.
    """

    id: str
    state: State
    method: str = ""
    dataset: str = ""
    seed: int | None = None
    mrr: float | None = None
    seconds: float | None = None
    finished: str = ""
    told: str = ""


class _Brief(Kept):
    """What of a record is listed."""

    id: str
    method: str
    dataset: str
    seed: int
    selections: dict[str, Selected]
    seconds: float
    finished: str


def entries(store: Store) -> Iterator[Entry]:
    """Yield every run in the order of identities; nothing is set aside."""
    names = _names(store.folder)
    for name in sorted(names):
        run_id = name.removesuffix(_PARTIAL)
        if name == run_id:
            yield _whole(store.folder / name)
        elif run_id not in names:
            yield _begun(store, run_id)


def find(store: Store, word: str) -> str:
    """Return the identity, finished or not, that begins with `word`.

    Raises:
        ConfigurationError: if there is none, or several, which it lists.
    """
    ids = sorted({name.removesuffix(_PARTIAL) for name in _names(store.folder)})
    if word in ids:
        return word
    found = [run_id for run_id in ids if word and run_id.startswith(word)]
    if len(found) == 1:
        return found[0]
    if found:
        more = f" and {len(found) - LISTED} more" if len(found) > LISTED else ""
        raise ConfigurationError(f"several runs begin with '{word}': {', '.join(found[:LISTED])}{more}")
    raise ConfigurationError(f"no run '{word}'{nearest(word, ids)}")


def _names(folder: Path) -> set[str]:
    """Return the names of all folders of runs; a dot in front is a run that was being written, or a lock."""
    try:
        return {entry.name for entry in os.scandir(folder) if not entry.name.startswith(".")}
    except FileNotFoundError:
        return set()
    except NotADirectoryError:
        raise DataError(f"{folder}: not a folder, but runs are kept there: move it away") from None


def _whole(folder: Path) -> Entry:
    try:
        brief = read(folder / FILE, _Brief)
    except DamagedError as error:
        return Entry(folder.name, "damaged", told=str(error))
    if brief is None:
        return Entry(folder.name, "damaged", told=f"{FILE} is not there")
    if brief.id != folder.name:
        return Entry(folder.name, "damaged", told=f"{FILE}: it is run {brief.id}")
    select = next((word for word in SELECTIONS if word in brief.selections), None)
    metrics = brief.selections[select].metrics if select else {}
    mrr = next((metrics[name] for name in _HEADLINES if name in metrics), None)
    return Entry(
        brief.id, "finished", brief.method, brief.dataset, brief.seed, mrr, brief.seconds, finished=brief.finished
    )


def _begun(store: Store, run_id: str) -> Entry:
    status = unfinished(store, run_id)
    states: dict[str, State] = {"running": "running", "failed": "failed"}
    state, told = states.get(status.state, "partial"), "" if status.state == "to run" else str(status)
    if (noted := status.progress) is None:
        return Entry(run_id, state, told=told)
    return Entry(run_id, state, noted.method, noted.dataset, noted.seed, told=told)
