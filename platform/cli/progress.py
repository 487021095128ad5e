"""Progress on standard error: bars on a terminal, plain lines elsewhere."""

from collections.abc import Mapping
from types import TracebackType

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from kgprism.platform.cli.screen import tell
from kgprism.platform.settings import DIRECTIONS


class Board:
    """One bar for the whole, one for each run under way, a line for each run that has ended."""

    def __init__(self, title: str, total: int) -> None:
        self.console = Console(stderr=True, markup=False, highlight=False)
        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
        )
        more = (TimeRemainingColumn(), TextColumn("{task.fields[news]}", markup=False))
        self.live = self.console.is_terminal
        self.progress = Progress(*columns, *more, console=self.console, disable=not self.live, transient=True)
        self.whole = self.progress.add_task(title, total=total, news="")
        self.ended, self.total = 0, total
        self.bars: dict[str, TaskID] = {}

    def __enter__(self) -> "Board":
        self.progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.progress.stop()

    def note(self, line: str) -> None:
        """Print a line above the bars."""
        if self.live:
            self.progress.console.print(line, soft_wrap=True)
        else:
            tell(line)

    def start(self, key: str, label: str, total: int) -> None:
        """Show a run that has begun, or begins again."""
        if key in self.bars:
            self.progress.reset(self.bars[key])
        else:
            self.bars[key] = self.progress.add_task(f"  {label}", total=total, news="")

    def step(self, key: str, done: int, news: str = "") -> None:
        """Move a run's bar."""
        if key in self.bars:
            self.progress.update(self.bars[key], completed=done)
            if news:
                self.progress.update(self.bars[key], news=news)

    def end(self, key: str, line: str) -> None:
        """Take a run's bar away and say how it has ended."""
        self.ended += 1
        if key in self.bars:
            self.progress.remove_task(self.bars.pop(key))
        self.progress.update(self.whole, completed=self.ended)
        self.note(f"[{self.ended}/{self.total}] {line}")


def number(value: float | None) -> str:
    """Write a metric as the tables do: ``.631``."""
    return "-" if value is None else f"{value:.3f}".replace("0.", ".", 1)


def news_of(row: Mapping[str, float]) -> str:
    """Say in a few words what an epoch brought."""
    judged = [(split, headline(row, split)) for split in ("valid", "test")]
    words = [f"loss {row['loss']:.4g}"] if "loss" in row else []
    return "  ".join(words + [f"{split} mrr {number(value)}" for split, value in judged if value is not None])


def headline(numbers: Mapping[str, float], split: str) -> float | None:
    """Return the MRR that a split is known by, whatever the task; none before the first evaluation."""
    found = (numbers.get(f"{split}/{ways[0]}/mrr") for ways in DIRECTIONS.values())
    return next((value for value in found if value is not None), None)
