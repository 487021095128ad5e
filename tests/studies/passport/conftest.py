"""A suite of one row that was really carried out, and its passport."""

from pathlib import Path
from typing import NamedTuple

import pytest

from kgprism.platform.data.catalogue import toy
from kgprism.platform.home import home
from kgprism.platform.studies.passport.packing import pack
from kgprism.platform.studies.store.runs import Store
from kgprism.platform.studies.suites import suite as suites
from kgprism.platform.studies.suites.asked import Asked
from kgprism.platform.studies.suites.cells import Cell
from kgprism.platform.studies.suites.manifest import save_manifest
from kgprism.platform.studies.suites.suite import Suite
from kgprism.platform.training.run import execute, plan

TEXT = """\
schema: 1
suite: tiny
method: loginmea
base: {graph_width: 8, modal_width: 8, eval.every: 1, pseudo_pairs: none, train.epochs: 2}
grid: {dataset: [toy], seed: [1, 2]}
variants:
  - {id: whole, label: The method, full: true}
"""


class Packed(NamedTuple):
    """A passport, and what it was made of."""

    file: Path
    suite: Suite
    store: Store
    asked: Asked


@pytest.fixture
def packed(own_home: Path, tmp_path: Path) -> Packed:
    """Carry one of two seeds out in the home, and pack."""
    (tmp_path / "tiny.yaml").write_text(TEXT)
    suite, data, store = suites.read(str(tmp_path / "tiny.yaml")), toy.aligned(), Store()
    cells = [Cell("whole", "toy", None, seed, plan("loginmea", data, seed, suite.base)) for seed in (1, 2)]
    run = cells[0].run
    store.write(run, execute(run, data, folder=store.partial(run.id)))
    asked, file = Asked.of(suite), tmp_path / "tiny.zip"
    save_manifest(home() / "studies" / "tiny", suite, cells)
    pack(suite, asked, store, file, called="tiny")
    return Packed(file, suite, store, asked)
