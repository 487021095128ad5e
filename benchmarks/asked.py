"""The benchmark's command line: what cannot be measured, read or written is told in one line before anything is."""

import argparse
import json
import math
import os
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any, NoReturn, TypeVar

T = TypeVar("T", int, float)


class Parser(argparse.ArgumentParser):
    """Parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        """End with 2."""
        self.exit(2, f"{self.prog}: {message}\n")


def parser(about: str | None, what: Sequence[str], methods: Collection[str]) -> Parser:
    """Return the command line for what can be measured, in the order of `all`, and of which methods."""
    found = Parser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = found.add_argument
    add("--what", type=some((*what, "all")), default=["limits"], help=f"some of {', '.join(what)}, or all")
    add("--json", type=target, help="written after every line")
    add("--against", type=earlier, help="an earlier --json: adds old / new")
    add("--methods", type=some(sorted(methods)), default=[], help="some methods only, with commas")
    add("--rounds", type=least(int, 1), default=2, help="of which the best counts")
    add("--threads", type=threads, default=1, help="a number, or all")
    add("--scale", type=scale, default=1.0, help="on the sizes, for a trial")
    add("--sizes", type=sizes, default="10000,30000,100000,300000,1000000", help="of growth: entities a side")
    add("--memory-gb", type=least(float, 0), default=16.0, help="of growth: where sizes stop")
    add("--theirs", type=least(int, 0), default=200, help="test triples for PyKEEN, scaled up; 0: all")
    add("--here", action="store_true", help="all in this process, without peak memory: for a trial")
    return found


def some(known: Sequence[str]) -> Callable[[str], list[str]]:
    """Return a reader of known words with commas between them."""

    def read(text: str) -> list[str]:
        words = [word for word in text.split(",") if word]
        for word in words:
            if word not in known:
                raise argparse.ArgumentTypeError(f"{word!r} is none of {', '.join(known)}")
        return words

    return read


def least(kind: type[T], smallest: float) -> Callable[[str], T]:
    """Return a reader of finite numbers that are not below the smallest."""

    def read(text: str) -> T:
        try:
            number = kind(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is no {'whole ' * (kind is int)}number") from None
        if not (math.isfinite(number) and number >= smallest):
            raise argparse.ArgumentTypeError(f"{text} is not finite, or less than {smallest}")
        return number

    return read


def threads(text: str) -> int:
    """Read a number of threads, or all."""
    return os.cpu_count() or 1 if text == "all" else least(int, 1)(text)


def scale(text: str) -> float:
    """Read what sizes are multiplied by: with less there are no triples to judge."""
    return least(float, 1e-3)(text)


def sizes(text: str) -> tuple[int, ...]:
    """Read sizes with commas between them: of fewer entities there are no pairs to hold out."""
    return tuple(least(int, 10)(size) for size in text.split(","))


def target(text: str) -> Path:
    """Read a file that can be written, a folder that can hold it at least."""
    file = Path(text)
    folder = file.parent
    if file.is_dir():
        raise argparse.ArgumentTypeError(f"{file} is a folder")
    if not folder.is_dir():
        raise argparse.ArgumentTypeError(f"{folder} is no folder")
    if not os.access(file if file.exists() else folder, os.W_OK):
        raise argparse.ArgumentTypeError(f"{file} may not be written")
    return file


def earlier(text: str) -> dict[str, Any]:
    """Read what an earlier run wrote."""
    try:
        found: dict[str, Any] = json.loads(Path(text).read_text(encoding="utf-8"))
    except OSError as error:
        raise argparse.ArgumentTypeError(f"{text}: {error.strerror}") from None
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text} is damaged, or no JSON") from None
    machine, rows = (found.get("machine"), found.get("rows")) if isinstance(found, dict) else (None, None)
    known = isinstance(machine, dict) and "scale" in machine
    if not known or not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise argparse.ArgumentTypeError(f"{text} is no --json of this benchmark")
    return found
