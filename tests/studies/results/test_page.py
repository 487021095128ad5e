"""The page of results: a section for a passport, its text, sections written by hand, and what is damaged."""

import json
import re
from pathlib import Path
from zipfile import ZipFile

import pytest

from kgprism.platform.errors import ConfigurationError, DataError
from kgprism.platform.home import home
from kgprism.platform.studies.passport.archive import Passport, sum_of
from kgprism.platform.studies.reports.notes import span
from kgprism.platform.studies.results.page import page


def rows(text: str, label: str) -> list[list[str]]:
    """Return the cells of the rows that begin with a label."""
    return [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in text.splitlines()
        if line.startswith(f"| {label} ")
    ]


def test_a_passport_makes_a_section(made, folder: Path) -> None:
    text, records = page(folder), [record for record in made.store if record.configuration["modalities"]]
    newest = max(record.finished for record in records)[:10]
    assert text.startswith("# What was really run\n")
    assert f"\n## A tiny suite ({newest})\n\n```\nkgprism ablate tiny.yaml --cpus 2\n```\n" in text
    commit = records[0].code.get("commit")
    assert not commit or f"commit {commit[:7]}" in text
    assert f"torch {records[0].packages['torch']}, Python {records[0].packages['python']}. 6 runs, " in text
    assert f"{records[0].machine['cores']} cores, {records[0].machine['memory']}" in text
    assert f" Passport: `{made.file.name}`.\n" in text
    assert "- Nobody published this.\n" in text
    assert "**toy, 50 % seed pairs**" in text
    assert text.endswith("**Not run**, though asked for: The method, w/o Visual on toy, 50 % seed pairs, seed 4.\n")
    assert "Command:" not in text


def test_its_tables_have_epochs_numbers_differences_and_verdicts(made, folder: Path) -> None:
    text = page(folder)
    whole = [record for record in made.store if "image" in record.configuration["modalities"]]
    assert sorted(record.seed for record in whole) == [1, 2, 3]
    (epochs, numbers, judged), (_, _, worth) = rows(text, "The method"), rows(text, "w/o Visual")
    chosen = [span(r.selections[word]["epoch"] for r in whole) for word in ("valid", "best_test")]
    assert epochs == ["The method", "eva", "2 of 2", *chosen]
    paper = sum(record.metric("valid", "test/l2r/mrr") for record in whole) / 3
    honest = sum(record.metric("valid", "test/mean/mrr") for record in whole) / 3
    assert numbers[1:3] == ["1.000", f"{paper:.3f}".lstrip("0")]
    assert numbers[3].startswith(f"{honest:.3f}".lstrip("0") + " ± ")
    assert numbers[3].endswith(" (3/4)")
    assert judged[1:] == ["", "**not reproduced: lower**"]
    assert "- (95 %; p): interval over seeds and queries" in text
    assert re.fullmatch(r"[+-]\.\d{3}\*? \([+-]\.\d{3} to [+-]\.\d{3}; [\de.-]+\)", worth[1])


def test_a_row_that_nobody_asked_for_is_not_in_the_table(made, folder: Path) -> None:
    cells = json.loads(made.study.read_bytes())["cells"]
    assert "Δ MRR (95 %" in page(folder)
    made.again(folder / made.file.name, cells=[cell for cell in cells if cell["variant"] == "whole"])
    text = page(folder)
    assert rows(text, "The method")
    assert "w/o Visual" not in text
    assert "Δ MRR (95 %" not in text, "columns of differences where there are none"


def test_a_row_whose_base_nobody_asked_for_keeps_it(made, folder: Path) -> None:
    whole, blind = made.suite.variants
    bare = blind.model_copy(update={"id": "bare", "label": "Graph alone", "override": {"modalities": ["relation"]}})
    variants = (whole, blind.model_copy(update={"versus": "bare"}), bare)
    cells = [cell for cell in json.loads(made.study.read_bytes())["cells"] if cell["variant"] == "blind"]
    suite = made.suite.model_copy(update={"variants": variants})
    made._replace(suite=suite).again(folder / made.file.name, cells=cells)
    text = page(folder)
    (_, numbers) = rows(text, "w/o Visual")
    assert numbers[-1] == "—", "a difference that is not known, least of all one to the full method"
    assert not rows(text, "Graph alone")
    assert "of w/o Visual to Graph alone" in text


