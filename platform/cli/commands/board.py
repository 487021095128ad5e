"""``kgprism board``: TensorBoard and the pages of all suites, served until Ctrl-C."""

import signal
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event
from typing import Annotated

import typer

from kgprism.platform.cli import completion
from kgprism.platform.cli.commands.overview import made_site
from kgprism.platform.cli.screen import complain, say, tell
from kgprism.platform.errors import ConfigurationError, KgprismError, nearest
from kgprism.platform.home import home

#: Folders of event files, and what their runs are called besides the suite.
_EVENTS = {"tensorboard": "", "tuned": " re-tuned"}


def board(
    suite: Annotated[
        str | None,
        typer.Argument(
            help="Only this suite's curves, or those of a search space's searches; all by default.",
            autocompletion=completion.suites,
        ),
    ] = None,
    port: Annotated[
        int, typer.Option(min=1, max=65535, help="TensorBoard's; the pages have the next. What is taken is passed by.")
    ] = 6006,
    host: Annotated[str, typer.Option(metavar="ADDRESS", help="Who may look: by default this machine only.")] = (
        "127.0.0.1"
    ),
) -> None:
    """Serve TensorBoard, and beside it the pages of all suites and their index, until Ctrl-C.

    Pages are drawn anew when they are asked for and something has changed.
    """
    _known(suite)
    from kgprism.platform.studies.reports.board.serving import Pages, family_of, serving, start_tensorboard

    family_of(host)
    folder, ended = home() / "tables", Event()
    made_site(folder, tell_all=True)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: ended.set())
    with TemporaryDirectory(prefix="kgprism-board-", ignore_cleanup_errors=True) as view:
        _arrange(Path(view), suite)
        charts = start_tensorboard(Path(view), host, port)
        pages = Pages(folder, lambda: _refreshed(folder, Path(view), suite, charts))
        with serving(pages, host, int(charts.rstrip("/").rpartition(":")[2]) + 1) as site:
            say(f"suites       {site}")
            say(f"TensorBoard  {charts}")
            say("Ctrl-C ends both")
            sys.stdout.flush()
            ended.wait()
    tell("ended")


def _known(suite: str | None) -> None:
    """Refuse a suite of which nothing was ever drawn.

    Raises:
        ConfigurationError: naming the nearest that there is.
    """
    names = sorted({file.parent.name for file in (home() / "studies").glob("[!.]*/*") if _drawn(file)})
    if suite is not None and suite not in names:
        raise ConfigurationError(f"nothing was run of '{suite}' in this home{nearest(suite, names)}")


def _drawn(file: Path) -> bool:
    return file.name in _EVENTS or (file / "tensorboard").is_dir()


def _arrange(view: Path, suite: str | None) -> None:
    """Bring TensorBoard's folder up to date."""
    from kgprism.platform.studies.reports.board.arranged import arrange, told_apart
    from kgprism.platform.studies.reports.site.groups import groups

    asked = {group.folder: f"{group.asked.suite} {group.settings}".strip() for group in groups()[0]}
    root = home() / "studies"
    found = [*root.glob("[!.]*/*"), *root.glob("[!.]*/[!.]*/*")]
    names = [
        (f"{asked.get(place, place.name)}{_EVENTS[folder.name]}", folder)
        for folder in sorted(folder for folder in found if folder.name in _EVENTS and folder.is_dir())
        for place in [folder.parent]
        if suite in (None, folder.relative_to(root).parts[0])
    ]
    arrange(view, told_apart(names))


def _refreshed(folder: Path, view: Path, suite: str | None, charts: str) -> str:
    """Bring pages and event files up to date; what is wrong ends nothing here."""
    try:
        _arrange(view, suite)
        return made_site(folder).page(charts)
    except (KgprismError, OSError) as error:
        complain(str(error))
        start = folder / "index.html"
        return start.read_text(encoding="utf-8", errors="replace") if start.is_file() else ""
