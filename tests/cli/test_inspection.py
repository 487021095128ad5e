"""``kgprism inspect``: a dead row of a suite file is named."""

import json
from pathlib import Path

import pytest

SUITE = """schema: 1
suite: dead
method: ibmea
grid: {dataset: [toy]}
variants:
  - {id: full}
  - {id: dead, override: {encoders.name.beta: 0.5}}
"""


def test_a_row_that_does_nothing_is_named_and_strict_ends_with_1(
    kgprism, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KGPRISM_HOME", str(tmp_path / "home"))
    (tmp_path / "dead.yaml").write_text(SUITE)
    shown = kgprism("inspect", str(tmp_path / "dead.yaml"))
    assert shown.code == 0
    assert "comparing dead on toy" in shown.err
    assert "dead on toy: does nothing: gradient change 0; nothing reads encoders.name.beta" in shown.out
    again = kgprism("inspect", str(tmp_path / "dead.yaml"), "--json", "--strict")
    assert (again.code, again.err) == (1, "")
    assert [(row["row"], row["inert"]) for row in json.loads(again.out)] == [("dead", True)]


def test_a_plan_names_such_rows_and_strict_starts_nothing(
    kgprism, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KGPRISM_HOME", str(tmp_path / "home"))
    (tmp_path / "dead.yaml").write_text(SUITE)
    told = "dead on toy does nothing at first: gradient change 0; nothing reads encoders.name.beta"
    plan = kgprism("ablate", str(tmp_path / "dead.yaml"), "--plan")
    assert (plan.code, told in plan.out) == (0, True)
    assert kgprism("ablate", str(tmp_path / "dead.yaml"), "--plan", "--strict").code == 1
    refused = kgprism("ablate", str(tmp_path / "dead.yaml"), "--strict")
    assert (refused.code, refused.out) == (1, "")
    assert refused.err == f"kgprism: {told}\n"
    assert not (tmp_path / "home" / "runs").exists()


def test_a_plan_tells_of_a_row_what_nothing_reads(kgprism, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KGPRISM_HOME", str(tmp_path / "home"))
    suite = SUITE.replace("beta: 0.5", "beta: 0.5, modal_width: 50")
    (tmp_path / "half.yaml").write_text(suite)
    plan = kgprism("ablate", str(tmp_path / "half.yaml"), "--plan")
    assert (plan.code, "\ndead on toy: nothing reads encoders.name.beta\n" in plan.out) == (0, True)
