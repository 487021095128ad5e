"""Which panels of a table are shown."""

import pytest

from kgprism.platform.errors import ConfigurationError
from kgprism.platform.studies.reports.entries import Table
from kgprism.platform.studies.reports.panels import only
from kgprism.platform.studies.reports.table import tabulate
from kgprism.platform.studies.store.runs import Store
from kgprism.platform.studies.suites.suite import Suite


@pytest.fixture
def table(small: Suite, store: Store) -> Table:
    return tabulate(small, [], store)


@pytest.mark.parametrize(
    ("words", "places"),
    [
        (None, [("toy", 0.2), ("toy", 0.5), ("other", 0.2)]),
        (["toy"], [("toy", 0.2), ("toy", 0.5)]),
        (["other@0.2", "toy@0.5"], [("other", 0.2), ("toy", 0.5)]),
        (["toy@0.5", "toy"], [("toy", 0.5), ("toy", 0.2)]),
    ],
)
def test_panels_are_chosen_by_dataset_or_by_ratio_too(
    table: Table, words: list[str] | None, places: list[tuple[str, float]]
) -> None:
    found = only(table, words)
    assert [column.place for column in found.columns[::2]] == places
    whole = next(row for row in found.rows if row.id == "whole")
    published = {c.place: e.published for c, e in zip(found.columns[::2], whole.entries[::2], strict=True)}
    assert all(value == (0.6 if place == ("toy", 0.2) else None) for place, value in published.items())


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("toi", "--panels: small has no panel 'toi' (did you mean 'toy'?)"),
        ("toy@0.6", "'toy@0.6' (did you mean 'toy@0.5'?)"),
        ("x", "'x' (known: other, other@0.2, toy, toy@0.2, toy@0.5)"),
    ],
)
def test_a_panel_that_is_not_there_is_named(table: Table, word: str, told: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        only(table, ["toy", word])
    assert told in str(caught.value)
