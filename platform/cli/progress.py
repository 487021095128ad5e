"""Progress on standard error: bars on a terminal, plain lines elsewhere."""

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, Task, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

from kgprism.platform.cli.screen import tell
from kgprism.platform.settings import DIRECTIONS
from kgprism.platform.studies.store.duration import duration

#: Seconds between two lines where there is no terminal.
_MINUTE = 60.0
#: How many of the runs under way such a line names.
_NAMED = 3


@dataclass
class Pace:
    """How fast something goes on; ``first`` is where it stood when it began, ``last`` when it was last heard of."""

    total: int
    first: int = 0
    done: int = 0
    began: float = field(default_factory=lambda: time.monotonic())
    last: float = 0.0

    def reach(self, done: int) -> None:
        """Note that so much is done."""
        self.done, self.last = done, time.monotonic()

    def left(self) -> float | None:
        """Return the seconds that are left if it goes on as until now; none before the first step."""
        if self.done <= self.first:
            return None
        each = (self.last - self.began) / (self.done - self.first)
        return max(0.0, (self.total - self.done) * each - (time.monotonic() - self.last))


@dataclass
class _Bar:
    task: TaskID
    label: str
    pace: Pace
    news: str = ""


class Board:
    """One bar for the whole, one for each run under way, a line for each run that has ended.

    Where there is no terminal: a line a minute that says the same, unless another was printed.
    `done` of the whole are through from earlier, and are not ended again.
    """

    def __init__(self, title: str, total: int, done: int = 0, *, every: float = _MINUTE) -> None:
        self.console = Console(stderr=True, markup=False, highlight=False)
        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
        )
        # Not Rich's own estimate: it forgets steps that took more than half a minute, and counts what was done before.
        more = (_TimeLeft(), TextColumn("{task.fields[news]}", markup=False))
        self.live = self.console.is_terminal
        self.progress = Progress(*columns, *more, console=self.console, disable=not self.live, transient=True)
        self.title, self.ended, self.total, self.every = title, done, total, every
        self.pace = Pace(total, done, done)
        self.whole = self.progress.add_task(title, total=total, completed=done, news="", pace=self.pace)
        self.bars: dict[str, _Bar] = {}
        self.over, self.printed = threading.Event(), time.monotonic()
        self.minutes = threading.Thread(target=self._each_minute, daemon=True)

    def __enter__(self) -> "Board":
        self.progress.start()
        if not self.live:
            self.minutes.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.over.set()
        if not self.live:
            self.minutes.join()
        self.progress.stop()

    def note(self, line: str) -> None:
        """Print a line above the bars."""
        self.printed = time.monotonic()
        if self.live:
            self.progress.console.print(line, soft_wrap=True)
        else:
            tell(line)

    def start(self, key: str, label: str, total: int, done: int = 0) -> None:
        """Show a run that has begun, or begins again, where it goes on from."""
        pace = Pace(total, done, done)
        if key in self.bars:
            self.progress.reset(self.bars[key].task, completed=done, pace=pace)
            self.bars[key].pace = pace
        else:
            task = self.progress.add_task(f"  {label}", total=total, completed=done, news="", pace=pace)
            self.bars[key] = _Bar(task, label, pace)

    def add(self, number: int) -> None:
        """Expect so many more runs."""
        self.total = self.pace.total = self.total + number
        self.progress.update(self.whole, total=self.total)

    def step(self, key: str, done: int, news: str = "") -> None:
        """Move a run's bar."""
        if bar := self.bars.get(key):
            bar.pace.reach(done)
            bar.news = news or bar.news
            self.progress.update(bar.task, completed=done, news=bar.news)

    def end(self, key: str, line: str) -> None:
        """Take a run's bar away and say how it has ended."""
        self.ended += 1
        if key in self.bars:
            self.progress.remove_task(self.bars.pop(key).task)
            self.pace.reach(self.ended)
        else:  # it had been finished before
            self.pace.first = self.pace.done = self.ended
            self.pace.began = time.monotonic()
        self.progress.update(self.whole, completed=self.ended)
        self.note(f"[{self.ended}/{self.total}] {line}")

    def _each_minute(self) -> None:
        while not self.over.wait(max(0.01, self.printed + self.every - time.monotonic())):
            if time.monotonic() - self.printed >= self.every:
                self.note(self._now())

    def _now(self) -> str:
        """Say in one line what the bars would show."""
        bars = list(self.bars.values())
        said = [_told(f"{bar.label} {bar.pace.done}/{bar.pace.total}", bar.pace, bar.news) for bar in bars[:_NAMED]]
        said += [f"and {len(bars) - _NAMED} more"] if len(bars) > _NAMED else []
        return f"{_told(f'{self.title} {self.ended}/{self.total}', self.pace, '')}: {'; '.join(said) or 'waiting'}"


class _TimeLeft(TextColumn):
    """The time left, by the pace since the beginning."""

    def __init__(self) -> None:
        super().__init__("")

    def render(self, task: Task) -> Text:
        left = task.fields["pace"].left()
        return Text("" if left is None or task.finished else f"{duration(left)} left", style="progress.remaining")


def _told(label: str, pace: Pace, news: str) -> str:
    left = pace.left()
    return ", ".join([label, *([news] if news else []), *([] if left is None else [f"{duration(left)} left"])])


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
