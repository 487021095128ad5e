"""Plain lines where there is no terminal."""

import pytest

from kgprism.platform.cli.progress import Board, news_of, number


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
