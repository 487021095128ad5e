"""Which runs were asked of a suite."""

import json
from pathlib import Path

import pytest

from kgprism.platform.errors import ConfigurationError
from kgprism.platform.studies.suites.manifest import FILE, save_manifest
from kgprism.platform.studies.suites.reading.members import members


def test_all_settings_of_a_suite_count(own_home: Path) -> None:
    for place, ids in (("one", ["a", "b"]), ("one/0123abcd", ["c"]), ("two", ["d"])):
        folder = own_home / "studies" / place
        folder.mkdir(parents=True)
        (folder / FILE).write_text(json.dumps({"cells": [{"id": run_id} for run_id in ids]}))
    assert members("one") == {"a", "b", "c"}
    (own_home / "studies/one" / FILE).write_text("{")
    assert members("one") == {"c"}
    with pytest.raises(ConfigurationError, match=r"nothing was asked of 'tow' \(did you mean 'two'\?\)"):
        members("tow")


def test_manifests_are_read_as_they_are_written(own_home: Path, small) -> None:
    from kgprism.platform.data.catalogue import toy
    from kgprism.platform.studies.suites.cells import Cell
    from kgprism.platform.training.run import plan

    run = plan("loginmea", toy.aligned(), 1)
    save_manifest(own_home / "studies" / "small", small, [Cell("whole", "toy", None, 1, run)])
    assert members("small") == {run.id}
