"""What nobody waits for: which libraries the commands load that compute nothing, in a process of their own."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from kgprism.platform.data.catalogue import toy
from kgprism.platform.studies.store.runs import Store
from kgprism.platform.studies.suites import suite as suites
from kgprism.platform.studies.suites.cells import expand
from kgprism.platform.training.about import about
from kgprism.platform.training.outcome import Chosen, Outcome

SUITE = """\
schema: 1
suite: quick
method: eva
base: {train.epochs: 1}
grid: {dataset: [toy], seed_ratio: [0.2], seed: {count: 2}}
variants:
  - {id: full, full: true}
  - {id: narrow, override: {train.batch_size: 64}}
"""
#: What takes a tenth of a second or more to load.
SLOW = ("torch", "ray", "pandas", "scipy", "optuna", "matplotlib", "pyarrow.compute")


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a home of its own, in which each method was loaded once."""
    monkeypatch.setenv("KGPRISM_HOME", str(tmp_path / "home"))
    about.__globals__["_shipped"].cache_clear()
    return tmp_path


def loaded(*words: str) -> tuple[str, list[str]]:
    """Return what a command prints, and which of the slow libraries it has loaded."""
    code = (
        "import sys\nfrom kgprism.platform.cli.main import run\ntry:\n    run()\nexcept SystemExit:\n    pass\n"
        f"print('LOADED', *sorted(set({SLOW!r}) & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=True)
    shown, _, names = done.stdout.rpartition("LOADED")
    return shown, names.split()


@pytest.mark.parametrize("words", ["--help", "report --help", "data list", "runs list", "suites list", "spaces list"])
def test_lists_and_help_load_nothing_slow(own: Path, words: str) -> None:
    shown, slow = loaded(*words.split())
    assert shown.strip()
    assert slow == []


def test_methods_are_listed_without_torch_once_they_were_loaded_with_the_same_code(own: Path) -> None:
    first, slow = loaded("methods", "list")
    assert "torch" in slow
    again, slow = loaded("methods", "list")
    assert slow == []
    assert again == first


@pytest.fixture
def finished(own: Path) -> Path:
    """Return a suite whose runs are all in the store, with made-up ranks over two seeds."""
    file, draw = own / "quick.yaml", np.random.default_rng(0)
    file.write_text(SUITE, encoding="utf-8")
    for cell in expand(suites.read(str(file)), {"toy": toy.aligned()}):
        ranks = draw.integers(1, 9, 40)
        kept = {"l2r/realistic": ranks.astype(np.float32), "l2r/optimistic": ranks.astype(np.int32)}
        metrics = {f"test/l2r/{name}": float((1 / ranks).mean()) for name in ("hits_at_1", "hits_at_10", "mrr")}
        chosen = {word: Chosen(1, metrics, kept) for word in ("valid", "best_test", "last")}
        Store().write(cell.run, Outcome([{"epoch": 1.0, "loss": 1.0}], chosen, {}, "finished", 1.0, 1))  # type: ignore[arg-type]
    return file


def test_a_finished_suite_is_reported_and_asked_for_again_without_anything_slow(kgprism, finished: Path) -> None:
    done = kgprism("ablate", str(finished))
    assert done.code == 0, done.err
    shown, slow = loaded("report", str(finished))
    assert "narrow" in shown
    assert slow == []
    assert loaded("ablate", str(finished))[1] == []
