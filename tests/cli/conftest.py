"""The command line, called in this process."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from kgprism.platform.cli.main import run


@dataclass(frozen=True)
class Called:
    """What a call left behind."""

    code: int
    out: str
    err: str


@pytest.fixture
def kgprism(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Called]:
    """Return ``kgprism("train", "loginmea", ...)``."""

    def call(*words: str) -> Called:
        monkeypatch.setattr("sys.argv", ["kgprism", *words])
        # Help is laid out for the terminal's width.
        monkeypatch.setenv("COLUMNS", "160")
        with pytest.raises(SystemExit) as left:
            run()
        code = left.value.code
        return Called(code if isinstance(code, int) else int(code is not None), *capsys.readouterr())

    return call
