"""``kgprism data look``."""

from pathlib import Path

import pytest


def test_a_page_is_written_beside_the_others(kgprism, own_home: Path) -> None:
    called = kgprism("data", "look", "toy", "--sample", "2")
    assert called.code == 0
    file = own_home / "tables" / "data" / "toy.html"
    assert called.out == f"written: {file}\n"
    assert "2 of 400 pairs" in file.read_text(encoding="utf-8")


def test_a_page_goes_where_it_is_told_to_and_the_seed_draws(kgprism, tmp_path: Path) -> None:
    texts = []
    for seed in ("1", "1", "2"):
        file = tmp_path / f"page{len(texts)}.html"
        assert kgprism("data", "look", "toy-completion", "--out", str(file), "--seed", seed).code == 0
        texts.append(file.read_text(encoding="utf-8"))
    assert texts[0] == texts[1] != texts[2]


@pytest.mark.parametrize("words", [("nothing",), ("toy", "--images", "nowhere.zip")])
def test_what_cannot_be_done_is_told_in_a_line(kgprism, own_home: Path, words: tuple[str, ...]) -> None:
    called = kgprism("data", "look", *words)
    assert called.code != 0
    assert words[-1] in called.err
    assert not (own_home / "tables").exists()
