"""A run that is planned, and one that was really made, as its files: tests damage copies of it."""

import shutil
from pathlib import Path

import pytest

from kgprism.platform.data.catalogue import toy
from kgprism.platform.studies.store.record import Record
from kgprism.platform.studies.store.runs import Store
from kgprism.platform.training.run import Run, execute, plan

TINY = {"graph_width": 8, "modal_width": 8, "eval.every": 1, "pseudo_pairs": "none", "train.epochs": 2}


@pytest.fixture(scope="session")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Record:
    data, store = toy.aligned(), Store(tmp_path_factory.mktemp("kept") / "runs")
    run = plan("loginmea", data, 1, TINY)
    return store.write(run, execute(run, data, folder=store.partial(run.id)))


@pytest.fixture
def made(store: Store, kept: Record) -> Record:
    """Put a copy of the run into the test's own store."""
    shutil.copytree(kept.folder, store.folder / kept.id)
    record = store.read(kept.id)
    assert record is not None
    return record


@pytest.fixture
def twin(store: Store, made: Record) -> Path:
    """Put a second run beside it, as an earlier version would have written it."""
    folder = store.folder / f"{made.id[:8]}{'0' * 8}"
    shutil.copytree(made.folder, folder)
    file = folder / "run.json"
    text = file.read_text(encoding="utf-8").replace(made.id, folder.name).replace('"sums"', '"sums of another"')
    file.write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def run() -> Run:
    return plan("loginmea", toy.aligned(), 1)
