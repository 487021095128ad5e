"""What the commands that start Ray share."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stdout
from pathlib import Path
from shlex import join, quote
from shutil import which

import typer

from kgprism.platform.cli.screen import say, tell
from kgprism.platform.errors import RunError


@contextmanager
def on_ray() -> Iterator[None]:
    """Run a block inside a Ray session; Ctrl-C ends it with the word that nothing finished is lost.

    Standard output is kept for the result: whatever Ray has to say goes to standard error.

    Raises:
        RunError: if Ray cannot be reached or started.
    """
    from kgprism.platform.studies.session import session

    with redirect_stdout(sys.stderr), ExitStack() as stack:
        tell("starting Ray ...")
        try:
            stack.enter_context(session())
        except (OSError, RuntimeError, ValueError) as error:
            first = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise RunError(f"Ray does not start: {first}; `kgprism doctor` says more") from None
        try:
            yield
        except (KeyboardInterrupt, SystemExit):  # Ray Train turns Ctrl-C into an exit of its own
            tell("interrupted: finished runs are kept; the same command goes on from here")
            raise typer.Exit(130) from None


def command() -> str:
    """Return what was typed, with the program's plain name."""
    return join(["kgprism", *sys.argv[1:]])


def point_to_tensorboard(folder: Path) -> None:
    """Print the line that opens TensorBoard, with its path where the environment is not activated."""
    program = "tensorboard" if which("tensorboard") else quote(str(Path(sys.executable).with_name("tensorboard")))
    say(f"{program} --logdir {quote(str(folder))}")
