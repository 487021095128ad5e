"""Tables: published, measured, paired differences, and what is told under them."""

import json
from collections.abc import Callable
from dataclasses import replace
from itertools import chain
from math import sqrt
from typing import get_args

import pytest

from kgprism.platform.data.graph import AlignedGraphs
from kgprism.platform.errors import ConfigurationError
from kgprism.platform.settings import DIRECTIONS, SELECTIONS
from kgprism.platform.studies.reports import notes
from kgprism.platform.studies.reports.entries import Direction, Entry, Table
from kgprism.platform.studies.reports.table import tabulate
from kgprism.platform.studies.store.runs import Store
from kgprism.platform.studies.suites.cells import Cell, expand
from kgprism.platform.studies.suites.suite import Suite
from kgprism.platform.training.outcome import Outcome

Write = Callable[..., None]


@pytest.fixture
def cells(small: Suite, graphs: AlignedGraphs) -> list[Cell]:
    """Three seeds of every variant on one dataset at two ratios."""
    return expand(small, {"toy": graphs}, seeds=3)


@pytest.fixture
def write(cells: list[Cell], store: Store, outcome: Callable[..., Outcome]) -> Write:
    def one(variant: str, seed: int, hits: float, **options: object) -> None:
        cell = next(c for c in cells if (c.variant, c.seed_ratio, c.seed) == (variant, 0.2, seed))
        store.write(cell.run, outcome(hits, **options))

    return one


def entry(table: Table, variant: str, metric: str = "hits_at_1", ratio: float = 0.2) -> Entry:
    row = next(row for row in table.rows if row.id == variant)
    return next(
        e for c, e in zip(table.columns, row.entries, strict=True) if (c.metric, c.seed_ratio) == (metric, ratio)
    )


def test_rows_keep_the_files_order_and_columns_are_what_was_asked(
    small: Suite, cells: list[Cell], store: Store
) -> None:
    table = tabulate(small, cells, store)
    assert [row.id for row in table.rows] == ["rival", "whole", "sum", "blind"]
    assert [row.full for row in table.rows] == [False, True, False, False]
    places = [(column.dataset, column.seed_ratio, column.metric) for column in table.columns]
    assert places == [("toy", ratio, metric) for ratio in (0.2, 0.5) for metric in ("hits_at_1", "mrr")]


def test_means_deviations_and_paired_differences(small: Suite, cells: list[Cell], store: Store, write: Write) -> None:
    for seed, hits in ((7, 0.5), (8, 0.7), (9, 0.6)):
        write("whole", seed, hits)
    for seed, hits in ((8, 0.4), (9, 0.5)):
        write("sum", seed, hits)
    table = tabulate(small, cells, store)
    whole, summed = entry(table, "whole"), entry(table, "sum")
    assert (whole.mean, whole.std) == (pytest.approx(0.6), pytest.approx(0.1))
    assert (whole.delta, whole.missing, whole.seeds) == (None, 0, (7, 8, 9))
    # Seeds 8 and 9 are paired: (0.4 - 0.7 + 0.5 - 0.6) / 2, not 0.45 - 0.6.
    assert (summed.delta, summed.pairs) == (pytest.approx(-0.2), 2)
    assert (summed.mean, summed.std) == (pytest.approx(0.45), pytest.approx(0.1 / sqrt(2)))
    assert (summed.missing, summed.seeds) == (1, (8, 9))
    assert entry(table, "blind").mean is None
    assert entry(table, "blind").missing == 3


def test_one_run_has_no_deviation(small: Suite, cells: list[Cell], store: Store, write: Write) -> None:
    write("whole", 7, 0.5)
    found = entry(tabulate(small, cells, store), "whole")
    assert (found.mean, found.std) == (pytest.approx(0.5), None)


def test_published_numbers_stand_apart(small: Suite, cells: list[Cell], store: Store) -> None:
    table = tabulate(small, cells, store)
    assert (entry(table, "whole").published, entry(table, "whole").published_delta) == (0.6, None)
    assert entry(table, "sum").published_delta == pytest.approx(-0.1)
    assert (entry(table, "rival").published, entry(table, "rival").mean) == (0.4, None)
    assert entry(table, "rival", "mrr").published is None
    assert entry(table, "whole", ratio=0.5).published is None


@pytest.mark.parametrize(("select", "hits", "epoch"), [("valid", 0.5, 2), ("best_test", 0.55, 2), ("last", 0.45, 3)])
def test_the_selection_says_which_epoch_counts(
    small: Suite, cells: list[Cell], store: Store, write: Write, select: str, hits: float, epoch: int
) -> None:
    write("whole", 7, 0.5)
    table = tabulate(small, cells, store, select=select)
    assert entry(table, "whole").mean == pytest.approx(hits)
    assert entry(table, "whole").epochs == (epoch,)
    assert any(f"select={select}" in note and f"chosen: {epoch};" in note for note in table.notes)


