"""``kgprism site``: where it is written, and what is said of it."""

import json
from pathlib import Path


def test_an_empty_home_is_told_what_to_do(kgprism, own_home: Path) -> None:
    called = kgprism("site")
    start = own_home / "tables" / "index.html"
    assert (called.code, called.err) == (0, "")
    assert called.out.splitlines() == [
        f"{start}: 0 suites, 0 drawn anew",
        "no suite was asked in this home yet: kgprism ablate demo",
    ]
    assert start.is_file()


def test_what_cannot_be_shown_is_one_line_each(kgprism, own_home: Path, tmp_path: Path) -> None:
    for name in ("bad", "worse"):
        (own_home / "studies" / name).mkdir(parents=True)
    (own_home / "studies" / "bad" / "study.json").write_text("{", encoding="utf-8")
    (own_home / "studies" / "worse" / "optuna.db").write_text("no database, but text", encoding="utf-8")
    called = kgprism("site", "-o", str(tmp_path / "new"), "--json")
    assert called.code == 0
    assert json.loads(called.out) == {
        "index": str(tmp_path / "new" / "index.html"),
        "suites": 0,
        "drawn": [],
        "left_out": [line.removeprefix("left out: ") for line in called.err.splitlines()],
    }
    storage, bad = called.err.splitlines()
    assert "optuna.db" in storage
    assert bad.startswith(f"left out: {own_home / 'studies' / 'bad'}: study.json: ")


def test_a_folder_that_cannot_be_is_one_line(kgprism, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    called = kgprism("site", "-o", str(tmp_path / "file"))
    assert (called.code, called.out) == (2, "")
    (line,) = called.err.splitlines()
    assert str(tmp_path / "file") in line
