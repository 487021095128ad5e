"""What is set on the command line against what a row sets: who wins, and who is left alone and named."""

from pathlib import Path

import pytest

from kgprism.platform import configuration
from kgprism.platform.data.catalogue import toy
from kgprism.platform.errors import ConfigurationError
from kgprism.platform.method import load
from kgprism.platform.studies.reports.table import asked_table
from kgprism.platform.studies.store.runs import Store
from kgprism.platform.studies.suites import suite as suites
from kgprism.platform.studies.suites.cells import expand, left_alone
from kgprism.platform.studies.suites.manifest import save_manifest
from kgprism.platform.studies.suites.suite import Suite

ROWS = """
  - {id: short, label: Short, override: {train.epochs: 2, weighting: none}}
  - {id: half, label: Half, override: {train.epochs: {times: 0.5}, loss: icl}}
  - {id: rank-2, label: Rank 2, override: {fusion.rank: 2}}
  - {id: rank-4, label: Rank 4, override: {fusion.rank: 4}}
  - {id: alone, label: Alone, override: {pseudo_pairs: none, train.batch_size: 64}}
  - {id: tuned, label: Tuned, override: {pseudo_pairs: probation, pseudo_pairs.start: 9}}
"""


@pytest.fixture
def suite(text: str, tmp_path: Path) -> Suite:
    file = tmp_path / "suite.yaml"
    file.write_text(text.replace("\npublished_only:", ROWS.rstrip() + "\npublished_only:"))
    return suites.read(str(file))


def asked(suite: Suite, extra: dict) -> tuple[dict[str, dict], list[str]]:
    """Return the configuration of every row, and the lines that name rows left alone."""
    cells = [cell for cell in expand(suite, {"toy": toy.aligned()}, seeds=1, overrides=extra) if cell.seed_ratio == 0.2]
    return {cell.variant: dict(cell.run.configuration) for cell in cells}, left_alone(suite, cells, extra)


def test_what_is_set_wins_over_a_rows_own_number(suite: Suite) -> None:
    rows, left = asked(suite, {"train.epochs": 40})
    assert {name for name, row in rows.items() if row["train.epochs"] == 40} == set(rows) - {"half"}
    assert rows["short"]["weighting.kind"] == "none"
    assert left == []


def test_a_schedule_that_is_told_relative_to_the_base_follows_what_is_set(suite: Suite) -> None:
    # 3 epochs are the suite's base; a half of one epoch is one.
    assert [asked(suite, extra)[0]["half"]["train.epochs"] for extra in ({}, {"train.epochs": 40})] == [2, 20]
    assert asked(suite, {"train.epochs": 1})[0]["half"]["train.epochs"] == 1
    assert asked(suite, {"train.epochs": {"times": 2}})[0]["half"]["train.epochs"] == 3


def test_rows_that_would_become_one_are_left_alone_and_named(suite: Suite) -> None:
    rows, left = asked(suite, {"fusion.rank": 16})
    assert [rows[name]["fusion.rank"] for name in ("whole", "short", "rank-2", "rank-4")] == [16, 16, 2, 4]
    assert left == [
        "--set fusion.rank: left alone in sum: fusion=sum has no such setting",
        "--set fusion.rank: left alone in rank-2, rank-4: it would make equal rows of different ones",
    ]


def test_the_part_that_a_row_is_about_stays_its_own_and_is_named(small: Suite) -> None:
    rows, left = asked(small, {"fusion": "concat"})
    assert (rows["sum"]["fusion.kind"], rows["whole"]["fusion.kind"]) == ("sum", "concat")
    assert left == ["--set fusion: left alone in sum: the row is about this part"]


def test_a_setting_below_a_part_that_a_row_chooses_is_not_lost(suite: Suite) -> None:
    rows, left = asked(suite, {"pseudo_pairs.start": 5, "train": {"batch_size": 32}})
    assert rows["tuned"]["pseudo_pairs.start"] == 9  # 5 would make it the full method
    assert [rows[name]["train.batch_size"] for name in ("whole", "alone")] == [32, 32]
    assert left == [
        "--set pseudo_pairs.start: left alone in alone: pseudo_pairs=none has no such setting",
        "--set pseudo_pairs.start: left alone in tuned: it would make equal rows of different ones",
    ]


def test_rows_left_alone_stand_under_their_table(suite: Suite, tmp_path: Path) -> None:
    cells = expand(suite, {"toy": toy.aligned()}, seeds=1, overrides={"fusion.rank": 16})
    save_manifest(tmp_path / "asked", suite, cells, overrides={"fusion.rank": 16})
    notes = asked_table(suite, tmp_path / "asked", Store(tmp_path / "runs")).notes
    assert "--set fusion.rank: left alone in sum: fusion=sum has no such setting" in notes


def test_epochs_that_are_set_reach_every_row_of_the_baselines() -> None:
    suite = suites.read("eva_mclea_baselines")
    graphs = {"fb15k-db15k": toy.aligned()}
    cells = expand(suite, graphs, seeds=1, overrides={"train.epochs": 2})
    epochs = {cell.variant: cell.run.configuration["train.epochs"] for cell in cells}
    assert epochs == dict.fromkeys(epochs, 2) | {"eva-non-iterative": 1}
    unset = {cell.variant: cell.run.configuration["train.epochs"] for cell in expand(suite, graphs, seeds=1)}
    assert (unset["eva"], unset["eva-non-iterative"], unset["meaformer-non-iterative"]) == (1000, 500, 250)


@pytest.mark.parametrize("factor", ["half", True, -1, float("nan"), float("inf")])
def test_only_a_number_can_be_a_factor(factor: object) -> None:
    with pytest.raises(ConfigurationError, match=r"train\.epochs: times: expected a number from 0 on"):
        configuration.resolve(load("loginmea").Config, {"train.epochs": {"times": factor}})
