"""Small suites and made-up results."""

import os
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from kgprism.platform.data.catalogue import toy
from kgprism.platform.data.graph import AlignedGraphs
from kgprism.platform.studies.store.runs import Store
from kgprism.platform.studies.suites import suite as suites
from kgprism.platform.studies.suites.suite import Suite
from kgprism.platform.training.outcome import Chosen, Outcome

SMALL = """\
schema: 1
suite: small
title: A small suite
paper: {key: "Somebody & others", table: Table 9, url: "https://example.org/paper"}
method: loginmea
base:
  train.epochs: 3
  modal_width: 8
grid:
  dataset: [toy, other]
  seed_ratio: [0.2, 0.5]
  seed: {count: 2, start: 7}
  set:
    - {when: {dataset: other}, override: {fusion.rank: 3}}
  exclude:
    - {dataset: other, seed_ratio: 0.5}
variants:
  - {id: whole, label: The method, full: true}
  - {id: sum, label: w/o Low-rank_50%, group: fusion, override: {fusion: sum}}
  - {id: blind, label: w/o Visual, group: modalities, override: {modalities: [attribute, relation]}}
published_only:
  - {id: rival, label: A rival}
reference:
  - {variant: whole, dataset: toy, seed_ratio: 0.2, values: {hits_at_1: 0.6, mrr: 0.7}}
  - {variant: sum, dataset: toy, seed_ratio: 0.2, values: {hits_at_1: 0.5, mrr: 0.65}, note: rounded by hand}
  - {variant: rival, dataset: toy, seed_ratio: 0.2, values: {hits_at_1: 0.4}}
metrics: [hits_at_1, mrr]
notes:
  - Nobody published this.
"""


@pytest.fixture
def text() -> str:
    return SMALL


@pytest.fixture
def small(tmp_path: Path) -> Suite:
    (tmp_path / "small.yaml").write_text(SMALL)
    return suites.read(str(tmp_path / "small.yaml"))


@pytest.fixture
def graphs() -> AlignedGraphs:
    return toy.aligned()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "runs")


@pytest.fixture
def outcome() -> Callable[..., Outcome]:
    """Make an outcome with a test ``hits_at_1`` for `valid`, .05 more for `best_test`, .05 less for `last`."""

    def make(hits: float, epoch: int = 2, valid: bool = True) -> Outcome:
        def chosen(number: float, at: int) -> Chosen:
            metrics = {"test/l2r/hits_at_1": number, "test/l2r/mrr": number + 0.1}
            metrics |= {"test/r2l/hits_at_1": 2 * number, "test/r2l/mrr": number + 0.2}
            metrics |= {"test/mean/hits_at_1": 1.5 * number, "test/mean/mrr": number + 0.1}
            return Chosen(at, metrics, {"l2r/realistic": np.array([1.0, 2.5, at])})

        history = [{"epoch": 1.0, "loss": 2.0}, {"epoch": 2.0, "loss": 1.0, "test/l2r/mrr": hits}]
        selections = {"best_test": chosen(hits + 0.05, epoch), "last": chosen(hits - 0.05, 3)}
        selections |= {"valid": chosen(hits, epoch)} if valid else {}
        return Outcome(history, selections, {"w": torch.arange(3.0)}, "finished", 6.0, 1024)

    return make


#: What keeps it from asking the network, a screen or other programs of the machine for anything.
ALONE = "headless no-sandbox disable-gpu disable-quic disable-dev-shm-usage no-first-run disable-background-networking"
ALONE += " disable-component-update disable-sync disable-extensions hide-scrollbars force-color-profile=srgb"


@pytest.fixture
def browse(tmp_path: Path) -> Callable[..., str]:
    """Return a real browser, where Chromium is installed: it opens a page and tells what it prints."""
    found = shutil.which("chromium") or shutil.which("google-chrome")
    if found is None:
        pytest.skip("no Chromium here")

    def opened(page: Path, *options: str) -> str:
        # Chromium at times never answers (seen twice on a loaded machine): a page is not judged by that.
        for number in range(3):
            profile = tmp_path / f"profile-{number}"
            words = [f"--{word}" for word in (*ALONE.split(), f"user-data-dir={profile}", *options)]
            command = [found, *words, "--virtual-time-budget=10000", page.as_uri()]
            with subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, encoding="utf-8", start_new_session=True
            ) as browser:
                try:
                    told, _ = browser.communicate(timeout=60)
                except subprocess.TimeoutExpired:
                    os.killpg(browser.pid, signal.SIGKILL)
                    continue
            assert browser.returncode == 0
            return told
        return pytest.skip("Chromium did not answer, three times")

    return opened
