"""The manifest of what was asked of a suite: it grows, never mixes settings, outlives the code."""

import json
from pathlib import Path
from typing import Any

import pytest

from kgprism.platform.data.graph import AlignedGraphs
from kgprism.platform.kept import SetAsideWarning
from kgprism.platform.studies.suites.asked import Asked, settings_told
from kgprism.platform.studies.suites.cells import expand
from kgprism.platform.studies.suites.manifest import SuiteManifest, load_manifest, save_manifest
from kgprism.platform.studies.suites.suite import Suite


def test_a_manifest_grows_but_never_mixes_settings(small: Suite, graphs: AlignedGraphs, tmp_path: Path) -> None:
    def ask(overrides: dict, command: str, **asked: object) -> SuiteManifest:
        cells = expand(small, {"toy": graphs}, overrides=overrides, **asked)
        return save_manifest(tmp_path / "study", small, cells, overrides=overrides, command=command)

    assert load_manifest(tmp_path / "study") is None
    first = ask({}, "one", seeds=1)
    grown = ask({}, "two", seeds=2, variants=["whole"])
    assert {cell.place for cell in grown.cells} > {cell.place for cell in first.cells}
    assert (len(grown.cells), grown.commands) == (8, ("one", "two"))
    assert load_manifest(tmp_path / "study") == grown
    other = ask({"train.epochs": 1}, "three", seeds=1)
    assert (len(other.cells), other.commands) == (6, ("three",))


def test_a_manifest_of_older_code_keeps_its_runs_until_it_is_asked_again(
    small: Suite, graphs: AlignedGraphs, tmp_path: Path
) -> None:
    cells = expand(small, {"toy": graphs}, seeds=1)
    save_manifest(tmp_path, small, cells)
    file = tmp_path / "study.json"
    plain = json.loads(file.read_text())
    plain["code"] = "older"
    for cell in plain["cells"]:
        cell["id"] = f"old-{cell['variant']}"
    file.write_text(json.dumps(plain))
    older = load_manifest(tmp_path)
    assert [cell.run.id for cell in older.cells] == [f"old-{cell.variant}" for cell in cells]
    again = save_manifest(tmp_path, small, cells[:1])
    assert [cell.run.id for cell in again.cells] == [cells[0].run.id]


def broken(plain: dict[str, Any]) -> list[str]:
    """Return texts that are no manifest, each wrong in another place."""
    (cell, *_), run = plain["cells"], plain["cells"][0]["run"]
    cells = [
        *({**cell, key: value} for key, value in (("seed", "7"), ("seed_ratio", "0.2"), ("run", 3), ("id", None))),
        {**cell, "run": {**run, "notes": "a note"}},
        {**cell, "run": {**run, "configuration": {}}},
        {**cell, "run": {**run, "configuration": {"train.epochs": "3"}}},
        {key: value for key, value in cell.items() if key != "variant"},
    ]
    changes = [{"cells": 3}, {"basis": None}, {"commands": "kgprism ablate"}, *({"cells": [one]} for one in cells)]
    return ["", "[]", "null", 100_000 * "[", *(json.dumps(plain | change) for change in changes)]


def test_a_damaged_manifest_is_set_aside_and_made_again(small: Suite, graphs: AlignedGraphs, own_home: Path) -> None:
    cells, asked = expand(small, {"toy": graphs}, seeds=1), Asked.of(small)
    whole = save_manifest(asked.folder, small, cells)
    file = asked.folder / "study.json"
    texts = broken(json.loads(file.read_text(encoding="utf-8")))
    for text in texts:
        file.write_text(text, encoding="utf-8")
        with pytest.warns(SetAsideWarning, match=r"study\.json: damaged"):
            assert load_manifest(asked.folder) is None
        file.write_text(text, encoding="utf-8")
        with pytest.warns(SetAsideWarning, match=r"study\.json: damaged"):
            assert save_manifest(asked.folder, small, cells) == whole
        assert load_manifest(asked.folder) == whole
    aside = asked.folder / ".damaged"
    assert {one.read_text(encoding="utf-8") for one in aside.iterdir()} == {*texts}
    file.unlink()
    file.mkdir()
    with pytest.warns(SetAsideWarning, match="Is a directory"):
        assert load_manifest(asked.folder) is None
    # What was set aside is no study of other settings.
    assert settings_told(asked.folder, None, "small") == []