@pytest.mark.parametrize(("direction", "hits"), [("l2r", 0.5), ("r2l", 1.0), ("mean", 0.75)])
def test_the_direction_says_whose_queries_count(
    small: Suite, cells: list[Cell], store: Store, write: Write, direction: str, hits: float
) -> None:
    write("whole", 7, 0.5)
    assert entry(tabulate(small, cells, store, direction=direction), "whole").mean == pytest.approx(hits)


def test_a_direction_of_another_task_is_refused(small: Suite, cells: list[Cell], store: Store) -> None:
    with pytest.raises(ConfigurationError, match="small is about alignment, which has l2r, r2l, mean"):
        tabulate(small, cells, store, direction="head")


def test_the_words_of_notes_and_types_are_those_of_the_settings() -> None:
    assert set(notes.DIRECTION_WORDS) == set(get_args(Direction)) == set(chain(*DIRECTIONS.values()))
    assert set(notes.SELECTION_WORDS) == set(SELECTIONS)


def test_a_selection_that_no_run_made_is_told(small: Suite, cells: list[Cell], store: Store, write: Write) -> None:
    write("whole", 7, 0.5, valid=False)
    table = tabulate(small, cells, store)
    assert entry(table, "whole").mean is None
    assert any(note.startswith("1 finished runs have no selection 'valid'") for note in table.notes)


def test_the_epochs_told_are_those_that_ran(
    small: Suite, cells: list[Cell], store: Store, outcome: Callable[..., Outcome]
) -> None:
    def told() -> str:
        return next(note for note in tabulate(small, cells, store).notes if note.startswith("Measured"))

    assert "; epochs asked for: 3; " in told()
    ended = outcome(0.5)
    store.write(cells[0].run, ended)
    assert "; epochs trained: 3; " in told()
    early = replace(ended, selections=ended.selections | {"last": replace(ended.selections["last"], epoch=2)})
    store.write(cells[1].run, replace(early, stopped="patience"))
    assert "; epochs trained: 2 to 3 of 3; " in told()


def test_failures_and_what_is_missing_are_told(small: Suite, cells: list[Cell], store: Store) -> None:
    cell = next(c for c in cells if (c.variant, c.seed_ratio, c.seed) == ("sum", 0.2, 8))
    store.fail(cell.run.id, "loss 'alignment' is nan in epoch 3")
    table = tabulate(small, cells, store)
    assert entry(table, "sum").failures == ("loss 'alignment' is nan in epoch 3",)
    line = "Failed: w/o Low-rank_50% on toy, 20 % seed pairs, seed 8: loss 'alignment' is nan in epoch 3"
    assert line in table.notes
    assert "No result yet (—): 18 of 18 runs." in table.notes


def test_a_variant_that_the_data_make_the_full_method_is_told(
    small: Suite, graphs: AlignedGraphs, store: Store, outcome: Callable[..., Outcome]
) -> None:
    bare = replace(graphs, left=replace(graphs.left, features={}), right=replace(graphs.right, features={}))
    cells = expand(small, {"toy": bare}, seeds=1)
    store.write(next(c for c in cells if (c.variant, c.seed_ratio) == ("whole", 0.2)).run, outcome(0.5))
    table = tabulate(small, cells, store)
    assert entry(table, "blind").same_as == "The method"
    assert (entry(table, "blind").mean, entry(table, "blind").delta) == (pytest.approx(0.5), 0)
    assert entry(table, "sum").same_as == entry(table, "whole").same_as == ""
    assert "= w/o Visual on toy, 20 % seed pairs: same run as The method." in table.notes
    assert any("no image features" in note for note in table.notes)


def test_notes_of_the_file_and_the_commands_are_kept(small: Suite, cells: list[Cell], store: Store) -> None:
    notes = tabulate(small, cells, store, commands=["kgprism ablate small"]).notes
    assert "Nobody published this." in notes
    assert "Command: kgprism ablate small" in notes
    assert "sum, toy, 20 % seed pairs: rounded by hand" in notes
    assert "Published: Somebody & others Table 9 https://example.org/paper." in notes


def test_a_table_of_nothing_has_all_columns(small: Suite, store: Store) -> None:
    table = tabulate(small, [], store)
    assert {(c.dataset, c.seed_ratio) for c in table.columns} == {("toy", 0.2), ("toy", 0.5), ("other", 0.2)}
    assert entry(table, "whole").published == 0.6


def test_plain_values_are_json(small: Suite, cells: list[Cell], store: Store, write: Write) -> None:
    write("whole", 7, 0.5)
    plain = json.loads(json.dumps(tabulate(small, cells, store).plain()))
    assert plain["rows"][1]["entries"][0]["mean"] == pytest.approx(0.5)
