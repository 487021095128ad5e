"""A full disk: one line, whoever writes."""

import errno
import os
import shutil
import threading
from pathlib import Path

import pytest
import torch

from kgprism.platform.errors import RunError
from kgprism.platform.files import explain_full_disk
from kgprism.platform.training import checkpoint


def test_a_checkpoint_on_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """torch's own words are ``unexpected pos 385536 vs 385456``."""

    def fill(state: object, file: Path) -> None:
        file.write_bytes(b"half")
        raise RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos 385536 vs 385456")

    def usage(folder: Path) -> object:
        full = any(path.name.startswith(".one.pt.") for path in Path(folder).iterdir())
        return type("Usage", (), {"free": 0 if full else 2**30})()

    monkeypatch.setattr(torch, "save", fill)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: type("Usage", (), {"free": 2**30})())
    with pytest.raises(RuntimeError, match="unexpected pos"):
        checkpoint.save(tmp_path / "one.pt", {})
    monkeypatch.setattr(shutil, "disk_usage", usage)
    with pytest.raises(RunError, match=f"^no space left for {tmp_path}: free some; "):
        checkpoint.save(tmp_path / "one.pt", {})
    assert os.listdir(tmp_path) == []


def test_a_full_disk_in_a_thread_is_not_told_at_length(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[type[BaseException]] = []
    monkeypatch.setattr(threading, "excepthook", lambda failure: heard.append(failure.exc_type))

    def failing(error: Exception) -> None:
        raise error

    with explain_full_disk(tmp_path):
        for error in (OSError(errno.ENOSPC, "No space left on device"), OSError(errno.EIO, "I/O"), KeyError()):
            thread = threading.Thread(target=failing, args=(error,))
            thread.start()
            thread.join()
    assert heard == [OSError, KeyError]


def test_other_failures_of_a_disk_are_not_called_full(tmp_path: Path) -> None:
    with pytest.raises(PermissionError), explain_full_disk(tmp_path):
        raise PermissionError(errno.EACCES, "Permission denied")
    with pytest.raises(RuntimeError, match="a bug"), explain_full_disk(tmp_path):
        raise RuntimeError("a bug")
