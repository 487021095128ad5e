"""``kgprism submit``: any command of this program, carried out on a cluster."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kgprism.platform.cli.options import known_file, known_method
from kgprism.platform.cli.screen import say, tell
from kgprism.platform.errors import ConfigurationError, first_line, nearest

if TYPE_CHECKING:
    from kgprism.platform.cluster.jobs import Jobs

#: These speak to the cluster from outside: no job of it.
_OUTSIDE = ("submit", "jobs")
#: How a command's first argument is checked here, by its name.
_CHECKS: dict[str, Callable[[str], None]] = {
    "method": known_method,
    "space": partial(known_file, "kgprism.search_spaces"),
    "suite": partial(known_file, "kgprism.ablations"),
}

Address = Annotated[
    str | None,
    typer.Option("--address", metavar="URL", help="The job server, such as http://localhost:8265; else RAY_ADDRESS."),
]


def submit(
    context: typer.Context,
    words: Annotated[list[str], typer.Argument(metavar="-- COMMAND ...", help="Such as: -- ablate demo --seeds 1")],
    address: Address = None,
    no_wait: Annotated[bool, typer.Option("--no-wait", help="Print the job's id and leave.")] = False,
    with_code: Annotated[
        bool, typer.Option("--with-code", help="Send this machine's code, for a cluster with another version.")
    ] = False,
) -> None:
    """Carry out a command on a cluster and show its log; Ctrl-C leaves the job running. Exit code 1 if it fails."""
    refuse_unknown(words, context.find_root().command)
    from kgprism.platform.cluster.jobs import connect

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
    tell(f"job {name}: {job.state}" + (f", {first_line(job.message)}" if job.message else ""))
    if job.state != "succeeded":
        raise typer.Exit(1)


def _behind(address: str | None) -> str:
    return f" --address {address}" if address else ""


def refuse_unknown(words: list[str], program: Any) -> None:
    """Refuse here what the cluster would refuse after a minute; `program` is the whole command line.

    Raises:
        ConfigurationError: naming the nearest.
    """
    first, *others = words
    commands = {name: command for name, command in program.commands.items() if name not in _OUTSIDE}
    if first not in commands:
        raise ConfigurationError(f"a job is a command of kgprism, not '{first}'{nearest(first, commands)}")
    if words[:2] == ["data", "import"]:
        raise ConfigurationError("`data import` reads files of one machine: copy them to the cluster and run it there")
    subject = others[0] if others and not others[0].startswith("-") else ""
    below = getattr(commands[first], "commands", {})
    if subject and below and subject not in below:
        raise ConfigurationError(f"kgprism {first} has no command '{subject}'{nearest(subject, below)}")
    arguments = [option.name for option in commands[first].params if option.param_type_name == "argument"]
    if subject and arguments and arguments[0] in _CHECKS and not _names_a_search(words):
        _CHECKS[arguments[0]](subject)


def _names_a_search(words: list[str]) -> bool:
    """Tell whether `tune` is given what only the cluster's own home knows."""
    given = any(word.startswith(("-d", "--dataset")) for word in words)
    return words[:2] == ["tune", "list"] or (words[0] == "tune" and "--resume" in words and not given)
