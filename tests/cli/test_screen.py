"""What the user sees gives no orders to the terminal."""

import pytest

from kgprism.platform.cli.screen import complain, say, show_columns, show_table


def test_an_error_is_one_line_that_gives_no_orders_to_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    complain("a\nb: no variant '\x1b[31mλ\x07\u202e'")
    assert capsys.readouterr().err == "kgprism: a b: no variant '?[31mλ??'\n"


def test_neither_do_names_in_results(capsys: pytest.CaptureFixture[str]) -> None:
    say("a title \x1b]0;x\x07\x9b31m\n\tλ")
    show_columns(("run", "dataset"), [("0123", "\x1b[5mdata")])
    show_table(("row", "label"), [("\x1b[2J", "\u202eλ")], title="Rows")
    shown = capsys.readouterr().out
    assert shown.startswith("a title ?]0;x??31m\n\tλ\n")
    assert "?[2J" in shown
    assert "0123  ?[5mdata\n" in shown
    assert "\x1b" not in shown
    assert "\u202e" not in shown
