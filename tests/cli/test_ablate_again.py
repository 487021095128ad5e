"""A finished suite that is asked for again: the same words, and nothing is planned, loaded or started."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from kgprism.platform.data.catalogue import datasets, state, toy
from kgprism.platform.kept import SetAsideWarning
from kgprism.platform.settings import SELECTIONS
from kgprism.platform.studies.execution import finished
from kgprism.platform.studies.store.runs import Store
from kgprism.platform.studies.suites import suite as suites
from kgprism.platform.studies.suites.cells import expand
from kgprism.platform.training.outcome import Chosen, Outcome

SUITE = """\
schema: 1
suite: small
method: loginmea
base: {train.epochs: 1}
grid: {dataset: [toy, nowhere], seed: {count: 2}}
variants:
  - {id: full}
  - {id: sum, override: {fusion: sum}}
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a suite all of whose runs are finished with made-up results; the code does not change meanwhile."""
    monkeypatch.setattr(finished, "stamps", lambda folder, ending: [])
    (tmp_path / "small.yaml").write_text(SUITE, encoding="utf-8")
    cells = expand(suites.read(str(tmp_path / "small.yaml")), {"toy": toy.aligned()})
    for n, cell in enumerate(cells):
        metrics = {
            f"test/{way}/{name}": 0.5 + n / 10 for way in ("l2r", "r2l", "mean") for name in ("hits_at_1", "mrr")
        }
        chosen = Chosen(1, metrics, {"l2r/realistic": np.array([1.0, 2.0 + n])})
        selections = dict.fromkeys(SELECTIONS, chosen)
        Store().write(cell.run, Outcome([{"epoch": 1.0}], selections, {"w": torch.zeros(1)}, "finished", 1.0, 1))
    return tmp_path / "small.yaml"


@pytest.fixture
def planned(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Tell each time that data are loaded to plan."""
    told: list[str] = []
    at_hand = datasets.at_hand

    def told_at_hand(asked):
        told.append("planned")
        return at_hand(asked)

    monkeypatch.setattr(datasets, "at_hand", told_at_hand)
    return told


def test_the_second_time_is_the_first_without_a_plan(kgprism, file: Path, planned: list[str]) -> None:
    first, second = kgprism("ablate", str(file)), kgprism("ablate", str(file))
    assert (first.code, first) == (0, second)
    assert "left out: unknown dataset 'nowhere'" in second.err
    assert "[4/4] sum toy seed 1: test mrr .800 at the last epoch, finished before" in second.err
    assert planned == ["planned"]


def test_whatever_a_plan_hangs_on_makes_a_new_one(
    kgprism, file: Path, own_home: Path, planned: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def times(*words: str) -> int:
        before = len(planned)
        assert kgprism("ablate", str(file), *words).code == 0
        return len(planned) - before

    assert (times(), times()) == (1, 0)
    assert (times("--variants", "full"), times("--variants", "full"), times()) == (1, 0, 1)
    assert times("--plan") == 1
    assert times("--strict") == 1
    file.write_text(SUITE.replace("{id: full}", "{id: full, label: All}"), encoding="utf-8")
    assert (times(), times()) == (1, 0)
    data = own_home / "data" / "toy"
    data.mkdir(parents=True)
    (data / "x.tsv").write_text("1", encoding="utf-8")
    # A file that has just been written may be written again without that its time says so.
    assert (times(), times()) == (1, 1)
    monkeypatch.setattr(state, "_SETTLED", 0)
    assert (times(), times()) == (1, 0)
    (data / "x.tsv").write_text("12", encoding="utf-8")
    assert (times(), times()) == (1, 0)
    monkeypatch.setattr(finished, "stamps", lambda folder, ending: [("a.py", 1, 1, 1)])
    assert (times(), times()) == (1, 0)
    (own_home / "studies" / "small" / finished.FILE).write_text("{", encoding="utf-8")
    assert (times(), times()) == (1, 0)


def test_a_run_that_is_gone_is_planned_again(kgprism, file: Path, own_home: Path) -> None:
    kgprism("ablate", str(file))
    folder = own_home / "studies" / "small"
    basis = finished.Finished.model_validate_json((folder / finished.FILE).read_bytes()).basis
    known = finished.recall(folder, basis, Store())
    assert known
    cells, told = known
    assert (len(cells), [line.partition(":")[0] for line in told]) == (4, ["left out"])
    assert finished.recall(folder, "", Store()) is None
    (own_home / "runs" / cells[0].run.id / "ranks.npz").write_bytes(b"")
    with pytest.warns(SetAsideWarning):
        assert finished.recall(folder, basis, Store()) is None


@pytest.mark.slow
def test_no_torch_and_no_ray_is_loaded_the_second_time(file: Path, kgprism: Callable) -> None:
    code = (
        "import sys; from kgprism.platform.studies.execution import finished; finished.stamps = lambda *_: []\n"
        "from kgprism.platform.cli.main import run\n"
        "try: run()\nfinally: print(sorted({'torch', 'ray', 'optuna', 'matplotlib'} & set(sys.modules)))"
    )
    for _ in range(2):
        words = [sys.executable, "-c", code, "ablate", str(file)]
        done = subprocess.run(words, capture_output=True, encoding="utf-8", check=True)
    assert done.stdout.splitlines()[-1] == "[]"
