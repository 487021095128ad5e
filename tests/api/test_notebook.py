"""What a notebook calls; what it calls twice is not run twice."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from torch_geometric.data import Data, HeteroData

import kgprism
from kgprism.platform import notebook
from kgprism.platform.errors import ConfigurationError, DataError, RunError
from kgprism.platform.studies.store.varying import varying
from kgprism.platform.studies.suites import suite as suites

SUITE = """\
schema: 1
suite: small
title: A small suite
method: loginmea
base: {train.epochs: 1, modal_width: 8}
grid:
  dataset: [toy]
  seed_ratio: [0.2]
  seed: {count: 2, start: 7}
variants:
  - {id: whole, full: true}
  - {id: sum, override: {fusion: sum}}
published_only:
  - {id: rival}
reference:
  - {variant: whole, dataset: toy, seed_ratio: 0.2, values: {hits_at_1: 0.6, mrr: 0.7}}
  - {variant: rival, dataset: toy, seed_ratio: 0.2, values: {mrr: 0.4}}
metrics: [hits_at_1, mrr]
"""


@dataclass
class Named:
    """What of a record tells its settings."""

    id: str
    configuration: dict[str, int]
    method: str = "x"


SHORT = {"train.epochs": 1, "modal_width": 8, "data.seed_ratio": 0.2}


@pytest.fixture
def suite(tmp_path: Path) -> str:
    (tmp_path / "small.yaml").write_text(SUITE)
    return str(tmp_path / "small.yaml")


@pytest.fixture
def no_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **options: object) -> None:
        raise OSError("no Ray here")

    monkeypatch.setattr("ray.init", refuse)


def test_train_keeps_a_run_and_reads_it_the_second_time(no_ray: None) -> None:
    rows: list[dict[str, float]] = []

    def listen(row: dict[str, float]) -> bool:
        rows.append(row)
        return False

    record = kgprism.train("loginmea", "toy", seed=3, overrides=SHORT | {"train.epochs": 2}, listener=listen)
    assert [row["epoch"] for row in rows] == [1, 2]
    assert (record.method, record.dataset, record.seed, record.configuration["train.epochs"]) == (
        *("loginmea", "toy", 3),
        2,
    )
    again = kgprism.train("loginmea", "toy", seed=3, overrides=SHORT | {"train.epochs": 2}, listener=listen)
    assert (again, len(rows)) == (record, 2)


def test_train_takes_a_dataset_as_well_as_its_name(no_ray: None) -> None:
    short = {"train.epochs": 1, "scoring.dim": 8}
    record = kgprism.train("kge", kgprism.load_dataset("toy-completion"), preset="code", overrides=short)
    assert kgprism.train("kge", "toy-completion", preset="code", overrides=short) == record


def test_train_takes_what_is_laid_out_as_heterodata(no_ray: None) -> None:
    short = {"train.epochs": 1, "scoring.dim": 8}
    record = kgprism.train("kge", kgprism.to_pyg("toy-completion"), overrides=short)
    assert record == kgprism.train("kge", "toy-completion", overrides=short)
    with pytest.raises(ConfigurationError, match=r"^kge is a method of completion, but toy is data for alignment$"):
        kgprism.tune("kge", kgprism.to_pyg("toy"))
    with pytest.raises(DataError, match=r"^HeteroData has no data\['entity'\] [^\n]*$"):
        kgprism.train("kge", HeteroData())


@pytest.mark.parametrize("other", [Data(), None, 3], ids=["Data", "nothing", "number"])
def test_what_is_no_dataset_is_refused_in_one_line(other: Any) -> None:
    got = f"got {type(other).__name__}$"
    for call in (kgprism.train, kgprism.tune):
        with pytest.raises(DataError, match=f"^dataset: expected a name, [^\\n]*HeteroData, {got}"):
            call("kge", other)
    with pytest.raises(DataError, match=f"^expected a dataset's name, [^\\n]*, {got}"):
        kgprism.load_dataset(other)


def test_a_suite_is_about_data_by_its_name() -> None:
    with pytest.raises(DataError, match=r"^datasets: expected names, [^\n]*$"):
        kgprism.ablate("demo", kgprism.load_dataset("toy"))  # type: ignore[arg-type]


def test_errors_are_one_line_and_name_the_nearest(suite: str) -> None:
    for call, words in {
        lambda: kgprism.train(
            "loginmea", "toy", overrides={"train.epoch": 1}
        ): r"overrides: unknown key 'train.epoch' .*",
        lambda: kgprism.tune(
            "loginmea", "toy", overrides={"train.epoch": 1}
        ): r"overrides: unknown key 'train.epoch' .*",
        lambda: kgprism.table("loginmea_table33"): r".*did you mean 'loginmea_table3'\?.*",
        lambda: kgprism.table(suite, select="best"): r"select: unknown word 'best' \(did you mean 'best_test'\?\)",
        lambda: kgprism.table(
            suite, direction="head"
        ): r"direction 'head': .* is about alignment, which has l2r, r2l, mean",
        lambda: kgprism.table(suite, protocol="fair"): r"protocol: unknown word 'fair' .*",
        lambda: kgprism.table("mine"): "unknown suite 'mine': expected one that is shipped, or the path of a YAML file",
        lambda: kgprism.ablate(
            suite, overrides={"train.epoch": 1}
        ): r"overrides: unknown key 'train.epoch' \(did you mean 'train.epochs'\?\)",
        lambda: kgprism.ablate(
            suite, overrides={"data.seed_ratio": 1}
        ): r"overrides: data.seed_ratio is an axis of the suite small, it cannot be set",
        lambda: kgprism.ablate(suite, overrides={"train.epochs": 0}): r"overrides: train.epochs: .*, got 0",
        lambda: kgprism.ablate(suite, select="best"): r"select: unknown word 'best' .*",
        lambda: kgprism.ablate(suite, variants=["som"]): r".*no variant 'som' \(did you mean 'sum'\?\)",
        lambda: kgprism.runs("best"): r"select: unknown word 'best' .*",
    }.items():
        with pytest.raises(ConfigurationError, match=f"^{words}$"):
            call()
    with pytest.raises(DataError, match=r"unknown dataset 'tou' \(did you mean 'toy'\?\)"):
        kgprism.load_dataset("tou")


def test_without_ray_what_needs_it_says_so(no_ray: None, suite: str) -> None:
    with pytest.raises(RunError, match=r"^Ray does not start: no Ray here; .*`kgprism doctor`[^\n]*$"):
        kgprism.ablate(suite)


def test_a_table_that_was_never_run_holds_what_is_published() -> None:
    frame = kgprism.table("loginmea_table3")
    asked = suites.read("loginmea_table3")
    keys = ["variant", "dataset", "seed_ratio", "metric"]
    published = {
        (row.variant, row.dataset, row.seed_ratio, metric): value
        for row in asked.reference
        for metric, value in row.values.items()
    }
    assert frame.set_index(keys)["published"].dropna().to_dict() == {
        key: value for key, value in published.items() if key[3] in asked.metrics
    }
    assert frame["measured"].isna().all()
    assert frame["measured"].dtype == float
    assert (frame["seeds"] == 0).all()
    assert frame.attrs["title"] == asked.title


def test_an_ablation_of_finished_runs_is_their_table(no_ray: None, suite: str) -> None:
    """What `train` has finished are the suite's own runs: the same settings on the same data."""
    done = {
        (variant, seed): kgprism.train("loginmea", "toy", seed=seed, overrides=SHORT | override)
        for variant, override in {"whole": {}, "sum": {"fusion": "sum"}}.items()
        for seed in (7, 8)
    }
    frame = kgprism.ablate(suite, "toy", seeds=2, select="last")
    pd.testing.assert_frame_equal(frame, kgprism.table(suite, select="last"))
    lines = frame.set_index(["variant", "metric"])
    assert list(lines.index) == [(v, m) for v in ("rival", "whole", "sum") for m in ("hits_at_1", "mrr")]
    for variant in ("whole", "sum"):
        values = [done[variant, seed].metric("last", "test/l2r/mrr") for seed in (7, 8)]
        line = lines.loc[variant, "mrr"]
        assert line["measured"] == pytest.approx(sum(values) / 2, abs=1e-12)
        assert line["std"] == pytest.approx(abs(values[0] - values[1]) / math.sqrt(2), abs=1e-12)
        assert (line["seeds"], line["missing"]) == (2, 0)
        assert line["runs"] == tuple(done[variant, seed].id for seed in (7, 8))
    assert lines.loc["whole", "mrr"]["published"] == 0.7
    assert math.isnan(lines.loc["rival", "mrr"]["measured"])
    command = f"Command: kgprism.ablate({suite!r}, datasets=['toy'], seeds=2)"
    assert command in frame.attrs["notes"]
    other = kgprism.table(suite, select="last", direction="r2l").set_index(["variant", "metric"])
    assert other.loc["sum", "mrr"]["measured"] != lines.loc["sum", "mrr"]["measured"]
    # As the command line: what a suite states of its paper stands beside what is honest, which differences are.
    Path(suite).write_text(SUITE + "protocol: {select: best_test}\n", encoding="utf-8")
    both, honest = (kgprism.table(suite, protocol=word).set_index(["variant", "metric"]) for word in (None, "honest"))
    pd.testing.assert_series_equal(both["delta"], honest["delta"])
    assert both.attrs["direction"] == "mean"


