"""Feature sets in ``kgprism data show``, ``check``, ``list`` and ``rm``, and as a setting of ``train``."""

import json
from pathlib import Path

import pytest

from kgprism.platform.data.catalogue import toy


@pytest.fixture
def sets(put_set) -> list[Path]:
    """Two sets of the toy."""
    return put_set(toy.aligned(), "image", "clip") + put_set(toy.aligned(), "text", "bert")


@pytest.mark.usefixtures("sets")
@pytest.mark.parametrize("command", ["show", "check"])
def test_sets_are_listed_with_what_made_them(kgprism, command: str) -> None:
    called = kgprism("data", command, "toy", "--json")
    assert called.code == 0
    found = json.loads(called.out)
    assert found["refused_sets"] == []
    first = found["sets"][0]
    assert (first["modality"], first["set"]) == ("image", "clip")
    made = {"encoder": "a-net", "weights": "ab" * 32, "library": "lib 1.0", "preprocessing": "8 x 8", "pool": "mean"}
    assert {key: first[key] for key in made} == made
    assert first["graphs"] == [
        {"graph": graph, "entities": 440, "vectors": 220, "counts": {"files": 9}} for graph in ("left", "right")
    ]
    text = kgprism("data", command, "toy").out
    for word in ("data.image=clip", "data.text=bert", "a-net", "ab" * 6, "lib 1.0", "8 x 8", "mean", "220 of 440"):
        assert word in text


def test_a_damaged_set_is_told_and_fails_the_check(kgprism, sets: list[Path]) -> None:
    data = bytearray(sets[0].read_bytes())
    data[-1] ^= 1
    sets[0].write_bytes(data)
    assert kgprism("data", "show", "toy").code == 0
    checked = kgprism("data", "check", "toy")
    assert checked.code == 1
    assert "image.clip.kg1.safetensors" in checked.err
    sets[0].write_bytes(b"")
    shown = kgprism("data", "show", "toy", "--json")
    assert shown.code == 0
    assert len(json.loads(shown.out)["sets"]) == 1
    assert "image.clip.kg1.safetensors: damaged" in json.loads(shown.out)["refused_sets"][0]


@pytest.mark.usefixtures("sets")
def test_a_built_in_dataset_with_sets_is_listed_once(kgprism) -> None:
    names = [entry["name"] for entry in json.loads(kgprism("data", "list", "--json").out)]
    assert names.count("toy") == 1


def test_one_set_is_removed_by_its_name(kgprism, sets: list[Path]) -> None:
    refused = kgprism("data", "rm", "toy:image.clip")
    assert refused.code == 2
    assert "repeat with --yes" in refused.err
    assert sets[0].exists()
    assert str(sets[0]) in kgprism("data", "rm", "toy:image.clip", "--yes").out
    assert [file.exists() for file in sets] == [False, False, True, True]
    wrong = kgprism("data", "rm", "toy:text.bret", "--yes")
    assert wrong.code == 2
    assert "did you mean 'text.bert'?" in wrong.err


@pytest.mark.usefixtures("sets")
def test_a_set_that_is_not_there_is_one_line_before_anything_starts(kgprism) -> None:
    called = kgprism("train", "eva", "-d", "toy", "--set", "data.image=clpi", "--set", "train.epochs=1")
    assert called.code == 2
    assert called.out == ""
    assert "toy has no image features 'clpi' (did you mean 'clip'?)" in called.err
    assert len(called.err.strip().splitlines()) == 1
