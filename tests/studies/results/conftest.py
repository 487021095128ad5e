"""A suite of two rows, three of whose four seeds were really carried out, and a folder with its passport."""

import json
from pathlib import Path
from typing import NamedTuple

import pytest

from kgprism.platform.data.catalogue import toy
from kgprism.platform.studies.passport.packing import pack
from kgprism.platform.studies.store.runs import Store
from kgprism.platform.studies.suites import suite as suites
from kgprism.platform.studies.suites.asked import Asked
from kgprism.platform.studies.suites.cells import expand
from kgprism.platform.studies.suites.manifest import save_manifest
from kgprism.platform.studies.suites.suite import Suite
from kgprism.platform.training.run import execute

TEXT = """\
schema: 1
suite: tiny
title: A tiny suite
method: eva
base: {eval.every: 1, train.epochs: 2}
grid: {dataset: [toy], seed_ratio: [0.5], seed: [1, 2, 3, 4]}
variants:
  - {id: whole, label: The method, full: true}
  - {id: blind, label: w/o Visual, override: {modalities: [attribute, relation]}}
reference:
  - {variant: whole, dataset: toy, seed_ratio: 0.5, values: {mrr: 1.0}}
metrics: [mrr]
notes: [Nobody published this.]
"""
COMMAND = "kgprism ablate tiny.yaml --cpus 2"


class Made(NamedTuple):
    """A suite, its finished runs, what was asked of it, its passport, and the home of all this."""

    suite: Suite
    store: Store
    study: Path
    file: Path
    home: Path

    def again(self, file: Path, **changes: object) -> None:
        """Pack once more, with another manifest."""
        before = self.study.read_bytes()
        self.study.write_text(json.dumps(json.loads(before) | changes), encoding="utf-8")
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("KGPRISM_HOME", str(self.home))
            pack(self.suite, Asked.of(self.suite), self.store, file, called="tiny")
        self.study.write_bytes(before)


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("made")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KGPRISM_HOME", str(folder / "home"))
        (folder / "tiny.yaml").write_text(TEXT, encoding="utf-8")
        suite, data, store = suites.read(str(folder / "tiny.yaml")), toy.aligned(), Store()
        cells = expand(suite, {"toy": data})
        for cell in cells:
            if cell.seed < 4:
                store.write(cell.run, execute(cell.run, data, folder=store.partial(cell.run.id)))
        asked, file = Asked.of(suite), folder / "tiny.passport.zip"
        save_manifest(asked.folder, suite, cells, command=COMMAND)
        pack(suite, asked, store, file, called="tiny")
        return Made(suite, store, asked.folder / "study.json", file, folder / "home")


@pytest.fixture
def folder(made: Made, tmp_path: Path) -> Path:
    """Return a folder of results with the passport alone."""
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / made.file.name).write_bytes(made.file.read_bytes())
    return tmp_path / "results"
