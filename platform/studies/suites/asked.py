"""With which settings a suite is asked, and where that is kept: none replace the results of others."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from shlex import join, quote
from typing import Any

from kgprism.platform import configuration
from kgprism.platform.errors import ConfigurationError
from kgprism.platform.home import home
from kgprism.platform.studies.suites.manifest import FILE, SuiteManifest, load_manifest
from kgprism.platform.studies.suites.suite import Suite


@dataclass(frozen=True)
class Asked:
    """A suite as it is, or with a preset of another name or with overrides of all of its cells."""

    suite: str
    preset: str | None = None
    overrides: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, suite: Suite, preset: str | None = None, overrides: Mapping[str, Any] | None = None) -> "Asked":
        """Return what is asked; naming the suite's own preset changes nothing."""
        return cls(suite.suite, None if preset == suite.preset else preset, dict(overrides or {}))

    @property
    def plain(self) -> bool:
        """Whether the suite is asked as it is."""
        return self.preset is None and not self.overrides

    @property
    def name(self) -> str:
        """What the files of the table are called: the suite, and eight digits of the settings."""
        # A site begins with a page of its own.
        own = f"{self.suite}_" if self.suite == "index" else self.suite
        return own if self.plain else f"{own}-{self._digits}"

    @property
    def folder(self) -> Path:
        """Where the manifest and the event files are: ``<home>/studies/<suite>``, or a folder in it."""
        own = home() / "studies" / self.suite
        return own if self.plain else own / self._digits

    @property
    def events(self) -> Path:
        """TensorBoard's folder."""
        return self.folder / "tensorboard"

    def known(self) -> "Asked":
        """Return itself if it was ever asked, or asks for nothing but the suite.

        Raises:
            ConfigurationError: naming the settings that were asked.
        """
        if self.plain or (self.folder / FILE).exists():
            return self
        others = [line for found in _manifests(self.folder.parent) if (line := options(found.preset, found.overrides))]
        had = f"; asked were: {'; '.join(others)}" if others else ""
        raise ConfigurationError(f"{self.suite} was never asked with {options(self.preset, self.overrides)}{had}")

    @property
    def _digits(self) -> str:
        return configuration.digest(self.preset, dict(self.overrides))[:8]


def options(preset: str | None, overrides: Mapping[str, Any]) -> str:
    """Return the options that ask for these settings on the command line."""
    words = [] if preset is None else ["--preset", preset]
    for key, value in overrides.items():
        words += ["--set", f"{key}={value if isinstance(value, str) else json.dumps(value)}"]
    return join(words)


def settings_told(folder: Path, shown: SuiteManifest | None, suite: str) -> list[str]:
    """Return the lines of a table that name its settings, and how to get the suite's other tables.

    Args:
        folder: the manifest's.
        shown: the manifest, if there is one.
        suite: what the command line calls the suite.
    """
    mine = options(shown.preset, shown.overrides) if shown else ""
    lines = [f"Settings of this table: {mine}; the suite's own: kgprism report {quote(suite)}."] if mine else []
    every = [options(found.preset, found.overrides) for found in _manifests(folder.parent if mine else folder)]
    others = [f"kgprism report {quote(suite)} {one}" for one in every if one and one != mine]
    return lines + ([f"Other settings of this suite: {'; '.join(others)}"] if others else [])


def _manifests(root: Path) -> list[SuiteManifest]:
    """Return what was asked of a suite with other settings."""
    return [found for file in sorted(root.glob(f"[!.]*/{FILE}")) if (found := load_manifest(file.parent))]
