"""What the user sees: results on standard output, everything else on standard error."""

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table


def say(text: str = "") -> None:
    """Print a line of the result as it is."""
    print(text)


def tell(text: str) -> None:
    """Print a line beside the result."""
    print(text, file=sys.stderr, flush=True)


def complain(text: str) -> None:
    """Print an error in one line."""
    tell(f"kgprism: {' '.join(text.split())}")


def show_json(value: Any) -> None:
    """Print plain values as JSON; what is not finite has no number there."""
    print(json.dumps(_finite(value), indent=1, default=str, ensure_ascii=False))


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


def _shown(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_finite(inner) for inner in value]
    # NaN is a word that JSON does not know.
    return None if isinstance(value, float) and (value != value or abs(value) == float("inf")) else value
