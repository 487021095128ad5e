"""Locks between processes: one owner at a time, and none that is dead."""

import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from kgprism.platform import locks
from kgprism.platform.kept import SetAsideWarning
from kgprism.platform.locks import locked

HOLDER = """\
import sys
from pathlib import Path
from kgprism.platform.locks import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""
COUNTER = """\
import sys
from pathlib import Path
from kgprism.platform.locks import locked
for _ in range(200):
    with locked(Path(sys.argv[1] + ".lock")):
        file = Path(sys.argv[1])
        file.write_text(str(int(file.read_text()) + 1))
"""


@contextmanager
def held(file: Path) -> Iterator[subprocess.Popen]:
    """Let another process hold a lock."""
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(file)], stdin=-1, stdout=-1, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_what_another_process_holds_is_not_had(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "one.lock"
    with held(file), locked(file, wait=False) as mine:
        assert not mine
    with locked(file, wait=False) as mine:
        assert mine
        assert file.exists()
    assert not file.exists()


def test_a_dead_owner_s_lock_is_taken_over(tmp_path: Path) -> None:
    file = tmp_path / "one.lock"
    with held(file) as process:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        assert file.exists()
        with locked(file, wait=False) as mine:
            assert mine


def test_who_waits_has_it_when_the_owner_lets_go(tmp_path: Path) -> None:
    count = tmp_path / "count"
    count.write_text("0")
    others = [subprocess.Popen([sys.executable, "-c", COUNTER, str(count)]) for _ in range(3)]
    assert [other.wait() for other in others] == [0, 0, 0]
    assert count.read_text() == "600"
    assert [file.name for file in tmp_path.iterdir()] == ["count"]


def test_a_file_system_without_locks_is_worked_on_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*words: object) -> None:
        raise OSError(locks.errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with locked(tmp_path / "one.lock", wait=False) as mine:
        assert mine


def test_an_error_of_the_block_is_not_lost_and_frees_the_lock(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), locked(tmp_path / "one.lock"):
        raise ZeroDivisionError
    with locked(tmp_path / "one.lock", wait=False) as mine:
        assert mine


@pytest.mark.parametrize("wait", [True, False])
def test_a_folder_in_the_place_of_a_lock_is_set_aside(tmp_path: Path, wait: bool) -> None:
    (tmp_path / "one.lock" / "within").mkdir(parents=True)
    with pytest.warns(SetAsideWarning, match="a folder in the place of a lock"):  # noqa: SIM117
        with locked(tmp_path / "one.lock", wait=wait) as mine:
            assert mine
    assert (tmp_path / ".damaged" / "one.lock" / "within").is_dir()
    assert not (tmp_path / "one.lock").exists()
