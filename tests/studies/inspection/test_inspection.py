"""The rows of a suite file beside its full method, and what is kept of it."""

from pathlib import Path

import pytest

from kgprism.platform.data.catalogue import toy
from kgprism.platform.studies.inspection import inspection
from kgprism.platform.studies.suites import cells as grid
from kgprism.platform.studies.suites.suite import Suite, read

SUITE = """
schema: 1
suite: dead
method: ibmea
grid: {dataset: [toy], seed: [1, 2]}
variants:
  - {id: full}
  - {id: dead, override: {encoders.name.beta: 0.5}}
  - {id: width, override: {modal_width: 20}}
  - {id: other, method: mclea}
"""


@pytest.fixture
def suite(tmp_path: Path) -> Suite:
    (tmp_path / "dead.yaml").write_text(SUITE)
    return read(str(tmp_path / "dead.yaml"))


def test_each_row_of_the_same_method_is_compared_once_and_kept(suite: Suite, tmp_path: Path) -> None:
    data = {"toy": toy.aligned()}
    cells, told = grid.expand(suite, data), list[str]()
    assert inspection.kept(suite, cells, tmp_path / "kept") == {}
    assert inspection.inspect(suite, cells, data, tmp_path / "kept", told.append, seconds=0) == (
        {},
        [("dead", "toy"), ("width", "toy")],
    )
    found, without = inspection.inspect(suite, cells, data, tmp_path / "kept", told.append)
    assert without == []
    assert {key: one.inert for key, one in found.items()} == {("dead", "toy"): True, ("width", "toy"): False}
    assert told == ["dead on toy", "width on toy"]
    assert inspection.inspect(suite, cells, data, tmp_path / "kept", told.append) == (found, [])
    assert len(told) == 2
    assert inspection.kept(suite, cells, tmp_path / "kept") == found


def test_a_damaged_one_is_set_aside_and_made_again(suite: Suite, tmp_path: Path) -> None:
    data = {"toy": toy.aligned()}
    cells = grid.expand(suite, data, variants=["full", "dead"], seeds=1)
    inspection.inspect(suite, cells, data, tmp_path / "kept")
    (file,) = (tmp_path / "kept").glob("*.json")
    file.write_text("{}")
    with pytest.warns(UserWarning, match="set aside"):
        assert inspection.kept(suite, cells, tmp_path / "kept") == {}
    assert len(inspection.inspect(suite, cells, data, tmp_path / "kept")[0]) == 1
