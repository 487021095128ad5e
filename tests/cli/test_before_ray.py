"""What can be refused before Ray is started is: one line, exit 2, and nothing was begun."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from kgprism.platform.studies.suites.grid import MOST_SEEDS

COMMANDS = {
    "train": ("train", "loginmea", "-d", "toy"),
    "tune": ("tune", "loginmea", "-d", "toy"),
    "ablate": ("ablate", "demo", "--seeds", "1"),
}


@pytest.fixture(autouse=True)
def no_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def refuse(*words: object) -> Iterator[None]:
        raise AssertionError("Ray was started")
        yield

    monkeypatch.setattr("kgprism.platform.cluster.session.session", refuse)
    monkeypatch.setattr("kgprism.platform.cluster.resources.may_grow", lambda: False)


def refused(kgprism, *words: str) -> str:
    called = kgprism(*words)
    assert called.code == 2, called.err
    assert called.out == ""
    line = called.err.splitlines()[-1]
    assert line.startswith("kgprism: ")
    assert "Traceback" not in called.err
    return line


@pytest.mark.parametrize("command", COMMANDS)
def test_a_home_that_is_full(kgprism, monkeypatch: pytest.MonkeyPatch, own_home: Path, command: str) -> None:
    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    line = refused(kgprism, *COMMANDS[command])
    assert f"home {own_home}: No space left on device; set KGPRISM_HOME to a folder that you may write to" in line
    # What is kept of methods and suites, to be quicker, is no result.
    assert [file for file in own_home.rglob("*.json") if file.parent.parent.name != "cache"] == []


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("part", ["runs", "studies"])
def test_a_part_of_the_home_that_cannot_be_written(kgprism, own_home: Path, command: str, part: str) -> None:
    own_home.mkdir()
    (own_home / part).write_text("")
    line = refused(kgprism, *COMMANDS[command])
    assert str(own_home / part) in line
    assert "a file stands there; set KGPRISM_HOME" in line or "not a folder" in line


@pytest.mark.parametrize("command", COMMANDS)
def test_a_home_where_no_folder_can_be(kgprism, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    monkeypatch.setenv("KGPRISM_HOME", "/proc/nowhere/home")
    assert "/proc/nowhere" in refused(kgprism, *COMMANDS[command])


@pytest.mark.parametrize("command", COMMANDS)
def test_a_device_that_this_machine_has_not(kgprism, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 0)
    line = refused(kgprism, *COMMANDS[command], "--set", "train.device=cuda")
    assert "train.device=cuda: torch" in line
    assert "sees no GPU here; cpu, cuda or auto" in line


def test_a_cluster_may_have_the_device(monkeypatch: pytest.MonkeyPatch) -> None:
    from kgprism.platform.cluster.resources import refuse_impossible

    monkeypatch.setattr("kgprism.platform.cluster.resources.may_grow", lambda: True)
    refuse_impossible(["cuda:99"])


@pytest.mark.parametrize("command", ["tune", "ablate"])
@pytest.mark.parametrize("count", ["0", "inf"])
def test_a_number_of_processors_that_no_machine_has(kgprism, command: str, count: str) -> None:
    assert f"a run needs a worker and a part of a CPU, got {count} CPU" in refused(
        kgprism, *COMMANDS[command], "--cpus", count
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_a_number_of_gpus_that_no_machine_has(kgprism, command: str) -> None:
    assert "a part of a GPU or whole ones, got 1.5" in refused(kgprism, *COMMANDS[command], "--gpus", "1.5")


@pytest.mark.parametrize(
    "storage", ["", "sqlite:///", "optuna.db", "nosuch://me:secret@there/x", "postgres+none://x/y"]
)
def test_a_storage_that_is_none(kgprism, storage: str) -> None:
    line = refused(kgprism, *COMMANDS["tune"], "--storage", storage)
    assert "--storage " in line
    assert "cannot be opened: " in line
    assert "secret" not in line


def test_more_seeds_than_anybody_means(kgprism, tmp_path: Path) -> None:
    huge = str(10**9)
    assert f"expected a number up to {MOST_SEEDS}" in refused(kgprism, "ablate", "demo", "--seeds", huge)
    head = "schema: 1\nsuite: s\nmethod: loginmea\n"
    for seeds, told in {
        f"{{count: {huge}}}": "s.yaml:4:31: grid.seed.count: Input should be less than or equal to 1000",
        "[1, -1]": "s.yaml:4:34: grid.seed.1: Input should be greater than or equal to 0",
        "[1, 2, 1]": "s.yaml:4:37: grid.seed: 1 stands there twice",
    }.items():
        (tmp_path / "s.yaml").write_text(f"{head}grid: {{dataset: [toy], seed: {seeds}}}\nvariants:\n- {{id: a}}\n")
        assert told in refused(kgprism, "ablate", str(tmp_path / "s.yaml"), "--plan")
