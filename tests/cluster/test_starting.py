"""How a start of Ray fails: a loaded machine, an address where nobody is, a folder that does not do. None succeeds."""

import errno
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import ray

from kgprism.platform.cluster import address
from kgprism.platform.cluster.session import TRIES, StartError, may_grow, session
from kgprism.platform.errors import KgprismError

#: What Ray 2.60 raises where a node is not up within its 30 seconds; the class is `Exception` itself.
LATE = (
    "The current node timed out during startup. This could happen because some of the raylet failed to startup or the "
    "GCS has become overloaded."
)


@pytest.fixture(autouse=True)
def no_session(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setattr(ray, "is_initialized", lambda: False)


def failing(monkeypatch: pytest.MonkeyPatch, *errors: BaseException | None) -> list[Any]:
    """Let starts of Ray fail, one after the other; return the calls."""
    calls: list[Any] = []

    def init(**options: Any) -> None:
        calls.append(options)
        error = errors[len(calls) - 1]
        if error is not None:
            raise error

    monkeypatch.setattr(ray, "init", init)
    monkeypatch.setattr(ray, "shutdown", lambda: None)
    return calls


def told(where: str | None = None) -> str:
    with pytest.raises(StartError) as error, session(where):
        pass
    assert isinstance(error.value, KgprismError)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_a_loaded_machine_is_given_two_more_tries(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = failing(monkeypatch, Exception(LATE), Exception(LATE), None)
    with session():
        assert len(calls) == TRIES == 3


def test_a_machine_that_stays_loaded_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = failing(monkeypatch, *[Exception(LATE)] * 9)
    assert "timed out 3 times; this machine is too busy: start it again when there is less to do" in told()
    assert len(calls) == TRIES


def test_what_will_not_be_otherwise_is_not_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = failing(monkeypatch, OSError(errno.ENOSPC, "No space left on device", "/tmp/ray/x"))
    assert "/tmp/ray/x: No space left on device; RAY_TMPDIR" in told()
    assert len(calls) == 1


def test_versions_that_differ_are_all_told(monkeypatch: pytest.MonkeyPatch) -> None:
    text = (
        "Version mismatch: The cluster was started with:\n    Ray: 2.1\n    Python: 3.9\nThis process:\n    Ray: 2.60"
    )
    failing(monkeypatch, RuntimeError(text))
    assert "Ray: 2.1 Python: 3.9 This process: Ray: 2.60; install what the cluster has" in told()


def test_an_error_of_our_own_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    failing(monkeypatch, ZeroDivisionError())
    with pytest.raises(ZeroDivisionError), session():
        pass


def test_the_path_of_a_folder_that_is_too_long(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    folder = tmp_path / ("x" * 90)
    folder.mkdir()
    monkeypatch.delenv("RAY_TMPDIR", raising=False)
    monkeypatch.setenv("TMPDIR", str(folder))
    assert told().endswith("too long for sockets; export RAY_TMPDIR=/tmp, or another short folder")


@pytest.mark.parametrize("word", ["there", "there:x", "http://there:8265", ":6379"])
def test_a_word_that_is_no_address(word: str) -> None:
    assert f"'{word}' is no address; write HOST:PORT" in told(word)


def test_a_dead_port_is_found_in_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    began = time.monotonic()
    assert "nobody answers at 127.0.0.1:1: Connection refused; is the cluster up, and RAY_ADDRESS right?" in told()
    assert time.monotonic() - began < address.PATIENCE


@pytest.fixture
def stranger() -> Iterator[tuple[str, list[bytes]]]:
    """A server that answers once, with what the list holds; nothing where the list is empty."""
    answers: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            wire, _ = server.accept()
            with wire, suppress(OSError):
                for answer in answers:
                    wire.sendall(answer)
                wire.recv(100)
                wire.recv(100)

        threading.Thread(target=serve, daemon=True).start()
        yield f"127.0.0.1:{server.getsockname()[1]}", answers


def test_another_server_is_not_ray(stranger: tuple[str, list[bytes]]) -> None:
    where, answers = stranger
    answers.append(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    assert f"nobody answers at {where}: what listens there is not Ray" in told(where)


def test_a_server_that_says_nothing(monkeypatch: pytest.MonkeyPatch, stranger: tuple[str, list[bytes]]) -> None:
    monkeypatch.setattr(address, "PATIENCE", 0.2)
    assert f"nobody answers at {stranger[0]}: nothing came within 0.2 s" in told(stranger[0])


@pytest.mark.parametrize("where", [None, "auto"])
def test_what_a_dead_session_left_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, where: str | None
) -> None:
    note = tmp_path / "ray" / "ray_current_cluster"
    note.parent.mkdir()
    note.write_text("127.0.0.1:1")
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path))
    assert told(where).endswith(f"Connection refused; delete {note}, which a dead session has left")


def test_a_session_of_a_cluster_may_grow_and_this_machine_s_own_may_not(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path))
    failing(monkeypatch, None, None)
    assert not may_grow()
    with session():
        assert not may_grow()
    monkeypatch.setattr("kgprism.platform.cluster.session.trouble", lambda address: None)
    with session("there:6379"):
        assert may_grow()
    assert not may_grow()
    monkeypatch.setenv("RAY_ADDRESS", "there:6379")
    assert may_grow()
