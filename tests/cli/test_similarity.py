"""``kgprism similarity``: a run, and the rows of a suite."""

import json
from pathlib import Path
from typing import Any

import pytest

from kgprism.platform.data.catalogue import toy
from kgprism.platform.studies.store.runs import Store
from kgprism.platform.studies.suites import suite as suites
from kgprism.platform.studies.suites.cells import expand
from kgprism.platform.studies.suites.manifest import save_manifest
from kgprism.platform.training.run import execute

SUITE = """schema: 1
suite: tiny
method: mclea
base: {train.epochs: 1, modal_width: 4, modalities: [image]}
grid: {dataset: [toy], seed: {count: 2}}
variants: [{id: full, label: MCLEA}, {id: worn, override: {data.image_dropout: 0.5}}]
"""


@pytest.fixture
def finished(tmp_path: Path) -> tuple[Path, list[Any]]:
    """Carry out a suite of two rows and two seeds in a home of its own."""
    file = tmp_path / "tiny.yaml"
    file.write_text(SUITE)
    suite = suites.read(str(file))
    found = expand(suite, {"toy": toy.aligned()})
    for cell in found:
        Store().write(cell.run, execute(cell.run, toy.aligned()))
    save_manifest(tmp_path / "home" / "studies" / "tiny", suite, found)
    return file, found


def test_a_run_is_parted_by_the_cosine_of_pictures(kgprism, finished) -> None:
    _, cells = finished
    called = kgprism("similarity", cells[0].run.id, "--below", "0.1", "--json")
    bands = json.loads(called.out)
    assert [band["band"] for band in bands] == ["< 0.1", "both have one", "one is missing"]
    assert {band["runs"] for band in bands} == {1}
    assert called.code == 0


def test_the_rows_of_a_suite_pool_their_seeds(kgprism, finished) -> None:
    file, cells = finished
    bands = json.loads(kgprism("similarity", str(file), "--below", "0.1", "--json").out)
    assert [band["row"] for band in bands] == ["MCLEA, toy"] * 3 + ["worn, toy"] * 3
    records = [Store().read(cell.run.id) for cell in cells if cell.variant == "full"]
    assert sum(band["pairs"] for band in bands[1:3]) == 2 * len(records[0].ranks("valid")["l2r/realistic"])
    assert "MCLEA, toy" in kgprism("similarity", str(file)).out


def test_what_is_no_run_and_no_suite_is_one_line(kgprism, finished) -> None:
    called = kgprism("similarity", "ibmea_figure55")
    assert (called.code, called.out) == (2, "")
    assert "no finished run and no suite 'ibmea_figure55' (did you mean 'ibmea_figure5'?)" in called.err
    assert "nothing of ibmea_figure5 is finished" in kgprism("similarity", "ibmea_figure5").err
    (told,) = kgprism("similarity", "ibmea_figure5", "--set", "train.epochs=2").err.splitlines()
    assert told == "kgprism: ibmea_figure5 was never asked with --set train.epochs=2"
