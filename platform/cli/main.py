"""The command ``kgprism``: its groups, and what becomes of an error that the user can mend."""

import sys
from importlib.metadata import version
from typing import Annotated

import typer

from kgprism.platform.cli import ablate, data, doctor, jobs, methods, relations, report, similarity, submit, train, tune
from kgprism.platform.cli.screen import complain
from kgprism.platform.errors import KgprismError

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
app.command("report")(report.report)
app.command("relations")(relations.relations)
app.command("similarity")(similarity.similarity)
app.add_typer(data.app, name="data")
app.add_typer(methods.app, name="methods")
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
    try:
        app()
    except KgprismError as error:
        complain(str(error))
        sys.exit(2)
