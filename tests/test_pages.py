"""docs/suites.md and docs/spaces.md: every key of the reader with an example, and JSON Schema files that hold."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML

from kgprism.platform.part import Settings
from kgprism.platform.studies.search.spaces import space
from kgprism.platform.studies.search.spaces.space import Space
from kgprism.platform.studies.suites import suite
from kgprism.platform.studies.suites.reading.shelf import shelf
from kgprism.platform.studies.suites.suite import Suite

ROOT = Path(__file__).parents[1]
PAGES = {"suites": Suite, "spaces": Space}
READERS = {"suites": suite, "spaces": space}


def keys(node: dict[str, Any], known: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any], bool]]:
    """Yield dotted keys below a JSON Schema, with what may stand there and whether it must."""
    node = known[node["$ref"].rpartition("/")[2]] if "$ref" in node else node
    for one in [*node.get("anyOf", ()), *node.get("oneOf", ())]:
        yield from keys(one, known, path)
    for key, inner in node.get("properties", {}).items():
        yield path + key, inner, key in node.get("required", ())
        yield from keys(inner, known, f"{path}{key}.")
    if isinstance(node.get("items"), dict):
        yield from keys(node["items"], known, path)
    if isinstance(node.get("additionalProperties"), dict):
        yield from keys(node["additionalProperties"], known, f"{path}KEY.")


def validator(schema: type[Settings], node: dict[str, Any] | None = None) -> Draft202012Validator:
    whole = schema.model_json_schema()
    return Draft202012Validator(whole if node is None else {"$defs": whole["$defs"], **node})


def rows(page: str) -> dict[str, tuple[bool, str]]:
    """Return what a page's table says: key -> (in bold, example)."""
    text = (ROOT / f"docs/{page}.md").read_text(encoding="utf-8")
    found = re.findall(r"^\| (\*\*)?`([\w.]+)`(?:\*\*)? \| .+ \| `([^`]+)` \|$", text, re.MULTILINE)
    return {key: (bool(bold), example) for bold, key, example in found}


@pytest.mark.parametrize("page", PAGES)
def test_a_page_holds_exactly_the_keys_of_the_reader_and_says_which_must_be_there(page: str) -> None:
    whole = PAGES[page].model_json_schema()
    known: dict[str, list[bool]] = {}
    for key, _, needed in keys(whole, whole["$defs"]):
        known.setdefault(key, []).append(needed)
    told = rows(page)
    assert set(told) == set(known)
    # What only one of several forms needs is told in words.
    sometimes = {"schedule.min", "schedule.max"}
    assert {key for key, (bold, _) in told.items() if bold} == {k for k, n in known.items() if any(n)} - sometimes


@pytest.mark.parametrize("page", PAGES)
def test_every_example_may_stand_behind_its_key(page: str) -> None:
    schema, told = PAGES[page], rows(page)
    whole = schema.model_json_schema()
    fits = dict.fromkeys(told, False)
    for key, node, _ in keys(whole, whole["$defs"]):
        fits[key] |= validator(schema, node).is_valid(YAML(typ="safe").load(told[key][1]))
    assert all(fits.values()), [key for key, held in fits.items() if not held]


@pytest.mark.parametrize("page", PAGES)
def test_the_example_at_the_top_is_read_and_has_every_key(page: str, tmp_path: Path) -> None:
    text, *others = re.findall(
        r"^```yaml\n(.*?)^```$", (ROOT / f"docs/{page}.md").read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    for one in (text, *others):
        (tmp_path / "mine.yaml").write_text(one, encoding="utf-8")
        assert READERS[page].read(str(tmp_path / "mine.yaml"))
        assert validator(PAGES[page]).is_valid(YAML(typ="safe").load(one))
    for key in rows(page):
        assert re.search(rf"\b{key.rpartition('.')[2]}:", text) or key == "grid.seed.listed", key


@pytest.mark.parametrize("page", PAGES)
def test_everything_shipped_holds_the_json_schema(page: str) -> None:
    checked = validator(PAGES[page])
    shipped = [entry.file for entry in shelf(READERS[page].PACKAGE).values()]
    assert len(shipped) > 10
    for file in shipped:
        wrong = next(checked.iter_errors(YAML(typ="safe").load(file.read_text(encoding="utf-8"))), None)
        assert wrong is None, f"{file.name}: {wrong and wrong.json_path}: {wrong and wrong.message}"


def test_the_json_schema_refuses_what_the_reader_refuses() -> None:
    fine = {"schema": 1, "suite": "mine", "method": "kge", "grid": {"dataset": ["toy"]}, "variants": [{"id": "full"}]}
    checked = validator(Suite)
    assert checked.is_valid(fine)
    assert checked.is_valid(fine | {"grid": {"dataset": ["toy"], "seed": [1, 2]}})
    assert checked.is_valid({"schema": 1, "suite": "mine", "extends": "demo", "grid": {"seed": {"count": 1}}})
    for wrong in (
        {"schema": 2},
        {"varaints": []},
        {"grid": {}},
        {"grid": {"dataset": ["toy"], "seed": []}},
        {"generate": [{"all_subsets": {}}]},
        {"metrics": ["mmr"]},
        {"variants": [{"label": "no id"}]},
    ):
        assert not checked.is_valid(fine | wrong), wrong
