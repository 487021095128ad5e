"""Suites that take another: what is taken, what is changed, and in which file a mistake is told."""

from pathlib import Path

import pytest

from kgprism.platform.errors import ConfigurationError
from kgprism.platform.studies.suites import suite as suites
from kgprism.platform.studies.suites.reading.shelf import methods_of, outline
from kgprism.platform.studies.suites.suite import Suite


@pytest.fixture
def child(tmp_path: Path, text: str) -> Path:
    """A place for a suite beside ``small.yaml``."""
    (tmp_path / "small.yaml").write_text(text)
    return tmp_path / "child.yaml"


def read(child: Path, more: str = "", other: str = "small.yaml") -> Suite:
    child.write_text(f"schema: 1\nsuite: child\nextends: {other}\n{more}", encoding="utf-8")
    return suites.read(str(child))


def test_what_is_not_said_is_the_others(child: Path, small: Suite) -> None:
    assert read(child) == small.model_copy(update={"suite": "child"})


def test_keys_are_changed_one_by_one_and_lists_replaced(child: Path, small: Suite) -> None:
    suite = read(child, "base: {modal_width: 16}\nmetrics: [mrr]\nnotes: []\npaper: {table: Table 1}\n")
    assert suite.base == {"train.epochs": 3, "modal_width": 16}
    assert (suite.metrics, suite.notes, suite.paper.table, suite.paper.key) == (
        ("mrr",),
        (),
        "Table 1",
        small.paper.key,
    )
    assert suite.variants == small.variants


def test_rows_are_changed_by_their_names_and_dropped(child: Path, small: Suite) -> None:
    new = "{id: sum, label: mine}, {id: cat, override: {fusion: concat}}"
    suite = read(child, f"variants: [{new}]\npublished_only: [{{id: other}}]\ndrop: [blind, rival]\n")
    assert [row.id for row in suite.variants] == ["whole", "sum", "cat"]
    assert suite.variants[1] == small.variants[1].model_copy(update={"label": "mine"})
    assert [row.id for row in suite.published_only] == ["other"]
    assert {row.variant for row in suite.reference} == {"whole", "sum"}


def test_null_takes_back_what_a_row_says(child: Path, small: Suite) -> None:
    middle = "schema: 1\nsuite: middle\nextends: small.yaml\nvariants: [{id: blind, versus: sum, group: own}]\n"
    (child.parent / "middle.yaml").write_text(middle)
    suite = read(child, "variants: [{id: blind, versus: null, group: }, {id: sum, label: ~}]", "middle.yaml")
    rows = {row.id: row for row in suite.variants}
    assert (rows["blind"].versus, rows["blind"].group, rows["sum"].label) == ("", "", "")
    assert suite.base_of("blind") == small.base_of("blind")


def test_what_is_said_of_parts_that_are_no_more_is_forgotten(child: Path, small: Suite) -> None:
    fewer = read(child, "grid: {dataset: [toy], seed: [4]}")
    assert (fewer.grid.dataset, fewer.grid.seed_ratio, fewer.grid.seed.take()) == (("toy",), (0.2, 0.5), [4])
    assert (fewer.grid.set, fewer.grid.exclude, fewer.reference) == ((), (), small.reference)
    assert read(child, "grid: {seed_ratio: [0.5]}").reference == ()
    with pytest.raises(ConfigurationError, match=r"child.yaml:6:18: .*'other' is not in the grid"):
        read(child, "grid: {dataset: [toy]}\nreference:\n- {variant: sum, dataset: other, values: {mrr: 1}}")


def test_a_shipped_suite_is_taken_by_its_name_and_others_in_a_row(child: Path) -> None:
    (child.parent / "small.yaml").write_text("schema: 1\nsuite: middle\nextends: demo\nbase: {train.epochs: 5}\n")
    suite = read(child, "base: {modal_width: 8}")
    assert (suite.method, suite.preset, suite.grid.dataset) == ("loginmea", "code", ("toy",))
    assert suite.base == suites.read("demo").base | {"train.epochs": 5, "modal_width": 8}


def test_mistakes_are_told_in_the_file_that_has_them(child: Path, text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"child\.yaml:4:8: unknown key 'train.epoch'"):
        read(child, "base: {train.epoch: 3}")
    (child.parent / "small.yaml").write_text(text.replace("modal_width: 8", "modal_width: 0"))
    with pytest.raises(ConfigurationError, match=r"small\.yaml:8:3: modal_width: .*, got 0"):
        read(child, "base: {train.epochs: 3}")


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ("small.yml", r"child\.yaml:3:1: extends: .*small\.yml: cannot be read: No such file"),
        ("dmo", r"child\.yaml:3:1: extends: unknown suite 'dmo' \(did you mean 'demo'\?\)"),
        ("child.yaml", r"child\.yaml:3:1: extends: .*in a circle: child.yaml -> child.yaml$"),
        ("loop.yaml", r"loop\.yaml:1:1: extends: .*in a circle: child.yaml -> loop.yaml -> child.yaml$"),
        ("[small]", r"child\.yaml:3:1: extends: expected a suite's name"),
        ("bad.yaml", r"child\.yaml:3:1: extends: \S+bad\.yaml:1:5: not YAML"),
    ],
)
def test_what_cannot_be_taken_is_named(child: Path, other: str, message: str) -> None:
    (child.parent / "loop.yaml").write_text("extends: child.yaml")
    (child.parent / "bad.yaml").write_text("a: [")
    with pytest.raises(ConfigurationError, match=message) as caught:
        read(child, other=other)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("missing", ["schema", "suite"])
def test_form_and_name_are_a_suites_own(child: Path, missing: str) -> None:
    child.write_text({"schema": "suite: x\n", "suite": "schema: 1\n"}[missing] + "extends: demo\n", encoding="utf-8")
    with pytest.raises(ConfigurationError, match=f"'{missing}' is missing"):
        suites.read(str(child))


def test_an_outline_has_what_is_taken(child: Path) -> None:
    read(child, "variants: [{id: rival-row, method: mclea}]")
    about = outline(child)
    assert methods_of(about) == ["loginmea", "mclea"]
    assert [row["id"] for row in about["variants"]] == ["whole", "sum", "blind", "rival-row"]


@pytest.mark.parametrize("rows", ["[3]", "[{label: x}]", "[{id: 3}]", "[{id: whole}, {id: whole}]", "3"])
def test_rows_that_are_none_are_told_where_they_stand(child: Path, text: str, rows: str) -> None:
    (child.parent / "small.yaml").write_text(text.replace("variants:\n", "variants:\n  - 3\n  - {label: x}\n"))
    with pytest.raises(ConfigurationError, match=r"^\S+\.yaml:\d+:\d+: variants?\b"):
        read(child, f"variants: {rows}")
