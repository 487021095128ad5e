"""Seconds of processor: of every process and every try, ended well or not."""

from pathlib import Path

import pytest

from kgprism.platform.training import spent as module
from kgprism.platform.training.spent import noted, spent


def test_tries_and_processes_add_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([10.0, 12.5, 100.0, 101.0, 0.0, 4.0])
    monkeypatch.setattr(module.time, "process_time", lambda: next(clock))
    assert spent(tmp_path) is None
    with pytest.raises(KeyboardInterrupt), noted(tmp_path):
        raise KeyboardInterrupt
    with noted(tmp_path):
        pass
    with noted(tmp_path, rank=1):
        pass
    assert spent(tmp_path) == pytest.approx(2.5 + 1.0 + 4.0)


def test_what_cannot_be_noted_ends_no_run(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("a file stands where the folder belongs")
    with noted(tmp_path / "file"), noted(None):
        pass
    (tmp_path / "cpu-0.txt").write_text("no number")
    assert spent(tmp_path) is None
