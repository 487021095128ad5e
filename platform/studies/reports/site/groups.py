"""All that was ever asked in a home: each suite as it is, and with each other settings."""

import shlex
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from kgprism.platform.errors import ConfigurationError, DataError
from kgprism.platform.home import home
from kgprism.platform.studies.store.progress import unfinished
from kgprism.platform.studies.store.record import FILE as RECORD
from kgprism.platform.studies.store.runs import Store
from kgprism.platform.studies.suites.asked import Asked, options
from kgprism.platform.studies.suites.manifest import FILE, SuiteManifest, look
from kgprism.platform.studies.suites.reading.shelf import shelf
from kgprism.platform.studies.suites.suite import PACKAGE, Suite, read

#: What becomes of a run, as the index counts it.
STATES = ("finished", "running", "failed", "missing")


@dataclass(frozen=True)
class Group:
    """What was asked of one suite with one preset and one set of overrides; its manifest is in `folder`."""

    folder: Path
    asked: Asked
    manifest: SuiteManifest

    @property
    def settings(self) -> str:
        """The options that ask for these settings."""
        return options(self.asked.preset, self.asked.overrides)

    @cached_property
    def runs(self) -> list[str]:
        """The identities of its runs, each once."""
        return list(dict.fromkeys(cell.run.id for cell in self.manifest.cells))

    def states(self, store: Store) -> dict[str, str]:
        """Return what became of each run, one of `STATES`; nothing is checked, so that it is quick."""
        return {run_id: _state(store, run_id) for run_id in self.runs}

    def suite(self) -> tuple[Suite, str]:
        """Return the suite as its file is now, and what the command line calls it.

        Raises:
            ConfigurationError: if there is no such file any more, or it is wrong.
        """
        for word in self._words():
            if (found := read(word)).suite == self.asked.suite:
                return found, word
        raise ConfigurationError("its file is not here any more")

    def _words(self) -> Iterator[str]:
        """Yield where the suite may be: the file it was last read from, the shelf, files that commands named."""
        known = [self.asked.suite] if self.asked.suite in shelf(PACKAGE) else []
        files = [[self.manifest.file], list(self._named())]
        own, named = ([word for word in some if word and Path(word).is_file()] for some in files)
        yield from dict.fromkeys([*own, *known, *named])

    def _named(self) -> Iterator[str]:
        """Yield the files that commands named, the latest first."""
        for command in reversed(self.manifest.commands):
            with suppress(ValueError):  # a notebook's line is none of a shell
                yield from (word for word in shlex.split(command) if word.endswith((".yaml", ".yml")))


def groups(root: Path | None = None) -> tuple[list[Group], list[str]]:
    """Return all groups of a home, by name, and a line on each manifest that cannot be read; it is left where it is."""
    folder = root or home() / "studies"
    found, damaged = [], []
    for file in sorted([*folder.glob(f"[!.]*/{FILE}"), *folder.glob(f"[!.]*/[!.]*/{FILE}")]):
        place = file.parent
        try:
            manifest = look(place)
        except DataError as error:
            damaged.append(f"{place}: {error}")
            continue
        if manifest:
            name = place.name if place.parent == folder else place.parent.name
            found.append(Group(place, Asked(name, manifest.preset, manifest.overrides), manifest))
    return sorted(found, key=lambda group: group.asked.name), damaged


def _state(store: Store, run_id: str) -> str:
    if (store.folder / run_id / RECORD).is_file():
        return "finished"
    state = unfinished(store, run_id).state
    return state if state in STATES else "missing"
