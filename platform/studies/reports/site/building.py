"""A home's suites as pages, and the index of them and of its searches; what has not changed is not drawn again."""

import json
import shutil
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from kgprism.platform.configuration import digest
from kgprism.platform.errors import DataError, KgprismError, first_line
from kgprism.platform.files import write_text
from kgprism.platform.home import home
from kgprism.platform.kept import read
from kgprism.platform.locks import locked
from kgprism.platform.studies.reports.site.groups import Group, groups
from kgprism.platform.studies.reports.site.index import Line, Search, index
from kgprism.platform.studies.reports.site.keeping import ALWAYS, beside, keep
from kgprism.platform.studies.reports.site.told import Index, Told, told, told_before
from kgprism.platform.studies.reports.table import asked_table
from kgprism.platform.studies.store.progress import FILE as PROGRESS
from kgprism.platform.studies.store.record import FILE as RECORD
from kgprism.platform.studies.store.runs import Store
from kgprism.platform.studies.suites.manifest import FILE as MANIFEST
from kgprism.platform.studies.suites.manifest import code_of

#: The first page, and what is known of the others.
START, KNOWN = "index.html", ".index.json"
#: All code that has a say in what a page shows.
_CODE = Path(__file__).parents[2]


@dataclass(frozen=True)
class Site:
    """What was made: the first page, what it shows, which pages were drawn again, what could not be shown."""

    start: Path
    lines: tuple[Line, ...]
    searches: tuple[Search, ...]
    drawn: tuple[str, ...]
    left_out: tuple[str, ...]

    def page(self, board: str = "") -> str:
        """Return the first page, with links to TensorBoard where that runs."""
        return index(home(), self.lines, self.searches, self.left_out, board)


def build(
    folder: Path,
    *,
    searches: Sequence[Search] = (),
    left_out: Iterable[str] = (),
    listener: Callable[[str], None] | None = None,
) -> Site:
    """Write the pages of all suites that were ever asked in this home, and the index, into a folder.

    `searches` are shown beside them, `left_out` below; `listener` hears which page is drawn.

    Raises:
        ConfigurationError: if a file cannot be written there.
    """
    store, (found, damaged) = Store(), groups()
    with locked(folder / f".{START}.lock"):
        known, drawn, lines, missing = _known(folder), [], [], [*left_out, *damaged]
        code = _code()
        for group in found:
            one, fresh = _page(folder, group, store, known.get(group.asked.name), code, listener)
            if one.trouble:
                missing.append(f"{group.asked.name}: {one.trouble}")
            known[group.asked.name] = one
            drawn += [group.asked.name] if fresh else []
            lines.append(_line(group, one, store))
        lines.sort(key=lambda line: line.changed, reverse=True)
        made = Site(folder / START, tuple(lines), tuple(searches), tuple(drawn), tuple(missing))
        if not made.start.is_file() or made.start.read_text(encoding="utf-8", errors="replace") != made.page():
            write_text(made.start, made.page())
        kept = Index(suites={group.asked.name: known[group.asked.name] for group in found})
        write_text(folder / KNOWN, kept.model_dump_json())
    return made


def _page(
    folder: Path,
    group: Group,
    store: Store,
    known: Told | None,
    code: str,
    listener: Callable[[str], None] | None,
) -> tuple[Told, bool]:
    """Return what the index tells of a suite, and whether its page was drawn for it."""
    files = folder / group.asked.name
    try:
        suite, called = group.suite()
        basis = digest(code, suite.model_dump(mode="json"), code_of(suite), _behind(group, store))
        if known and known.basis == basis and all(beside(files, ending).is_file() for ending in known.endings):
            return known, False
        if listener:
            listener(group.asked.name)
        table = asked_table(suite, group.folder, store, called=called)
        kept = keep(suite, table, group.folder, files, store)
        return told(suite, table, basis, kept.endings, kept.trouble), kept.fresh
    except KgprismError as error:
        return _as_it_was(folder, group, first_line(error)), False


def _behind(group: Group, store: Store) -> object:
    """Return what changes with whatever a suite's page shows, but for the suite and the code."""
    runs = [
        (run_id, [_changed(store.folder / run_id / RECORD), _changed(store.folder / f"{run_id}.partial" / PROGRESS)])
        for run_id in group.runs
    ]
    reasons = [store.failure(run_id) for run_id, (done, _) in runs if not done]
    states = sorted(group.states(store).items())
    own = group.folder if group.asked.plain else group.folder.parent  # tables of other settings are named
    others = [*own.rglob(MANIFEST), *group.folder.glob("*.json")]
    others += [file for folder in ("inspections", "evaluations") for file in (home() / folder).glob("*")]
    known = sorted((str(file), _changed(file)) for file in others)
    data = [(name, (home() / "data" / name).is_dir()) for name in {cell.dataset for cell in group.manifest.cells}]
    return [runs, reasons, states, known, sorted(data)]


def _as_it_was(folder: Path, group: Group, trouble: str) -> Told:
    """Return what is known of a suite that cannot be read any more; its files are copied from where they were kept."""
    endings = []
    for ending in (*ALWAYS, "png", "pdf", "svg"):
        old, new = beside(home() / "tables" / group.asked.name, ending), beside(folder / group.asked.name, ending)
        with suppress(OSError):
            if old.is_file() and old.resolve() != new.resolve():
                shutil.copyfile(old, new)
        endings += [ending] if new.is_file() else []
    try:
        plain = json.loads(beside(folder / group.asked.name, "json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        plain = None
    methods = tuple(dict.fromkeys(cell.run.method for cell in group.manifest.cells))
    datasets = tuple(dict.fromkeys(cell.dataset for cell in group.manifest.cells))
    found = told_before(plain if isinstance(plain, dict) else {}, group.asked.suite, methods, datasets, trouble)
    as_drawn = f"{trouble}; the page is as it was last drawn" if "html" in endings else trouble
    return found.model_copy(update={"endings": tuple(endings), "trouble": as_drawn})


def _line(group: Group, one: Told, store: Store) -> Line:
    states = list(group.states(store).values())
    files = [group.folder / MANIFEST, *(store.folder / run_id / RECORD for run_id in group.runs)]
    changed = datetime.fromtimestamp(max(map(_changed, files)) / 1e9, UTC)
    counts = {state: states.count(state) for state in dict.fromkeys(states)}
    return Line(group.asked.name, group.asked.suite, group.settings, one, counts, f"{changed:%Y-%m-%d %H:%M}")


def _known(folder: Path) -> dict[str, Told]:
    with suppress(DataError):  # all is drawn again
        if known := read(folder / KNOWN, Index):
            return dict(known.suites)
    return {}


def _code() -> str:
    """Digest the code that draws, as it lies there."""
    files = sorted(file for file in _CODE.rglob("*.*") if file.suffix in (".py", ".jinja"))
    return digest(version("kgprism"), [(file.name, _changed(file)) for file in files])


def _changed(file: Path) -> int:
    try:
        return file.stat().st_mtime_ns
    except OSError:
        return 0
