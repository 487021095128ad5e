"""A suite whose rows are tuned by themselves, on built-in graphs."""

from collections.abc import Callable
from pathlib import Path

import pytest

from kgprism.platform.studies.suites import suite as suites
from kgprism.platform.studies.suites.suite import Suite

FAIR = """\
schema: 1
suite: fair
method: loginmea
base: {train.epochs: 2, eval.every: 1, modal_width: 8, graph_width: 8, structure: none, pseudo_pairs: none}
grid: {dataset: [toy], seed_ratio: [0.5], seed: {count: 3, start: 5}}
variants:
  - {id: whole, label: The method, full: true}
  - {id: sum, override: {fusion: sum}}
  - {id: slow, label: own rate, override: {fusion: sum, train.learning_rate: 1e-4, loss.temperature: 0.2}}
  - {id: eva, method: eva}
metrics: [mrr]
tuning:
  mode: per_variant
  keys: [train.learning_rate, fusion.rank]
  trials: 3
"""


@pytest.fixture
def fair(tmp_path: Path) -> Callable[..., Suite]:
    """Return ``fair(old=new)``: the suite with some of its text replaced."""

    def make(*changes: tuple[str, str]) -> Suite:
        text = FAIR
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        (tmp_path / "fair.yaml").write_text(text)
        return suites.read(str(tmp_path / "fair.yaml"))

    return make
