"""``kgprism doctor``."""

import json
from pathlib import Path

import pytest

from kgprism.platform.cli import doctor


def test_what_is_installed_is_what_is_wanted() -> None:
    checks = {check.name: check for check in doctor._packages()}
    assert {"torch", "ray", "optuna"} <= set(checks)
    assert all(check.well for check in checks.values())
    assert "tested with" not in checks["ray"].found


def test_a_home_that_cannot_be_written_to(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    check = doctor._writable(tmp_path / "file" / "home")
    assert not check.well
    assert "KGPRISM_HOME" in check.advice
    assert doctor._writable(tmp_path / "home").well


def test_free_disk_is_asked_of_a_folder_that_is_not_there_yet(tmp_path: Path) -> None:
    assert "GiB" in doctor._disk(tmp_path / "not" / "yet").found


@pytest.mark.ray
def test_a_healthy_machine(kgprism, cluster) -> None:
    called = kgprism("doctor", "--json")
    checks = {check["name"]: check for check in json.loads(called.out)}
    assert checks["Ray"]["well"], checks["Ray"]
    assert "State API answers" in checks["Ray"]["found"]
    assert called.code == (0 if all(check["well"] for check in checks.values()) else 1)
