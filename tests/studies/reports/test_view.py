"""What every form of a table shows: panels, blocks, and the places of the best."""

from dataclasses import replace

import pytest

from kgprism.platform.studies.reports.entries import Column, Entry, Row, Table
from kgprism.platform.studies.reports.view import Shown, view

NAN = float("nan")


def entry(*values: float, published: float | None = None, delta: float | None = None) -> Entry:
    count = len(values)
    seeds, runs = tuple(range(count)), tuple(f"run{n}" for n in range(count))
    return Entry(published, None, values, seeds, (5,) * count, runs, 0, (), delta, count, "")


def table(metric: str, *rows: tuple[str, Entry]) -> Table:
    made = tuple(
        Row(f"row{n}", f"Row {n}", group, n == 0, True, (one,), "row0" if n else "")
        for n, (group, one) in enumerate(rows)
    )
    return Table("small", "", {}, "valid", "l2r", False, 3, (Column("toy", 0.2, metric),), made, ())


def column(of: Table) -> list[Shown]:
    return [line.cells[0] for block in view(of).panels[0].blocks for line in block.lines]


@pytest.mark.parametrize(
    ("metric", "values", "places"),
    [
        ("mrr", [0.5, 0.7, 0.6, 0.7], [0, 1, 2, 1]),
        ("mr", [5.0, 7.0, 6.0, 7.0], [1, 0, 2, 0]),
        ("mrr", [0.5, 0.5 + 1e-12, 0.4], [1, 1, 2]),
        ("mrr", [NAN, 0.5, 0.6, NAN], [0, 2, 1, 0]),
        ("mr", [12.0, NAN, 3.0], [2, 0, 1]),
    ],
)
def test_the_best_two_values_have_a_place(metric: str, values: list[float], places: list[int]) -> None:
    assert [cell.place for cell in column(table(metric, *(("", entry(value)) for value in values)))] == places
    published = (("", entry(published=value)) for value in values)
    assert [cell.published_place for cell in column(table(metric, *published))] == places


def test_a_value_that_is_not_there_has_no_place_and_no_words() -> None:
    first, second = column(table("mrr", ("", entry()), ("", entry(0.25, 0.75, delta=-0.1))))
    assert (first.place, first.mean, first.published, first.measured, first.delta) == (0, "", "", "—", "")
    assert (second.place, second.mean, second.std, second.delta, second.falls) == (1, ".500", ".354", "-.100", True)


def test_a_mean_rank_that_grows_is_a_loss() -> None:
    _, worse, better = column(table("mr", ("", entry(5.0)), ("", entry(7.0, delta=2.0)), ("", entry(4.0, delta=-1.0))))
    assert (worse.falls, better.falls) == (True, False)


def test_neighbours_of_one_group_are_a_block() -> None:
    groups = ["", "parts", "parts", "", "parts"]
    blocks = view(table("mrr", *((group, entry(0.5)) for group in groups))).blocks
    found = [(block.group, [line.row.id for line in block.lines]) for block in blocks]
    assert found == [("", ["row0"]), ("parts", ["row1", "row2"]), ("", ["row3"]), ("parts", ["row4"])]


def test_panels_stand_side_by_side_in_blocks() -> None:
    small = table("mrr", ("", entry(0.5)), ("", entry(0.6)))
    columns = (*small.columns, Column("other", None, "mrr"), Column("toy", 0.2, "mr"))
    rows = tuple(replace(row, entries=(entry(0.1), entry(0.2), entry(3.0))) for row in small.rows)
    seen = view(replace(small, columns=columns, rows=rows))
    assert [(panel.title, len(panel.columns)) for panel in seen.panels] == [("toy, 20 % seed pairs", 2), ("other", 1)]
    assert [cell.mean for cell in seen.panels[0].blocks[0].lines[1].cells] == [".100", "3.0"]
    assert [cell.mean for cell in seen.blocks[0].lines[1].cells] == [".100", "3.0", ".200"]
    assert [cell.opens for cell in seen.blocks[0].lines[1].cells] == [True, False, True]
    assert not seen.quoted


def test_a_table_without_a_title_is_headed_by_its_suite() -> None:
    assert view(table("mrr", ("", entry(published=0.5)))).heading == "small"
    assert view(table("mrr", ("", entry(published=0.5)))).quoted
