"""The axes of a suite: what stands twice or is no seed is refused where it stands; settings of a single row."""

from pathlib import Path

import pytest

from kgprism.platform.data.graph import AlignedGraphs
from kgprism.platform.errors import ConfigurationError
from kgprism.platform.studies.suites import suite as suites
from kgprism.platform.studies.suites.cells import expand
from kgprism.platform.studies.suites.grid import Seeds
from kgprism.platform.studies.suites.suite import Suite

SEED = "{count: 2, start: 7}"
SET = "- {when: {dataset: other}, override: {fusion.rank: 3}}"


@pytest.mark.parametrize(
    ("good", "bad", "place", "message"),
    [
        ("[toy, other]", "[toy, other, toy]", "10:25", "grid.dataset: toy stands there twice"),
        ("[0.2, 0.5]", "[0.2, 0.5, 0.20]", "11:26", "grid.seed_ratio: 0.2 stands there twice"),
        ("[0.2, 0.5]", "[0.2, true]", "11:3", "seed_ratio: expected a number, got True"),
        (SEED, "[1, 2,\n    1]", "13:5", "grid.seed: 1 stands there twice"),
        (SEED, "{listed: [1, 1]}", "12:22", "grid.seed: 1 stands there twice"),
        ("metrics: [", "metrics: [mrr, mrr, ", "27:16", "metric 'mrr' is there twice"),
        (SEED, "[]", "12:3", "grid.seed: expected at least one seed"),
        (SEED, "{listed: []}", "12:3", "grid.seed: expected at least one seed"),
        (SEED, "[3, -1]", "12:13", "greater than or equal to 0, got -1"),
        (SEED, "[4294967296]", "12:10", "less than 4294967296, got 4294967296"),
        (SEED, "{count: 2, start: 4294967295}", "12:3", "expected seeds below 4294967296"),
        (SEED, "{count: 2, start: -1}", "12:20", "greater than or equal to 0"),
        (SEED, "{count: true}", "12:10", "count: expected a number, got True"),
        (SEED, "[true]", "12:3", "expected a number, got True"),
        (SEED, "{count: 3, listed: [1]}", "12:3", "expected a list of seeds, or count and start, not both"),
        ("{hits_at_1: 0.4}", "{hits_at_1: true}", "26:53", "values: expected a number, got True"),
        ("train.epochs: 3", "train.epochs: true", "7:3", "train.epochs: expected a number, got True"),
        ("title: A", "title: &a !!null\n#", "3:1", "title: Input should be a valid string"),
        ("{dataset: other}, ", "{variant: smu}, ", "14:15", "unknown variant 'smu' (did you mean 'sum'?)"),
        ("{dataset: other}, ", "{variant: sum}, method: mclea, ", "14:30", "method: a row has its own"),
        (SET, "- {when: {variant: sum}, override: {fusion.rank: 3}}", "14:41", "unknown key 'fusion.rank'"),
    ],
)
def test_a_mistake_is_told_with_line_and_column(
    text: str, tmp_path: Path, good: str, bad: str, place: str, message: str
) -> None:
    assert good in text
    file = tmp_path / "suite.yaml"
    file.write_text(text.replace(good, bad, 1))
    with pytest.raises(ConfigurationError) as caught:
        suites.read(str(file))
    assert str(caught.value).startswith(f"{file}:{place}: ")
    assert message in str(caught.value)


def test_no_seed_that_is_asked_for_is_too_large() -> None:
    assert Seeds(count=1, start=2**32 - 1).take() == [2**32 - 1]
    with pytest.raises(ConfigurationError, match=r"no seed is 4294967296 or more, but 2 from 4294967295 on"):
        Seeds(count=1, start=2**32 - 1).take(2)


@pytest.fixture
def one_row(text: str, tmp_path: Path) -> Suite:
    """`blind` has 16 channels, on the first ratio 4, and 2 where the grid's own rank is 3."""
    own = "\n    ".join(
        [
            "- {when: {variant: blind, seed_ratio: 0.2}, override: {modal_width: 4}}",
            "- {when: {variant: blind, dataset: other}, override: {fusion.rank: 2}}",
            SET,
        ]
    )
    row = "{modalities: [attribute, relation]}"
    text = text.replace(SET, own).replace(row, row[:-1] + ", modal_width: 16}")
    (tmp_path / "small.yaml").write_text(text)
    return suites.read(str(tmp_path / "small.yaml"))


def test_what_a_row_has_in_a_part_of_the_grid_lies_over_its_own(one_row: Suite) -> None:
    def settings(row: int, *place: object) -> tuple[object, ...]:
        merged: dict[str, object] = {}
        for layer in one_row.layers(one_row.variants[row], *place, extra={}):  # type: ignore[arg-type]
            merged |= layer
        return merged["modal_width"], merged.get("fusion.rank")

    assert [settings(2, *place) for place in one_row.grid.places()] == [(4, None), (16, None), (4, 2)]
    assert [settings(0, *place) for place in one_row.grid.places()] == [(8, None), (8, None), (8, 3)]


def test_what_is_set_wins_over_a_rows_number_everywhere(one_row: Suite, graphs: AlignedGraphs) -> None:
    cells = expand(one_row, {"toy": graphs}, variants=["blind"], seeds=1, overrides={"modal_width": 4})
    assert [cell.run.configuration["modal_width"] for cell in cells] == [4, 4]


def test_what_was_asked_of_older_suites_is_not_forgotten(small: Suite) -> None:
    (constant,) = small.grid.set
    assert constant.told() == {
        "when": {"dataset": "other", "seed_ratio": None},
        "method": "",
        "preset": None,
        "override": {"fusion.rank": 3},
    }
