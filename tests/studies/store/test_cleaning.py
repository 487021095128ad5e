"""What nobody needs goes; what a living process owns, and what is young, stays."""

import os
import time
from pathlib import Path

import pytest

from kgprism.platform.errors import RunError
from kgprism.platform.studies.store.cleaning import remove, remove_runs, waste
from kgprism.platform.studies.store.ownership import lock_of, owning
from kgprism.platform.studies.store.record import Record
from kgprism.platform.studies.store.runs import Store


def put(store: Store, name: str, age: float = 0) -> Path:
    """Make a folder of 100 bytes that was last changed some seconds ago."""
    folder = store.folder / name
    folder.mkdir(parents=True)
    (folder / "checkpoint.pt").write_bytes(bytes(100))
    for path in (folder / "checkpoint.pt", folder):
        os.utime(path, (time.time() - age,) * 2)
    return folder


def test_only_what_nobody_needs_is_waste(store: Store, made: Record) -> None:
    assert waste(Store(store.folder / "nowhere"), 0) == []
    old = put(store, "old.partial", age=5000)
    put(store, "young.partial", age=50)
    owned = put(store, "owned.partial", age=5000)
    of_finished = put(store, f"{made.id}.partial")
    damaged = put(store, ".damaged/other", age=5000)  # set aside just now
    half = put(store, ".half.0123abcd", age=5000)
    put(store, ".writing.0123abcd")
    with owning(store, "owned"):
        found = waste(store, time.time() - 1000)
        assert {one.path: one.kind for one in found} == {
            old: "partial",
            of_finished: "partial of finished runs",
            half: "half written",
        }
        assert {one.size for one in found} == {100}
        assert remove(store, found) == 300
    assert not any(one.path.exists() for one in found)
    assert owned.exists()
    assert damaged in [one.path for one in waste(store, time.time() + 60) if one.kind == "set aside as damaged"]
    assert (store.folder / "young.partial").exists()
    assert Store(store.folder).has(made.id)


def test_what_was_taken_up_since_stays(store: Store) -> None:
    old = put(store, "old.partial", age=5000)
    changed = put(store, "changed.partial", age=5000)
    found = waste(store, time.time() - 1000)
    (changed / "progress.json").write_text("{}")
    with owning(store, "old"):
        assert remove(store, found) == 0
    assert old.exists()
    assert changed.exists()


def test_the_lock_of_a_killed_process_goes(store: Store) -> None:
    store.folder.mkdir()
    lock_of(store, "killed").touch()
    with owning(store, "alive"):
        assert waste(store, 0) == []
        assert [path.name for path in store.folder.iterdir()] == [".alive.lock"]


def test_runs_are_removed_all_or_none(store: Store, made: Record, twin: Path) -> None:
    store.partial(made.id)
    with owning(store, twin.name), pytest.raises(RunError, match=f"such as {twin.name}: wait for them, or stop them"):
        remove_runs(store, [made.id, twin.name])
    assert Store(store.folder).has(made.id)
    remove_runs(store, [made.id])
    assert [path.name for path in store.folder.iterdir()] == [twin.name]
