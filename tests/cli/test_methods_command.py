"""``kgprism methods``."""

import json

import pytest

from kgprism.platform.method import load, names
from kgprism.platform.part import kind, slots


def test_list_has_every_method_with_its_paper(kgprism) -> None:
    shown = {line["name"]: line for line in json.loads(kgprism("methods", "list", "--json").out)}
    assert set(shown) == set(names())
    assert "ECAI 2024" in shown["loginmea"]["paper"]
    assert "loginmea" in kgprism("methods", "list").out


@pytest.mark.parametrize("name", names())
def test_show_tells_slots_presets_and_departures(kgprism, name: str) -> None:
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
