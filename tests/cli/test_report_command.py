"""``kgprism report``: where its table goes, and letters that a terminal or a machine's language does not know."""

import errno
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from kgprism.platform.cli import screen
from kgprism.platform.cli.commands import report as command
from kgprism.platform.cli.commands.report import print_and_keep
from kgprism.platform.files import write_text
from kgprism.platform.studies.reports.figures import plot
from kgprism.platform.studies.suites import suite as suites

SUITE = """\
schema: 1
suite: letters
title: "Λ and λ"
method: loginmea
base: {train.epochs: 1}
grid: {dataset: [toy], seed_ratio: [0.2]}
variants:
  - {id: full, label: "λ = 1 — ours"}
layout: {kind: figure}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "letters.yaml").write_text(SUITE, encoding="utf-8")
    return tmp_path / "letters.yaml"


@pytest.mark.parametrize("place", ["", "letters.yaml/table.md", 300 * "x", "/dev/full"])
def test_a_place_where_no_table_can_be_is_one_line(kgprism, file: Path, place: str) -> None:
    called = kgprism("report", str(file), "-o", str(file.parent / place))
    assert (called.code, called.out) == (2, "")
    (line,) = called.err.splitlines()
    assert line.startswith(f"kgprism: {file.parent / place}: cannot be written: ")
    assert file.read_text(encoding="utf-8") == SUITE


def test_a_table_goes_where_it_is_asked_for(kgprism, file: Path) -> None:
    called = kgprism("report", str(file), "--format", "md", "-o", str(file.parent / "new" / "table.md"))
    assert (called.code, called.err) == (0, f"written: {file.parent / 'new' / 'table.md'}\n")
    assert "λ = 1 — ours" in (file.parent / "new" / "table.md").read_text(encoding="utf-8")


BEGINS = {
    "txt": b"\xce\x9b and",
    "md": b"# ",
    "tex": b"% needs",
    "csv": b"suite,",
    "html": b"<!doctype",
    "json": b"{",
    "png": b"\x89PNG",
    "PDF": b"%PDF",
    "svg": b"<?xml",
}


@pytest.mark.parametrize("ending", BEGINS)
def test_the_form_follows_the_ending(kgprism, file: Path, ending: str) -> None:
    called = kgprism("report", str(file), "-o", str(file.parent / f"table.{ending}"))
    assert (called.code, called.err) == (0, f"written: {file.parent / f'table.{ending}'}\n")
    assert (file.parent / f"table.{ending}").read_bytes().startswith(BEGINS[ending])


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--format", "md", "-o", "t.html"], "--format md and a file that ends in .html: choose one"),
        (["--format", "text", "-o", "t.pdf"], "--format text and a file that ends in .pdf: choose one"),
        (["--json", "-o", "t.csv"], "--json and a file that ends in .csv: choose one"),
        (["-o", "t.pgn"], "t.pgn: no form of a table ends in '.pgn' (did you mean 'png'?)"),
        (["--panels", "tot"], "--panels: letters has no panel 'tot' (did you mean 'toy'?)"),
    ],
)
def test_forms_that_contradict_each_other_are_one_line(kgprism, file: Path, words: list[str], told: str) -> None:
    called = kgprism("report", str(file), *words)
    assert (called.code, called.out) == (2, "")
    (line,) = called.err.splitlines()
    assert line.startswith(f"kgprism: {told}")


def test_a_named_form_goes_into_a_file_of_any_other_name(kgprism, file: Path) -> None:
    for name in ("table", "table.dat"):
        assert kgprism("report", str(file), "--format", "md", "-o", str(file.parent / name)).code == 0
        assert (file.parent / name).read_bytes().startswith(b"# ")


@pytest.mark.parametrize("words", [["--json"], ["--format", "json"], ["--json", "--format", "json"]])
def test_json_is_asked_for_in_two_ways(kgprism, file: Path, words: list[str]) -> None:
    assert json.loads(kgprism("report", str(file), *words).out)["title"] == "Λ and λ"


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "No space left on device"),
        (OSError(errno.EROFS, "Read-only file system", "/home/me"), "/home/me: Read-only file system"),
        (FileExistsError(errno.EEXIST, "File exists", "/h/runs"), "/h/runs: a file stands where a folder belongs"),
    ],
    ids=["full", "read-only", "taken"],
)
def test_what_the_machine_refuses_is_one_line(
    kgprism, file: Path, monkeypatch: pytest.MonkeyPatch, error: OSError, told: str
) -> None:
    def refuse(*others: object, **options: object) -> None:
        raise error

    monkeypatch.setattr(command, "table_of", refuse)
    called = kgprism("report", str(file))
    assert (called.code, called.out) == (2, "")
    (line,) = called.err.splitlines()
    assert line.startswith(f"kgprism: {told}")


def test_what_is_damaged_is_told_in_one_line_and_to_be_made_again(kgprism, file: Path, own_home: Path) -> None:
    def planned() -> tuple[str, dict[str, str], list[str]]:
        called = kgprism("ablate", str(file), "--plan", "--json")
        assert called.code == 0
        (cell,) = json.loads(called.out)["cells"]
        return cell["run"], cell, called.err.splitlines()

    run_id, _, told = planned()
    assert told == []
    (own_home / "runs" / run_id).mkdir(parents=True)
    (own_home / "runs" / run_id / "run.json").write_text('{"id": "x",\n"seed": []}', encoding="utf-8")
    _, cell, (line,) = planned()
    assert line.startswith(f"kgprism: {own_home / 'runs' / run_id}: damaged (run.json: ")
    assert line.endswith(f"set aside as {own_home / 'runs' / '.damaged' / run_id}, to be made again")
    assert cell["state"] == "to run"
    assert planned()[2] == []


def test_a_home_whose_place_a_file_has_taken_is_one_line(kgprism, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KGPRISM_HOME", str(file))
    called = kgprism("report", str(file))
    assert (called.code, called.out) == (2, "")
    (line,) = called.err.splitlines()
    assert str(file) in line


@pytest.mark.parametrize("encoding", ["iso-8859-1", "cp1252", "ascii", "utf-8"])
def test_files_are_written_first_and_whole_whatever_the_terminal_shows(
    file: Path, own_home: Path, monkeypatch: pytest.MonkeyPatch, encoding: str
) -> None:
    shown = io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors="strict")
    monkeypatch.setattr(sys, "stdout", shown)
    # Drawings know nothing of terminals, and take long.
    monkeypatch.setattr(plot, "draw", lambda chart, files: [write_text(each, chart.title) for each in files])
    screen.show_any_letter()
    suite = suites.read(str(file))
    for form in ("text", "json"):
        print_and_keep(suite, "valid", form)
    shown.flush()
    words = shown.buffer.getvalue().decode(encoding)
    assert f"kept as {own_home / 'tables' / 'letters'}.md, .html, .json, .png, .pdf and .svg" in words
    assert ("λ = 1 — ours" if encoding == "utf-8" else "? = 1") in words
    # JSON can write any letter in ASCII: nothing is lost there.
    assert json.loads(words[words.index("{\n") :])["title"] == "Λ and λ"
    assert {path.name for path in (own_home / "tables").iterdir()} == {
        f"letters.{e}" for e in ("md", "html", "json", "png", "pdf", "svg")
    }
    events = own_home / "studies" / "letters" / "tensorboard"
    assert {path.name for path in events.iterdir()} == {"columns", "table"}
    for ending in ("md", "html", "json"):
        assert "Λ and λ" in (own_home / "tables" / f"letters.{ending}").read_text(encoding="utf-8")


def test_a_terminal_that_cannot_write_greek(file: Path, tmp_path: Path) -> None:
    code = "from kgprism.platform.cli.main import run; run()"
    words = ["report", str(file), "--format", "md"]
    # In the C locale Python would take UTF-8 by itself.
    environment = {**os.environ, "PYTHONIOENCODING": "iso-8859-1", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, env=environment, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"? = 1 ? ours" in done.stdout
