"""What nobody waits for: Ray where every run is finished, torch where a suite is only shown, ranks that are read."""

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from kgprism.platform.data.catalogue import datasets
from kgprism.platform.home import home
from kgprism.platform.studies.store import record
from kgprism.platform.studies.store.runs import Store
from kgprism.platform.studies.suites import suite as suites
from kgprism.platform.studies.suites.cells import expand
from kgprism.platform.training import about
from kgprism.platform.training.outcome import Chosen, Outcome

SUITE = """\
schema: 1
suite: quick
method: eva
base: {train.epochs: 1}
grid: {dataset: [toy], seed_ratio: [0.2]}
variants:
  - {id: full, full: true}
  - {id: narrow, override: {train.batch_size: 64}}
  - {id: wide, override: {train.batch_size: 1024}}
  - {id: slow, override: {train.learning_rate: 0.0001}}
"""


@pytest.fixture
def finished(tmp_path: Path) -> Path:
    """A suite whose runs are all in the store."""
    file, draw = tmp_path / "quick.yaml", np.random.default_rng(0)
    file.write_text(SUITE, encoding="utf-8")
    for cell in expand(suites.read(str(file)), {"toy": datasets.load("toy")}):
        ranks = draw.integers(1, 9, 40)
        kept = {"l2r/realistic": ranks.astype(np.float32), "l2r/optimistic": ranks.astype(np.int32)}
        metrics = {f"test/l2r/{name}": float((1 / ranks).mean()) for name in ("hits_at_1", "hits_at_10", "mrr")}
        chosen = {word: Chosen(1, metrics, kept) for word in ("valid", "best_test", "last")}
        Store().write(cell.run, Outcome([{"epoch": 1.0, "loss": 1.0}], chosen, {}, "finished", 1.0, 1))  # type: ignore[arg-type]
    return file


def test_a_finished_suite_is_shown_without_ray_and_reported_without_torch(
    kgprism, finished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[Path] = []
    read = record._arrays
    monkeypatch.setitem(sys.modules, "kgprism.platform.studies.execution.ablation", None)  # the way to Ray
    monkeypatch.setattr(record, "_arrays", lambda file, *part: reads.append(file) or read(file, *part))
    done = kgprism("ablate", str(finished))
    assert done.code == 0, done.err
    assert "4 finished, 0 to run" in done.err
    # To see that a run is whole, for the table, for its page; not for every row beside the full method.
    assert max(Counter(reads).values()) <= 3

    page = home() / "tables" / "quick.html"
    page.write_text(as_it_was := page.read_text(encoding="utf-8") + "<!-- -->", encoding="utf-8")
    assert kgprism("ablate", str(finished)).out == done.out
    assert page.read_text(encoding="utf-8") == as_it_was, "what has not changed is not drawn again"
    os.utime(page, (0, 0))  # older than the code
    kgprism("ablate", str(finished))
    assert page.read_text(encoding="utf-8") != as_it_was

    about._shipped.cache_clear()  # what was found for the home of another test
    about.about("eva")
    look = "import sys\nfrom kgprism.platform.cli.main import run\ntry: run()\nexcept SystemExit: pass\n"
    look += "print(sorted({'torch', 'ray', 'pandas', 'optuna'} & sys.modules.keys()))"
    shown = subprocess.run(
        [sys.executable, "-c", look, "report", str(finished), "--json"], capture_output=True, text=True, check=True
    )
    table, loaded = shown.stdout.rsplit("\n", 2)[:2]
    assert loaded == "[]"
    assert table == kgprism("report", str(finished), "--json").out.rstrip("\n")


def test_what_is_kept_of_a_suite_holds_only_while_its_text_and_all_code_are_the_same(
    finished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolved: list[object] = []
    resolve = suites.resolve_all
    monkeypatch.setattr(suites, "resolve_all", lambda *all_: resolved.append(resolve(*all_)))
    first = suites.read(str(finished))
    assert not resolved
    finished.write_text(SUITE.replace("64", "32"), encoding="utf-8")
    assert suites.read(str(finished)) != first
    assert len(resolved) == 1
    monkeypatch.setattr(
        "kgprism.platform.studies.suites.reading.known.code_of_shipped", lambda method: f"newer {method}"
    )
    suites.read(str(finished))
    assert len(resolved) == 2
    suites.read(str(finished))
    assert len(resolved) == 2
