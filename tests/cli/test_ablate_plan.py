"""What ``ablate --plan`` says of data that are not here and of settings that rows keep."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

SUITE = """\
schema: 1
suite: parted
method: loginmea
base: {train.epochs: 3}
grid: {dataset: [toy, dbp15k-zh-en, no-such-data], seed_ratio: [0.2]}
variants:
  - {id: whole, full: true}
  - {id: short, override: {fusion: sum, train.epochs: 2}}
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("KGPRISM_HOME", str(tmp_path / "home"))
    (tmp_path / "parted.yaml").write_text(SUITE)
    return str(tmp_path / "parted.yaml")


def test_what_is_here_is_planned_and_what_is_not_is_named(kgprism: Callable, file: str) -> None:
    told = kgprism("ablate", file, "--plan")
    assert told.code == 0, told.err
    assert "2 cells, 2 runs" in told.out
    assert "left out: dbp15k-zh-en is not here yet: download it by hand from https://github.com" in told.out
    assert "left out: unknown dataset 'no-such-data'" in told.out
    assert kgprism("ablate", file, "-d", "toy", "-d", "dbp15k-zh-en", "--plan").code == 2


def test_rows_that_keep_their_own_are_named(kgprism: Callable, file: str) -> None:
    told = kgprism("ablate", file, "-d", "toy", "--set", "train.epochs=1", "--set", "fusion.rank=3", "--plan", "--json")
    plan = json.loads(told.out)
    assert plan["left_out"] == ["--set fusion.rank: left alone in short: fusion=sum has no such setting"]
    assert len({cell["run"] for cell in plan["cells"]}) == 2
