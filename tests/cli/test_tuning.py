"""What ``ablate --plan`` says of rows that are tuned by themselves, and what is refused before anything starts."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

SUITE = """\
schema: 1
suite: fair
method: loginmea
base: {train.epochs: 1}
grid: {dataset: [toy], seed_ratio: [0.5], seed: {count: 3}}
variants:
  - {id: whole, full: true}
  - {id: sum, override: {fusion: sum}}
tuning: {mode: per_variant, keys: [fusion.rank], trials: 5}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "fair.yaml").write_text(SUITE)
    return tmp_path / "fair.yaml"


def test_a_plan_counts_the_searches_and_names_their_keys(kgprism: Callable, file: Path) -> None:
    told = kgprism("ablate", str(file), "--plan")
    assert told.code == 0, told.err
    assert "6 cells, 6 runs" in told.out
    assert "tuning: 1 search x 5 trials, then at most 3 runs of what is chosen" in told.out
    assert "tuning whole on toy, 50 % seed pairs: fusion.rank" in told.out
    assert "tuning sum on toy, 50 % seed pairs: nothing, so as frozen; not fusion.rank: the row has none" in told.out
    plan = json.loads(kgprism("ablate", str(file), "--plan", "--json").out)
    assert [(one["variant"], one["trials"], one["keys"]) for one in plan["tuning"]] == [
        ("whole", 5, ["fusion.rank"]),
        ("sum", 0, []),
    ]
    without = kgprism("ablate", str(file), "--plan", "--no-tuning")
    assert without.code == 0
    assert "tuning" not in without.out


def test_what_is_wrong_is_told_in_a_line_before_ray_starts(
    kgprism: Callable, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ray.init", lambda *words, **options: pytest.fail("Ray was started"))
    file.write_text(SUITE.replace("fusion.rank", "fusion.rnk"), encoding="utf-8")
    told = kgprism("ablate", str(file))
    assert told.code == 2
    assert f"{file}:9:36: 'fusion.rnk' is no parameter of loginmea (did you mean 'fusion.rank'?)" in told.err
    file.write_text(SUITE, encoding="utf-8")
    told = kgprism("ablate", str(file), "--workers", "2")
    assert told.code == 2
    assert "--workers: rows are tuned in runs of one process" in told.err
    told = kgprism("ablate", str(file), "--set", "eval.valid_ratio=0", "--set", "eval.select=last")
    assert told.code == 2
    assert "eval.valid_ratio is 0: valid/l2r/hits_at_1 needs pairs that are held out" in told.err
