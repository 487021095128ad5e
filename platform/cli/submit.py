"""``kgprism submit``: any command of this program, carried out on a cluster."""

from typing import TYPE_CHECKING, Annotated

import typer

from kgprism.platform.cli.options import known_file, known_method
from kgprism.platform.cli.screen import say, tell
from kgprism.platform.errors import ConfigurationError, nearest

if TYPE_CHECKING:
    from kgprism.platform.studies.job import Jobs

COMMANDS = ("train", "tune", "ablate", "report", "data", "methods", "doctor")

Address = Annotated[
    str | None,
    typer.Option("--address", metavar="URL", help="The job server, such as http://localhost:8265; else RAY_ADDRESS."),
]


def submit(
    words: Annotated[list[str], typer.Argument(metavar="-- COMMAND ...", help="Such as: -- ablate demo --seeds 1")],
    address: Address = None,
    no_wait: Annotated[bool, typer.Option("--no-wait", help="Print the job's id and leave.")] = False,
    with_code: Annotated[
        bool, typer.Option("--with-code", help="Send this machine's code, for a cluster with another version.")
    ] = False,
) -> None:
    """Carry out a command on a cluster and show its log; Ctrl-C leaves the job running. Exit code 1 if it fails."""
    _known(words)
    from kgprism.platform.studies.job import connect

    jobs = connect(address)
    name = jobs.submit(words, with_code)
    if no_wait:
        tell(f"at {jobs.address}; its log: kgprism jobs logs {name}{_behind(address)} --follow")
        say(name)
    else:
        tell(f"job {name} at {jobs.address}")
        watch(jobs, name, address)


def watch(jobs: "Jobs", name: str, address: str | None) -> None:
    """Print a job's log until it ends; whoever leaves earlier reads how to come back, and the job goes on.

    Raises:
        Exit: 130 after Ctrl-C, 1 if the job did not succeed.
    """
    try:
        job = jobs.follow(name, lambda piece: print(piece, end="", flush=True))
    except KeyboardInterrupt:
        behind = _behind(address)
        tell(f"detached, {name} goes on: kgprism jobs logs {name}{behind} --follow; kgprism jobs stop {name}{behind}")
        raise typer.Exit(130) from None
    # Ray's message of a failed job repeats the end of the log.
    tell(f"job {name}: {job.state}" + (f", {job.message.splitlines()[0]}" if job.message else ""))
    if job.state != "succeeded":
        raise typer.Exit(1)


def _behind(address: str | None) -> str:
    return f" --address {address}" if address else ""


def _known(words: list[str]) -> None:
    """Refuse here what the cluster would refuse after a minute.

    Raises:
        ConfigurationError: naming the nearest.
    """
    first, *others = words
    if first not in COMMANDS:
        raise ConfigurationError(f"a job is a command of kgprism, not '{first}'{nearest(first, COMMANDS)}")
    if words[:2] == ["data", "import"]:
        raise ConfigurationError("`data import` reads files of one machine: copy them to the cluster and run it there")
    subject = others[0] if others and not others[0].startswith("-") else ""
    if subject and first == "train":
        known_method(subject)
    elif subject and first in ("ablate", "tune"):
        known_file({"ablate": "kgprism.ablations", "tune": "kgprism.search_spaces"}[first], subject)
