"""The index of a site: a line a suite and a line a search, in one file that needs nothing else."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import quote

from jinja2 import Template

from kgprism.platform.studies.reports.page.templates import template
from kgprism.platform.studies.reports.site.groups import STATES
from kgprism.platform.studies.reports.site.told import Told
from kgprism.platform.studies.reports.words import MISSING


@dataclass(frozen=True)
class Line:
    """A suite: the name of its page, what it tells, how many runs are in which state, when something last changed."""

    name: str
    suite: str
    settings: str
    told: Told
    states: Mapping[str, int]
    changed: str

    @property
    def runs(self) -> int:
        """How many runs were asked for."""
        return sum(self.states.values())

    @property
    def counts(self) -> list[tuple[str, int]]:
        """The states that there are, with their numbers of runs."""
        return [(state, self.states[state]) for state in STATES if self.states.get(state)]

    @property
    def runs_named(self) -> str:
        """What its runs in TensorBoard begin with, as a pattern in an address."""
        return quote(f"^{re.escape(f'{self.suite} {self.settings}'.strip())}/")

    def file(self, ending: str) -> str:
        """Return the address of one of its files, as seen from the index."""
        return quote(f"{self.name}.{ending}") if ending in self.told.endings else ""


@dataclass(frozen=True)
class Search:
    """A search, in words; ``page`` is the address of its page, as seen from the index, if it has one."""

    name: str
    method: str
    dataset: str
    trials: str
    objective: str
    best: str
    state: str
    page: str = ""

    @property
    def runs_named(self) -> str:
        """What its trials in TensorBoard have in their names, as a pattern in an address."""
        return quote(f"/{re.escape(self.name)}/")


def index(
    home: Path, lines: Sequence[Line], searches: Sequence[Search], left_out: Sequence[str], board: str = ""
) -> str:
    """Return the index, in light and in dark; `board` is where TensorBoard is, if it runs."""
    return _template().render(home=str(home), lines=lines, searches=searches, left_out=left_out, board=board)


@cache
def _template() -> Template:
    return template("kgprism.platform.studies.reports.site", "index.html.jinja", MISSING=MISSING)
