"""The command ``kgprism``: its groups, and what becomes of an error that the user can mend."""

import gc
import sys
import warnings
from importlib.metadata import version
from typing import Annotated

import typer

from kgprism.platform.cli import completion
from kgprism.platform.cli.commands import (
    ablate,
    board,
    doctor,
    inspection,
    overview,
    passport,
    relations,
    report,
    similarity,
    submit,
    train,
    tune,
)
from kgprism.platform.cli.groups import data, jobs, methods, runs, searches, spaces, suites
from kgprism.platform.cli.screen import complain, show_any_letter, show_warning
from kgprism.platform.errors import KgprismError
from kgprism.platform.kept import SetAsideWarning

#: Letters of an error: whatever it quotes, it fills no screen.
_MOST = 4_000

app = typer.Typer(
    name="kgprism",
    help="Search, ablate and repeat multi-modal knowledge graph methods on Ray.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("train")(train.train)
app.command("tune")(tune.tune)
app.command("ablate")(ablate.ablate)
app.command("inspect")(inspection.inspect)
app.command("report")(report.report)
app.command("site")(overview.site)
app.command("board")(board.board)
app.command("passport")(passport.passport)
app.command("relations")(relations.relations)
app.command("similarity")(similarity.similarity)
app.add_typer(data.app, name="data")
app.add_typer(methods.app, name="methods")
app.add_typer(suites.app, name="suites")
app.add_typer(spaces.app, name="spaces")
app.add_typer(searches.app, name="searches")
app.add_typer(runs.app, name="runs")
app.command("doctor")(doctor.doctor)
# What stands behind the first word belongs to the job, with or without `--` before it.
app.command("submit", context_settings={"allow_interspersed_args": False})(submit.submit)
app.add_typer(jobs.app, name="jobs")


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"kgprism {version('kgprism')}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and leave.")
    ] = False,
) -> None:
    pass


def run() -> None:
    """Run the command line. Exit code 2: something the user can mend, told in one line."""
    completion.split_words()
    # What is loaded stays: looking for garbage among it takes a tenth of a short command.
    gc.set_threshold(200_000, 20, 100)
    show_any_letter()
    warnings.showwarning = show_warning
    warnings.simplefilter("always", SetAsideWarning)
    try:
        app(prog_name="kgprism")  # the variable that completion reads is named after it
    except KgprismError as error:
        complain(str(error)[:_MOST])
        sys.exit(2)
    except OSError as error:
        if error.errno is None:  # not the operating system's own
            raise
        where = f"{error.filename}: " if error.filename else ""
        taken = isinstance(error, FileExistsError | NotADirectoryError)
        complain(where + ("a file stands where a folder belongs: move it away" if taken else str(error.strerror)))
        sys.exit(2)
