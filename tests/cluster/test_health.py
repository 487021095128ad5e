"""What is said of a cluster whose machines are not well."""

from dataclasses import replace
from pathlib import Path

import pytest

from kgprism.platform.cluster.check import Check
from kgprism.platform.cluster.health import Clock, Node, judge
from kgprism.platform.cluster.node import MARK, Report, home_problem, report, versions

HERE = {"ray": "2.60.0", "torch": "2.13.0", "code": "aaaaaaaa"}
GOOD = Report(HERE, memory=8.0, disk=50.0, spill=0.5, home="", driver=("A10G",), torch=("A10G",))
NEAR = Clock(0.01, 0.001)
HOME = Path("/store")


def judged(**changed: object) -> list[Check]:
    bad = Node("10.0.0.2", 1.0, replace(GOOD, **changed), NEAR)
    return list(judge([Node("10.0.0.1", 1.0, GOOD, NEAR), bad], HERE, HOME))


def test_a_healthy_cluster_has_a_line_for_every_kind() -> None:
    checks = judged()
    assert all(check.well for check in checks)
    found = {check.name: check.found for check in checks}
    assert found["GPUs on nodes"] == "2 x A10G"
    assert found["home on nodes"] == "/store, shared and writable on 2 nodes"
    assert len(found) == 6


@pytest.mark.parametrize(
    ("changed", "name", "found"),
    [
        ({"versions": HERE | {"torch": "2.6.0"}}, "packages on", "torch 2.6.0 (here 2.13.0)"),
        ({"versions": HERE | {"code": "bbbbbbbb"}}, "packages on", "code bbbbbbbb (here aaaaaaaa)"),
        ({"torch": ()}, "GPUs on", "driver 1, torch 0, Ray 1"),
        ({"torch": (), "driver": ()}, "GPUs on", "driver 0, torch 0, Ray 1"),
        ({"torch": ("A10G",) * 2, "driver": ("A10G",) * 2}, "GPUs on", "driver 2, torch 2, Ray 1"),
        ({"home": "is not there"}, "home on", "/store is not there"),
        ({"memory": 1.5}, "free memory on", "1.5 GiB"),
        ({"disk": 4.0}, "free disk on", "4.0 GiB at home"),
        ({"spill": 0.04}, "free disk on", "4% of Ray's disk"),
    ],
)
def test_what_is_wrong_names_the_machine_and_what_to_do(changed: dict, name: str, found: str) -> None:
    (failing,) = [check for check in judged(**changed) if not check.well]
    assert failing.name == f"{name} 10.0.0.2"
    assert found in failing.found
    assert failing.advice


@pytest.mark.parametrize(
    ("clock", "well"),
    [(Clock(0.9, 0.0), True), (Clock(-1.2, 0.0), False), (Clock(1.2, 0.1), False), (Clock(1.2, 0.3), True)],
)
def test_a_clock_is_wrong_only_beyond_what_the_round_trip_leaves_in_doubt(clock: Clock, well: bool) -> None:
    checks = list(judge([Node("10.0.0.2", 1.0, GOOD, clock)], HERE, HOME))
    assert all(check.well for check in checks) == well


def test_a_machine_that_does_not_answer_hides_no_other() -> None:
    nodes = [Node("10.0.0.2", error="does not answer: gone"), Node("10.0.0.1", 1.0, GOOD, NEAR)]
    checks = list(judge(nodes, HERE, HOME))
    assert [check.name for check in checks if not check.well] == ["node 10.0.0.2"]
    assert len(checks) == 7


def test_this_machine_reports_itself(tmp_path: Path) -> None:
    (tmp_path / "probe").mkdir()
    (tmp_path / "probe" / MARK).write_text("x")
    found = report(tmp_path / "probe", "x", 0.0)
    assert not found.home
    assert found.versions == versions()
    assert {"python", "ray", "torch", "kgprism", "code"} <= set(found.versions)
    assert found.memory > 0
    assert 0 < found.spill < 1
    assert [path.name for path in (tmp_path / "probe").iterdir()] == [MARK]


def test_a_home_of_the_same_name_on_another_disk_is_not_shared(tmp_path: Path) -> None:
    assert home_problem(tmp_path / "absent" / "probe", "x") == "is not there"
    assert home_problem(tmp_path / "probe", "x") == "is not shared with the machine that asks"
    (tmp_path / "probe").mkdir()
    (tmp_path / "probe" / MARK).write_text("y")
    assert home_problem(tmp_path / "probe", "x") == "is another folder than on the machine that asks"
    (tmp_path / "probe" / MARK).unlink()
    (tmp_path / "probe" / MARK).mkdir()
    assert home_problem(tmp_path / "probe", "x").startswith("cannot be read and written: ")
