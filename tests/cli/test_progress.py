"""Plain lines where there is no terminal."""

import threading
from io import StringIO

import pytest
from rich.console import Console

from kgprism.platform.cli import progress
from kgprism.platform.cli.progress import Board, Pace, news_of, number


def test_numbers_look_as_in_the_tables() -> None:
    assert [number(0.6314), number(1.0), number(-0.25), number(None)] == [".631", "1.000", "-.250", "-"]


def test_news_of_an_epoch() -> None:
    assert news_of({"epoch": 3.0, "loss": 1.23456}) == "loss 1.235"
    row = {"epoch": 3.0, "loss": 2.0, "valid/l2r/mrr": 0.5, "test/l2r/mrr": 0.25}
    assert news_of(row) == "loss 2  valid mrr .500  test mrr .250"


def test_without_a_terminal_only_lines_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    with Board("runs", 2) as board:
        board.start("a", "first", 10)
        board.step("a", 5, "loss 1")
        board.note("[b]not markup[/b]")
        board.end("a", "first: done")
        board.end("b", "second: finished before")
    called = capsys.readouterr()
    assert called.out == ""
    assert called.err.splitlines() == ["[b]not markup[/b]", "[1/2] first: done", "[2/2] second: finished before"]


def test_what_was_through_before_is_counted(capsys: pytest.CaptureFixture[str]) -> None:
    with Board("trials", 5, 3) as board:
        (whole,) = board.progress.tasks
        assert (whole.completed, board._now()) == (3, "trials 3/5: waiting")
        for trial in ("3", "4"):
            board.start(trial, f"trial {trial}", 1)
            board.end(trial, f"trial {trial}: complete")
    assert capsys.readouterr().err.splitlines() == ["[4/5] trial 3: complete", "[5/5] trial 4: complete"]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return the time, which a test sets."""
    now = [1000.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def test_time_left_however_long_a_step_takes(clock: list[float]) -> None:
    pace = Pace(10)
    assert pace.left() is None
    for step in (1, 2, 3):
        clock[0] += 3600
        pace.reach(step)
        assert pace.left() == 3600 * (10 - step)
    clock[0] += 1800
    assert pace.left() == 3600 * 6.5


def test_what_was_done_before_says_nothing_of_the_pace(clock: list[float]) -> None:
    pace = Pace(100, 90, 90)
    clock[0] += 50
    pace.reach(91)
    assert pace.left() == 50 * 9


def test_a_bar_goes_on_where_the_run_does_and_shows_the_time_left(clock: list[float]) -> None:
    with Board("runs", 3) as board:
        board.console = board.progress.live.console = Console(file=StringIO(), force_terminal=True, width=120)
        board.end("a", "a: finished before")
        board.start("b", "run b", 100, 40)
        (task,) = (task for task in board.progress.tasks if "run b" in task.description)
        assert task.completed == 40
        clock[0] += 60
        board.step("b", 41, "loss 1")
        console = Console(width=120, file=StringIO())
        console.print(board.progress.get_renderable())
        line = console.file.getvalue().splitlines()[1]
        assert "41/100" in line
        assert "59 min left" in line
        assert "loss 1" in line
        clock[0] += 60
        board.end("b", "b: done")
        assert board.pace.left() == 120


def test_without_a_terminal_a_line_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    lines, printed = list[str](), threading.Event()
    monkeypatch.setattr(progress, "tell", lambda line: (lines.append(line), printed.set()))
    with Board("runs", 9, every=0.3) as board:
        for n in range(5):
            board.start(f"{n}", f"run {n}", 10)
        board.step("0", 5, "loss 1")
        assert printed.wait(20)
    assert lines[0] == "runs 0/9: run 0 5/10, loss 1, 0 s left; run 1 0/10; run 2 0/10; and 2 more"
    lines.clear()
    with Board("runs", 1) as board:
        board.note("something else")
    assert lines == ["something else"]
