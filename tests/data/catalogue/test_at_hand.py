"""Of the datasets that a suite names, those that are here."""

from pathlib import Path

import pytest

from kgprism.platform.data.catalogue import datasets
from kgprism.platform.data.catalogue.toy import aligned
from kgprism.platform.errors import DataError


def test_what_is_here_is_taken_and_the_rest_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("KGPRISM_HOME", str(tmp_path))
    found, told = datasets.at_hand(["dbp15k-zh-en", "toy", "no-such-data"])
    assert {name: data.fingerprint for name, data in found.items()} == {"toy": aligned().fingerprint}
    assert [line.split(":")[0] for line in told] == ["left out"] * 2
    assert "dbp15k-zh-en is not here yet" in told[0]
    assert "unknown dataset 'no-such-data'" in told[1]


def test_none_at_all_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("KGPRISM_HOME", str(tmp_path))
    with pytest.raises(DataError, match="dbp15k-zh-en is not here yet"):
        datasets.at_hand(["dbp15k-zh-en", "dbp15k-ja-en"])
    assert datasets.at_hand([]) == ({}, [])


def test_damaged_files_are_no_missing_dataset(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("KGPRISM_HOME", str(tmp_path))
    (tmp_path / "data" / "broken").mkdir(parents=True)
    (tmp_path / "data" / "broken" / "train2id.txt").write_text("not a number\n")
    with pytest.raises(DataError, match="broken"):
        datasets.at_hand(["toy", "broken"])
