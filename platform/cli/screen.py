"""What the user sees: results on standard output, everything else on standard error."""

import json
import sys
from collections.abc import Iterable, Sequence
from io import TextIOWrapper
from typing import Any, TextIO
from warnings import formatwarning

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from kgprism.platform.errors import ConfigurationError
from kgprism.platform.kept import SetAsideWarning
from kgprism.platform.studies.reports.letters import letters


def show_any_letter() -> None:
    """Let a terminal that cannot show a letter show a question mark, instead of ending the program."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")


def show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """Print what was set aside as this program's own line, and any other warning as Python does."""
    if issubclass(category, SetAsideWarning):
        complain(str(message))
    else:
        print(formatwarning(message, category, filename, lineno, line), file=file or sys.stderr, end="")


def say(text: str = "") -> None:
    """Print a line of the result; what it quotes gives no orders to the terminal."""
    print(letters(text, "?"))


def tell(text: str) -> None:
    """Print a line beside the result, as `say` does."""
    print(letters(text, "?"), file=sys.stderr, flush=True)


def complain(text: str) -> None:
    """Print an error in one line."""
    tell(f"kgprism: {' '.join(text.split())}")


def show_json(value: Any) -> None:
    """Print plain values as JSON; what is not finite has no number there, and no letter is lost on its way."""
    known = sys.stdout.encoding.lower().replace("-", "") == "utf8"
    print(json.dumps(_finite(value), indent=1, default=str, ensure_ascii=not known))


def show_table(head: Sequence[str], rows: Iterable[Sequence[object]], title: str = "") -> None:
    """Print a table; numbers stand to the right, and nothing is cut off where there is no terminal."""
    rows = [list(row) for row in rows]
    table = Table(box=SIMPLE_HEAD, title=title or None, title_justify="left", title_style="bold", pad_edge=False)
    for n, name in enumerate(head):
        numbers = all(isinstance(row[n], int | float) or row[n] in ("", None) for row in rows)
        table.add_column(name, justify="right" if numbers and rows else "left", overflow="fold")
    for row in rows:
        table.add_row(*(_shown(value) for value in row))
    console = Console(markup=False, highlight=False)
    if not console.is_terminal:
        console.width = console.measure(table, options=console.options.update(max_width=10_000)).maximum
    console.print(table)


def show_columns(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print thousands of rows at once, each a line: rich takes a second for two hundred."""
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    lines = ["  ".join(word.ljust(width) for word, width in zip(row, widths, strict=True)) for row in (head, *rows)]
    say("\n".join(line.rstrip() for line in lines))


def agreed(question: str, yes: bool) -> None:
    """Ask, unless it was agreed to before; whoever says no leaves.

    Raises:
        ConfigurationError: if there is nobody to ask.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise ConfigurationError(f"{question} Repeat with --yes, as there is nobody to ask")
    typer.confirm(question, abort=True, err=True)


def _shown(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.3f}" if isinstance(value, float) else letters(str(value), "?")


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_finite(inner) for inner in value]
    # NaN is a word that JSON does not know.
    return None if isinstance(value, float) and (value != value or abs(value) == float("inf")) else value
