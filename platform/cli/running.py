"""What the commands that start Ray share."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stdout
from pathlib import Path
from shlex import join, quote
from shutil import which

import typer

from kgprism.platform.cli.screen import say, tell


@contextmanager
def on_ray() -> Iterator[None]:
    """Run a block inside a Ray session; Ctrl-C ends it with the word that nothing finished is lost.

    Standard output is kept for the result: whatever Ray has to say goes to standard error.

    Raises:
        StartError: if Ray cannot be reached or started.
    """
    from kgprism.platform.cluster.session import session

    with redirect_stdout(sys.stderr), ExitStack() as stack:
        tell("starting Ray ...")
        stack.enter_context(session())
        try:
            yield
        except (KeyboardInterrupt, SystemExit):  # Ray Train turns Ctrl-C into an exit of its own
            tell("interrupted: finished runs are kept; the same command goes on from here")
            raise typer.Exit(130) from None


def command() -> str:
    """Return what was typed, with the program's plain name."""
    # What is no UTF-8 comes as half letters, which no file takes.
    return join(["kgprism", *sys.argv[1:]]).encode(errors="backslashreplace").decode()


def point_to_tensorboard(folder: Path) -> None:
    """Print the line that opens TensorBoard, with its path where the environment is not activated."""
    program = "tensorboard" if which("tensorboard") else quote(str(Path(sys.executable).with_name("tensorboard")))
    say(f"{program} --logdir {quote(str(folder))}")