def test_runs_are_the_store_as_a_frame(no_ray: None) -> None:
    assert kgprism.runs(keys=["train.epochs"]).empty
    one = kgprism.train("loginmea", "toy", overrides=SHORT)
    two = kgprism.train("kge", "toy-completion", overrides={"train.epochs": 1, "scoring.dim": 8})
    frame = kgprism.runs("last", keys=["modal_width"])
    assert set(frame.index) == {one.id, two.id}
    assert frame.loc[one.id, "test/l2r/mrr"] == one.metric("last", "test/l2r/mrr")
    assert frame.loc[two.id, "test/tail/mrr"] == two.metric("last", "test/tail/mrr")
    assert frame.loc[one.id, "modal_width"] == 8
    assert math.isnan(frame.loc[two.id, "modal_width"])
    assert (frame["epoch"] == 1).all()
    assert repr(one).startswith(f"Record({one.id}: loginmea on toy, seed 0; valid: epoch 1, test/l2r/mrr 0.")
    assert ": epoch 1, test/mean/mrr 0." in repr(two)


def test_runs_show_the_settings_in_which_they_differ(no_ray: None) -> None:
    one = kgprism.train("loginmea", "toy", overrides=SHORT)
    two = kgprism.train("kge", "toy-completion", overrides={"train.epochs": 1, "scoring.dim": 8})
    assert not set(kgprism.runs()) & {*one.configuration, *two.configuration}
    kgprism.train("loginmea", "toy", overrides=SHORT | {"modal_width": 6})
    kgprism.train("loginmea", "toy", overrides=SHORT | {"modal_width": 4, "train.learning_rate": 0.1})
    frame = kgprism.runs()
    assert [key for key in frame if key in one.configuration] == ["modal_width", "train.learning_rate"]
    assert frame.loc[one.id, "modal_width"] == 8
    assert math.isnan(frame.loc[two.id, "modal_width"])
    assert "train.seconds" not in frame
    assert list(kgprism.runs(keys="train.learning_rate").filter(like="train.")) == ["train.learning_rate"]
    assert not list(kgprism.runs(keys=[]).filter(like="train."))
    with pytest.raises(ConfigurationError, match=r"^keys: no run has 'train.epoch' \(did you mean 'train.epochs'\?\)$"):
        kgprism.runs(keys=["train.epoch"])


def test_no_more_settings_are_shown_than_can_be_read() -> None:
    made = [Named(f"{n}", {f"key{k:02}": n * (k > 3) for k in range(30)} | {"all": n}) for n in range(2)]
    made.append(Named("2", {"all": 2}))
    assert varying(made)[: notebook._MOST] == ["all", *(f"key{k:02}" for k in range(4, 15))]  # type: ignore[arg-type]


@pytest.mark.ray
def test_a_search_and_an_ablation_in_a_session_that_is_there(cluster: None, suite: str) -> None:
    import ray

    frame = kgprism.ablate(suite, seeds=1)
    assert frame[frame["variant"] != "rival"]["seeds"].tolist() == [1] * 4
    assert not frame["failures"].any()
    found = kgprism.tune("loginmea", "toy", trials=1, overrides={"train.epochs": 1, "eval.valid_ratio": 0.4})
    assert len(found.trials) == 1
    assert found.best is not None
    assert found.best.id in kgprism.runs().index
    assert ray.is_initialized()


@pytest.mark.ray
def test_two_workers_train_a_run(cluster: None) -> None:
    record = kgprism.train("loginmea", "toy", overrides=SHORT, workers=2)
    assert record.metric("last", "test/l2r/mrr") is not None
