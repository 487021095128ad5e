"""All runs at a glance: every state, nothing set aside, quickly."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from kgprism.platform.data.catalogue import toy
from kgprism.platform.errors import ConfigurationError, DataError
from kgprism.platform.studies.store.listing import entries, find
from kgprism.platform.studies.store.ownership import owning
from kgprism.platform.studies.store.progress import Noting
from kgprism.platform.studies.store.record import Record
from kgprism.platform.studies.store.runs import Store
from kgprism.platform.training.run import plan


def test_every_state(store: Store, made: Record, twin: Path) -> None:
    assert list(entries(Store(store.folder / "nowhere"))) == []
    run = plan("loginmea", toy.aligned(), 4)
    Noting(store, run)
    store.fail("failed-run", "loss is nan")
    store.partial("begun")
    store.partial(made.id)
    (twin / "run.json").write_text("{}")
    (store.folder / "half").mkdir()
    (store.folder / ".damaged").mkdir()
    with owning(store, run.id):
        found = {entry.id: entry for entry in entries(store)}
    states = {run_id: entry.state for run_id, entry in found.items()}
    assert states == {
        made.id: "finished",
        run.id: "running",
        "failed-run": "failed",
        "begun": "partial",
        twin.name: "damaged",
        "half": "damaged",
    }
    finished, running = found[made.id], found[run.id]
    assert (finished.method, finished.dataset, finished.seed) == ("loginmea", "toy", 1)
    assert finished.mrr == made.metric("valid", "test/l2r/mrr")
    assert (running.method, running.dataset, running.seed) == ("loginmea", "toy", 4)
    assert running.told.startswith("running: ")
    assert found["failed-run"].told == "failed: loss is nan"
    assert found["half"].told == "run.json is not there"
    assert twin.exists()


def test_a_run_is_found_in_whatever_state(store: Store, made: Record, twin: Path) -> None:
    store.partial("begun")
    assert find(store, "beg") == "begun"
    assert find(store, made.id) == made.id
    with pytest.raises(ConfigurationError, match=f"several runs begin with '{made.id[:8]}': "):
        find(store, made.id[:8])
    with pytest.raises(ConfigurationError, match=r"no run 'begum' \(did you mean 'begun'\?\)"):
        find(store, "begum")


def test_a_file_in_the_place_of_the_store_is_named(store: Store) -> None:
    store.folder.write_text("")
    with pytest.raises(DataError, match="not a folder"):
        list(entries(store))


def test_ten_thousand_runs_take_less_than_two_seconds(store: Store, made: Record) -> None:
    # A part of them in a part of the time: seconds of this process, as other tests may have the processors.
    text = (made.folder / "run.json").read_text()
    for number in range(500):
        folder = store.folder / f"{number:016}"
        folder.mkdir()
        (folder / "run.json").write_text(text.replace(made.id, folder.name))
    begun = time.process_time()
    assert len(list(entries(store))) == 501
    assert time.process_time() - begun < 0.1


def test_a_list_waits_neither_for_torch_nor_for_pandas() -> None:
    code = "import sys, kgprism.platform.studies.store.listing; print({'torch', 'pandas', 'ray'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=True)
    assert done.stdout.strip() == "set()"
