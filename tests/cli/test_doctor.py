"""``kgprism doctor``."""

import json
from pathlib import Path

import pytest

from kgprism.platform.cli.commands import doctor


def test_what_is_installed_is_what_is_wanted() -> None:
    checks = {check.name: check for check in doctor._packages()}
    assert {"torch", "ray", "optuna"} <= set(checks)
    assert all(check.well for check in checks.values())
    assert "tested with" not in checks["ray"].found


def test_a_folder_that_hides_the_installed_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert doctor._import().well
    (tmp_path / "kgprism").mkdir()
    check = doctor._import()
    assert not check.well
    assert check.found == "AttributeError: module 'kgprism' has no attribute 'runs'"
    assert check.advice.startswith(f"{tmp_path / 'kgprism'} hides what is installed: start Python in another folder")


def test_a_home_that_cannot_be_written_to(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    check = doctor._writable(tmp_path / "file" / "home")
    assert not check.well
    assert check.found == f"{tmp_path / 'file' / 'home'}: a file stands there"
    assert "KGPRISM_HOME" in check.advice
    assert doctor._writable(tmp_path / "home").well


def test_free_disk_is_asked_of_a_folder_that_is_not_there_yet(tmp_path: Path) -> None:
    assert "GiB" in doctor._disk(tmp_path / "not" / "yet").found


def test_the_checks_of_another_machine_are_found_within_its_log() -> None:
    check = {"name": "home", "well": False, "found": "[gone]", "advice": "mount it"}
    log = f"Running entrypoint [x]\n{json.dumps([check], indent=1)}\nkgprism: [1] more\n"
    (found,) = doctor.read_checks(log, "see there")
    assert (found.name, found.well, found.found) == ("home", False, "[gone]")


@pytest.mark.parametrize("log", ["", "no JSON\n", "x\n[\n broken", 'x\n[\n {"a": 1}\n]\n'])
def test_a_doctor_that_said_nothing_over_there_is_a_failing_line(log: str) -> None:
    (check,) = doctor.read_checks(log, "kgprism jobs logs x")
    assert not check.well
    assert "kgprism jobs logs x" in check.advice


def test_an_address_where_nobody_answers(kgprism) -> None:
    called = kgprism("doctor", "--address", "http://127.0.0.1:1")
    assert called.code == 1
    assert "FAIL  job server: no job server answers at http://127.0.0.1:1" in called.out


def test_rays_client_is_sent_to_the_job_server(kgprism) -> None:
    called = kgprism("doctor", "--address", "ray://there:10001")
    assert called.code == 2
    assert "try http://there:8265" in called.err


@pytest.mark.ray
def test_a_healthy_machine(kgprism, cluster, own_home: Path) -> None:
    called = kgprism("doctor", "--json")
    checks = {check["name"]: check for check in json.loads(called.out)}
    assert checks["Ray"]["well"], checks["Ray"]
    assert "State API answers" in checks["dashboard"]["found"]
    # The sum of 1 and 2 is checked by the doctor itself.
    assert {"home on nodes", "clocks of nodes", "packages on nodes", "all-reduce"} <= set(checks)
    assert checks["all-reduce"]["well"], checks["all-reduce"]
    assert checks["home on nodes"]["found"].startswith(str(own_home))
    assert not list(own_home.glob(".doctor-*"))
    assert called.code == (0 if all(check["well"] for check in checks.values()) else 1)


@pytest.mark.ray
def test_a_node_that_is_not_there_is_named(cluster) -> None:
    import ray

    from kgprism.platform.cluster.inspection import examine

    absent = {"NodeManagerAddress": "10.9.9.9", "NodeID": "ab" * 28, "Resources": {}}
    gone, here = examine([absent, *ray.nodes()])
    assert (gone.name, gone.report) == ("10.9.9.9", None)
    assert gone.error.startswith("does not answer: ")
    assert here.report is not None
    assert not here.error


def test_a_dead_address_is_one_failing_line_with_its_own_advice(kgprism, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ray.is_initialized", lambda: False)
    called = kgprism("doctor", "--address", "127.0.0.1:1")
    assert called.code == 1
    assert "FAIL  Ray: nobody answers at 127.0.0.1:1: Connection refused\n      is the cluster up" in called.out
    assert "pip install" not in called.out.partition("FAIL  Ray")[2]
