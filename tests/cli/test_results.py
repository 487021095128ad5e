"""``kgprism report --results``: which words go together, where the page goes, and what leaves it as it is."""

from pathlib import Path
from zipfile import ZipFile

import pytest


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "one.md").write_text("## One\n1\n", encoding="utf-8")
    return tmp_path / "results"


def test_the_page_stands_beside_its_folder_or_where_it_is_asked_for(
    kgprism, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    called = kgprism("report", "--results", str(folder))
    assert (called.code, called.out, called.err) == (0, "", f"written: {folder}.md\n")
    text = folder.with_name("results.md").read_bytes()
    assert text.startswith(b"# What was really run\n")
    assert text.endswith(b"\n\n## One\n1\n")
    assert kgprism("report", "--results", str(folder), "-o", str(folder.parent / "new" / "page.md")).code == 0
    assert (folder.parent / "new" / "page.md").read_bytes() == text
    (folder.parent / "docs").mkdir()
    folder.rename(folder.parent / "docs" / "results")
    monkeypatch.chdir(folder.parent)
    assert kgprism("report", "--results").err == "written: docs/results.md\n"
    monkeypatch.chdir("docs/results")
    assert kgprism("report", "--results", ".").code == 0
    assert Path("../results.md").read_bytes() == text


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "report: which SUITE? Or --results, for the page of a folder of passports"),
        (("demo", "--results"), "report demo --results: the table of a SUITE, or the page of a FOLDER: choose one"),
        (("--results", "--json"), "report --results takes no --json: "),
        (("--results", "--set", "train.epochs=2"), "report --results takes no --set: "),
        (("--results", "-o", "page.html"), "page.html: the page of results is Markdown: a file that ends in .md"),
        (("--results",), "docs/results: no folder of results: "),
        (("--results", "nowhere"), "nowhere: no folder of results: "),
        (("--results", "empty"), "empty: no result: neither a passport (NAME.passport.zip) nor a section (NAME.md)"),
    ],
    ids=str,
)
def test_mistakes_are_told_in_one_line(
    kgprism, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], told: str
) -> None:
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)
    called = kgprism("report", *words)
    assert (called.code, called.out) == (2, "")
    (line,) = called.err.splitlines()
    assert line.startswith(f"kgprism: {told}")
    assert {path.name for path in tmp_path.iterdir()} <= {"empty", "home"}


def foreign(file: Path) -> None:
    with ZipFile(file, "w") as archive:
        archive.writestr("readme.txt", "somebody else's")


@pytest.mark.parametrize("spoil", [foreign, lambda file: file.write_bytes(b"PK\x03\x04 no archive")])
def test_a_damaged_or_foreign_file_leaves_the_page_as_it_is(kgprism, folder: Path, spoil) -> None:
    page = folder.with_name("results.md")
    page.write_text("as it was", encoding="utf-8")
    spoil(folder / "two.passport.zip")
    called = kgprism("report", "--results", str(folder))
    assert (called.code, called.out) == (2, "")
    (line,) = called.err.splitlines()
    assert line == f"kgprism: {folder / 'two.passport.zip'}: no passport, or a damaged one"
    assert page.read_text(encoding="utf-8") == "as it was"
