"""One folder for TensorBoard with all that is asked of it: links to event files, by names that a person can read."""

import shutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from tensorboard.backend.event_processing.event_file_loader import LegacyEventFileLoader
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.hparams import api_pb2 as api
from tensorboard.plugins.hparams.metadata import EXPERIMENT_TAG, parse_experiment_plugin_data
from torch.utils.tensorboard import SummaryWriter

from kgprism.platform.studies.reports.board import hparams

#: Where a suite's or a search's columns lie among its runs.
COLUMNS = "columns"
#: Letters of a name; a path of runs below it must still be one.
_LONGEST = 80


def arrange(view: Path, events: Mapping[str, Path]) -> None:
    """Make `view` hold a link to each run, table and figure below these folders of event files, by their names.

    TensorBoard takes the columns of one experiment only: those of all are written as one.
    """
    wanted = {view / _plain(name) / path: folder for name, root in events.items() for path, folder in _inside(root)}
    for link in view.rglob("*") if view.exists() else ():
        if link.is_symlink() and (link not in wanted or link.readlink() != wanted[link]):
            link.unlink()
    for link, folder in wanted.items():
        if not link.is_symlink():
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(folder, target_is_directory=True)
    experiments = [found for root in events.values() for folder in root.rglob(COLUMNS) for found in _columns(folder)]
    _write(view, hparams.merged(experiments))


def _inside(root: Path) -> Iterator[tuple[str, Path]]:
    """Yield what lies below a folder without its columns; of a search's folder, what lies in that."""
    for folder in sorted(root.iterdir()) if root.is_dir() else ():
        if not folder.is_dir() or folder.name == COLUMNS or folder.name.startswith("."):
            continue
        if (folder / COLUMNS).is_dir():
            yield from ((f"{folder.name}/{path}", found) for path, found in _inside(folder))
        else:
            yield folder.name, folder


def _columns(folder: Path) -> Iterator[api.Experiment]:
    for file in sorted(folder.glob("events.*")):
        for event in LegacyEventFileLoader(str(file)).Load():
            for value in event.summary.value:
                if value.tag == EXPERIMENT_TAG:
                    yield parse_experiment_plugin_data(value.metadata.plugin_data.content)


def _write(view: Path, columns: Summary) -> None:
    """Write the columns of all, unless they are there."""
    folder, known = view / COLUMNS, columns.SerializeToString(deterministic=True)
    if (note := view / ".columns").is_file() and note.read_bytes() == known:
        return
    shutil.rmtree(folder, ignore_errors=True)
    with SummaryWriter(str(folder)) as writer:
        writer.file_writer.add_summary(columns)
    note.write_bytes(known)


def _plain(name: str) -> str:
    """Return a name as a folder can have it."""
    return "".join(letter if letter.isprintable() and letter not in "/\\" else "_" for letter in name)[:_LONGEST]


def told_apart(names: Iterable[tuple[str, Path]]) -> dict[str, Path]:
    """Return folders by their names, those of equal names with a number."""
    found: dict[str, Path] = {}
    for name, folder in names:
        known, n = _plain(name), 1
        while known in found:
            n += 1
            known = f"{_plain(name)[: _LONGEST - 4]}-{n}"
        found[known] = folder
    return found
