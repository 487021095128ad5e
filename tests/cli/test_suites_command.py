"""``kgprism suites`` and ``kgprism spaces``."""

import json
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from kgprism.platform.studies.search.spaces.space import Space, space_names
from kgprism.platform.studies.suites.reading import shelf
from kgprism.platform.studies.suites.suite import Suite, suite_names


def test_lists_name_everything_with_its_methods(kgprism) -> None:
    suites = {row["name"]: row for row in json.loads(kgprism("suites", "list", "--json").out)}
    assert list(suites) == suite_names()
    assert suites["demo"]["methods"] == ["loginmea"]
    assert (suites["demo"]["datasets"], suites["demo"]["rows"]) == (["toy"], 5)
    spaces = {row["name"]: row for row in json.loads(kgprism("spaces", "list", "--json").out)}
    assert list(spaces) == space_names()
    assert spaces["dhns"]["method"] == "dhns"
    assert " kge " in kgprism("spaces", "list").out


def test_a_file_that_cannot_be_read_is_left_out_in_one_line(
    kgprism, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "planted").mkdir()
    (tmp_path / "planted/odd.yaml").write_text("a: [", encoding="utf-8")
    (tmp_path / "planted/mine.yaml").write_text("space: mine\nmethod: kge\n", encoding="utf-8")
    points = [EntryPoint("x", "planted", "kgprism.search_spaces"), EntryPoint("y", "gone", "kgprism.search_spaces")]
    monkeypatch.setattr(shelf, "entry_points", lambda *, group: points)
    monkeypatch.syspath_prepend(tmp_path)
    called = kgprism("spaces", "list")
    assert called.code == 0
    odd, gone = called.err.splitlines()
    assert odd.startswith(f"left out: {tmp_path}/planted/odd.yaml:")
    assert gone.startswith("left out: gone: the entry point y = gone")
    assert any(line.split()[:2] == ["mine", "kge"] for line in called.out.splitlines())


def test_show_tells_the_grid_the_rows_and_what_each_changes(kgprism) -> None:
    lines = [" ".join(line.split()) for line in kgprism("suites", "show", "demo").out.splitlines()]
    suite = json.loads(kgprism("suites", "show", "demo", "--json").out)
    for row in suite["variants"]:
        changes = "".join(f" {key}={value}" for key, value in row["override"].items() if isinstance(value, str))
        assert any(line.startswith(row["id"]) and changes.strip() in line for line in lines), row
    assert "dataset toy" in lines
    assert Suite.model_validate(suite).method == "loginmea"


def test_show_tells_ranges_conditions_starts_and_the_search(kgprism) -> None:
    lines = [" ".join(line.split()) for line in kgprism("spaces", "show", "dhns").out.splitlines()]
    assert "regulariser.weight 1e-07 to 0.0001, log regulariser.kind=[cubed]" in lines
    assert "fusion.kind attention, none" in lines
    assert "search: sampler=tpe trials=60 startup=12 seed=0" in lines
    assert any(line.startswith("scoring=rotate scoring.dim=250") for line in lines)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("suites show demmo", "unknown suite 'demmo' (did you mean 'demo'?)"),
        ("spaces show loginmae", "unknown search space 'loginmae' (did you mean 'loginmea'?)"),
    ],
)
def test_an_unknown_name_is_one_line(kgprism, words: str, told: str) -> None:
    called = kgprism(*words.split())
    assert called.code == 2
    assert told in called.err


def test_schemas_are_the_readers_own(kgprism) -> None:
    assert json.loads(kgprism("suites", "schema").out) == Suite.model_json_schema()
    assert json.loads(kgprism("spaces", "schema").out) == Space.model_json_schema()
