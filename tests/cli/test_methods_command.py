"""``kgprism methods``."""

import json
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from kgprism.platform import method as method_module
from kgprism.platform.cli import completion
from kgprism.platform.configuration import flatten, resolve
from kgprism.platform.method import load, names
from kgprism.platform.part import alternatives, keys, kind, slots


def test_list_has_every_method_with_its_paper(kgprism) -> None:
    shown = {line["name"]: line for line in json.loads(kgprism("methods", "list", "--json").out)}
    assert set(shown) == set(names())
    assert "ECAI 2024" in shown["loginmea"]["paper"]
    assert "loginmea" in kgprism("methods", "list").out


@pytest.mark.parametrize("name", names())
def test_show_tells_slots_their_settings_presets_and_departures(kgprism, name: str) -> None:
    method, called = load(name), kgprism("methods", "show", name, "--json")
    shown = json.loads(called.out)
    told = {slot: list(about["alternatives"]) for slot, about in shown["slots"].items()}
    assert told == {slot: [kind(part) for part in parts] for slot, parts in slots(method.Config).items()}
    for slot, about in shown["slots"].items():
        # A slot inside a part that is not the default has no default here.
        inside = any(slot.startswith(f"{other}.") for other in shown["slots"])
        assert about["default"] in about["alternatives"] or (inside and about["default"] is None), slot
        assert sum(part["null"] for part in about["alternatives"].values()) >= 1
    assert shown["departures"] == list(method.departures)
    text = kgprism("methods", "show", name).out
    assert all(slot in text for slot in told)
    assert all(line in text for line in method.departures)
    assert all(preset in text for preset in method.presets)
    for slot, fitting in slots(method.Config).items():
        for part in fitting:
            own = {key for key, field in part.model_fields.items() if not alternatives(field.annotation)} - {"kind"}
            settings = shown["slots"][slot]["alternatives"][kind(part)]["settings"]
            assert set(settings) == own
            assert all(about["allowed"] for about in settings.values())
            assert all(key in text for key in own)


def test_show_tells_words_ranges_and_descriptions_of_parts_that_are_not_the_default(kgprism) -> None:
    lines = [" ".join(line.split()) for line in kgprism("methods", "show", "loginmea").out.splitlines()]
    assert "propagation.conv pyg gcn gcn, gat, gatv2, sage, gin, transformer, rgcn" in lines
    assert "propagation.heads pyg 2 integer >= 1 of gat, gatv2 and transformer; averaged" in lines
    assert "propagation.dropout pyg 0.0 number >= 0, < 1 between the layers" in lines
    assert any(line.startswith("pseudo_pairs.stage.warmup second_stage 0.15 number >= 0, < 1 ") for line in lines)


@pytest.mark.parametrize("name", ["dhns", "loginmea"])
def test_show_tells_every_key_and_its_value_in_each_preset(kgprism, name: str) -> None:
    method, shown = load(name), json.loads(kgprism("methods", "show", name, "--json").out)
    assert {row["key"] for row in shown["keys"]} == set(keys(method.Config))
    assert all(row["allowed"] for row in shown["keys"])
    for preset, layer in method.presets.items():
        flat = flatten(resolve(method.Config, layer))
        told = {row["key"]: row["presets"][preset] for row in shown["keys"] if preset in row["presets"]}
        assert told == {key.removesuffix(".kind"): value for key, value in flat.items()}
    default = {row["key"]: row["default"] for row in shown["keys"] if not row["part"]}
    flat = flatten(method.Config())
    assert default == {key: flat.get(key, flat.get(f"{key}.kind")) for key in default}


def test_show_tells_the_default_that_a_part_has_when_it_is_chosen(kgprism) -> None:
    shown = json.loads(kgprism("methods", "show", "loginmea", "--json").out)
    (rank,) = [row for row in shown["keys"] if row["key"] == "fusion.rank"]
    chosen = resolve(load("loginmea").Config, {"fusion": "concat"}, {"fusion": "low_rank"})
    assert (rank["part"], rank["default"]) == ("low_rank", flatten(chosen)["fusion.rank"])
    (pull,) = [row for row in shown["keys"] if (row["key"], row["part"]) == ("loss.temperature", "icl")]
    assert pull["presets"] == {}


def test_show_tells_the_suites_and_the_search_space_of_a_method(kgprism) -> None:
    shown = json.loads(kgprism("methods", "show", "loginmea", "--json").out)
    assert {"demo", "gmnm", "loginmea_table3"} <= set(shown["suites"])
    assert "dhns_table5" not in shown["suites"]
    assert shown["spaces"] == ["loginmea"]
    assert "search spaces: loginmea" in kgprism("methods", "show", "loginmea").out.splitlines()


@pytest.fixture
def broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installed plug-in that cannot be imported."""
    (tmp_path / "broken_plugin.py").write_text("import torch\nimport nowhere_at_all\n", encoding="utf-8")
    points = [EntryPoint("broken", "broken_plugin", "kgprism.methods")]

    def found(*, group: str, name: str | None = None) -> list[EntryPoint]:
        return [point for point in points if group == point.group and name in (None, point.name)]

    monkeypatch.setattr(method_module, "entry_points", found)
    monkeypatch.setattr(completion, "entry_points", found)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path / "broken_plugin.py"


def test_a_broken_plug_in_is_named_in_one_line_and_the_others_are_listed(kgprism, broken: Path) -> None:
    called = kgprism("methods", "list")
    (line,) = called.err.splitlines()
    told = "the plug-in broken_plugin cannot be imported: ModuleNotFoundError: No module named 'nowhere_at_all'"
    assert line == f"left out: method broken: {told} ({broken}:2)"
    assert called.code == 0
    assert "loginmea" in called.out
    shown = kgprism("methods", "show", "broken")
    assert (shown.code, shown.err) == (2, f"kgprism: method broken: {told} ({broken}:2)\n")


@pytest.mark.parametrize(("text", "told"), [("x = (", "SyntaxError: "), ("x", "NameError: "), ("1 / 0", "division by")])
def test_whatever_is_wrong_with_a_plug_in_is_one_line(kgprism, broken: Path, text: str, told: str) -> None:
    broken.write_text(text, encoding="utf-8")
    (line,) = kgprism("methods", "show", "broken").err.splitlines()
    assert told in line
