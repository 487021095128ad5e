"""What a run was carried out with."""

import json
import os
import subprocess
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest

from kgprism.platform.data.catalogue import toy
from kgprism.platform.studies.store import machine
from kgprism.platform.studies.store.runs import Store
from kgprism.platform.training.outcome import Outcome
from kgprism.platform.training.run import execute, plan, source_digest

TINY = {"graph_width": 8, "modal_width": 8, "eval.every": 1, "pseudo_pairs": "none", "train.epochs": 1}


def test_a_run_says_what_it_was_made_with(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "code", lambda: {"commit": "abc", "dirty": False})
    data = toy.aligned()
    run = plan("loginmea", data, 1, TINY)
    record = store.write(run, execute(run, data, folder=store.partial(run.id)))
    assert record.fingerprint == data.fingerprint
    assert record.code == {"digest": source_digest("loginmea"), "commit": "abc", "dirty": False}
    assert record.machine["cores"] == str(os.cpu_count())
    assert record.machine["memory"].endswith(" GiB")
    assert record.machine["gpu"]
    assert record.packages["scipy"] == version("scipy")
    assert record.packages["kgprism"] == version("kgprism")
    assert record.cpu_seconds is not None
    assert 0 < record.cpu_seconds < 600


def test_a_record_of_an_earlier_version_has_its_packages_too(store: Store, outcome: Callable[..., Outcome]) -> None:
    run = plan("loginmea", toy.aligned(), 1)
    file = store.write(run, outcome(0.5)).folder / "run.json"
    content = json.loads(file.read_text())
    for key in ("code", "packages", "cpu_seconds", "sums"):
        del content[key]
    content["machine"] = {"cores": "2", "gpu": "none", "numpy": "1.0", "torch": "2.0", "python": "3.11"}
    file.write_text(json.dumps(content))
    assert Store(store.folder).has(run.id)
    record = store.read(run.id)
    assert record is not None
    assert record.packages == {"numpy": "1.0", "torch": "2.0", "python": "3.11"}
    assert record.machine == {"cores": "2", "gpu": "none"}
    assert (record.code, record.cpu_seconds) == ({}, None)


def git(folder: Path, *words: str) -> str:
    who = ["-c", "user.name=n", "-c", "user.email=e@example.org"]
    done = subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True, encoding="utf-8")
    return done.stdout.strip()


def test_a_checkout_has_a_commit_and_may_be_changed(tmp_path: Path) -> None:
    file = tmp_path / "code.py"
    file.write_text("one = 1\n")
    assert machine.commit_of(file) == {}
    git(tmp_path, "init", "-q")
    assert machine.commit_of(file) == {}  # a file of another project's folder
    git(tmp_path, "add", "code.py")
    git(tmp_path, "commit", "-q", "-m", "one")
    commit = git(tmp_path, "rev-parse", "HEAD")
    (tmp_path / "notes.txt").write_text("no code")
    assert machine.commit_of(file) == {"commit": commit, "dirty": False}
    (tmp_path / "new.py").write_text("two = 2\n")
    assert machine.commit_of(file) == {"commit": commit, "dirty": True}


def test_without_git_there_is_no_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert machine.commit_of(Path(__file__)) == {}


def test_a_plug_in_is_among_the_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "packages_distributions", lambda: {"theirs": ["pytest"]})
    assert machine.packages("theirs.method")["pytest"] == version("pytest")
    assert "pytest" not in machine.packages("kgprism.methods.dhns")