def test_a_text_beside_a_passport_is_its_last_words_and_any_other_a_section(made, folder: Path) -> None:
    bare = page(folder)
    (folder / "tiny.md").write_text("\nIt means *nothing*.\n\nNothing at all.\n\n", encoding="utf-8")
    (folder / "b.md").write_text("## Second\nb\n", encoding="utf-8")
    (folder / "a.md").write_text("## First\na\n", encoding="utf-8")
    assert page(folder) == f"{bare}\nIt means *nothing*.\n\nNothing at all.\n\n## First\na\n\n## Second\nb\n"
    (folder / "README.md").write_text("# Mine\n\nAll of it.\n", encoding="utf-8")
    assert page(folder).startswith("# Mine\n\nAll of it.\n\n## A tiny suite (")
    (folder / made.file.name).rename(folder / "other.passport.zip")
    with pytest.raises(DataError, match=r"tiny\.md: no passport tiny\.passport\.zip is beside it"):
        page(folder)


def test_the_same_folder_gives_the_same_bytes_whatever_home_and_code(made, folder: Path, tmp_path: Path) -> None:
    text = page(folder)
    assert page(folder) == text
    made.again(folder / made.file.name, code="that of another day")
    assert page(folder) == text
    assert {path.name for path in home().glob("*")} <= {"cache"}, "nothing but what is known of code"


def test_passports_come_by_name_and_say_with_which_settings(made, folder: Path) -> None:
    made.again(folder / "a.passport.zip", commands=[], overrides={"train.epochs": 2})
    text = page(folder)
    first, second = (text.index(f"\n```\nkgprism ablate tiny{rest}\n```\n") for rest in TWO)
    assert first < second
    assert text.count("**cannot tell**: --set train.epochs=2") == 1


TWO = (" --set train.epochs=2", ".yaml --cpus 2")


def changed(file: Path, name: str, data: bytes | None) -> None:
    """Change or take out a file of a passport, whose sums are made to fit."""
    with ZipFile(file) as archive:
        content = {other: archive.read(other) for other in archive.namelist()} | ({name: data} if data else {})
    if data is None:
        del content[name]
    passport = Passport.model_validate_json(content.pop("passport.json"))
    sums = {other: sum_of(written) for other, written in content.items()}
    with ZipFile(file, "w") as archive:
        archive.writestr("passport.json", passport.model_copy(update={"sums": sums}).model_dump_json())
        for other, written in content.items():
            archive.writestr(other, written)


@pytest.mark.parametrize(
    ("name", "data", "told"),
    [
        ("suite.json", b"{}", "suite.json: schema: Field required: not a suite of this version"),
        ("suite.json", None, "a passport that lacks a file"),
        ("study.json", b"[]", "study.json"),
        ("study.json", None, "a passport that lacks a file"),
    ],
)
def test_a_passport_whose_content_is_none_is_told(folder: Path, name: str, data: bytes | None, told: str) -> None:
    changed(folder / "tiny.passport.zip", name, data)
    with pytest.raises(DataError) as found:
        page(folder)
    assert str(found.value).startswith(f"{folder / 'tiny.passport.zip'}: ")
    assert told in str(found.value)
    assert "\n" not in str(found.value)


def test_a_run_that_was_changed_is_told(made, folder: Path) -> None:
    run = next(iter(made.store))
    text = (run.folder / "run.json").read_text(encoding="utf-8")
    changed(folder / "tiny.passport.zip", f"runs/{run.id}/run.json", text.replace('"seed": ', '"seed": 1').encode())
    with pytest.raises(DataError, match=rf"tiny\.passport\.zip: run {run.id}: run\.json: changed since it was written"):
        page(folder)


def test_a_folder_that_is_not_there_or_holds_nothing_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="nowhere: no folder of results"):
        page(tmp_path / "nowhere")
    (tmp_path / "README.md").write_text("# Mine\n", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="no result: neither a passport"):
        page(tmp_path)
    (tmp_path / "odd.md").write_bytes(b"## \xff")
    with pytest.raises(DataError, match=r"odd\.md: cannot be read: not UTF-8"):
        page(tmp_path)
