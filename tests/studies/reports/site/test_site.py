"""The site of a home: a page a suite, an index of all, and nothing is drawn twice."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from kgprism.platform.data.graph import AlignedGraphs
from kgprism.platform.studies.reports.site import building as site
from kgprism.platform.studies.reports.site.index import Search
from kgprism.platform.studies.store.runs import Store
from kgprism.platform.studies.suites import suite as suites
from kgprism.platform.studies.suites.asked import Asked
from kgprism.platform.studies.suites.cells import Cell, expand
from kgprism.platform.studies.suites.manifest import FILE, save_manifest
from kgprism.platform.studies.suites.suite import Suite
from kgprism.platform.training.outcome import Outcome

#: How the index marks a verdict.
VERDICTS = {"reproduced": " yes", "not reproduced": " no"}
EVIL = '<script>alert("1")</script>'


@pytest.fixture
def asked(small: Suite, graphs: AlignedGraphs, tmp_path: Path) -> Callable[..., list[Cell]]:
    """Ask for a suite as the command line does."""

    def ask(suite: Suite = small, **settings: int) -> list[Cell]:
        file = str(tmp_path / f"{suite.suite}.yaml")
        given = {key.replace("__", "."): value for key, value in settings.items()}
        cells = expand(suite, {"toy": graphs}, overrides=given)
        save_manifest(Asked.of(suite, None, given).folder, suite, cells, overrides=given, called=file)
        return cells

    return ask


def shown(text: str) -> list[str]:
    """Return the lines of the index as they are read."""
    lines = re.findall(r'<tr class="line">(.*?)</tr>', text, re.DOTALL)
    return [" ".join(re.sub(r"<[^>]*>", " ", line).split()) for line in lines]


def test_an_empty_home_says_what_to_do(tmp_path: Path) -> None:
    made = site.build(tmp_path / "site")
    text = made.start.read_text(encoding="utf-8")
    assert (len(made.lines), made.drawn, shown(text)) == (0, (), [])
    assert "<code>kgprism ablate demo</code>" in text


def test_the_index_tells_of_every_suite_and_setting(
    asked: Callable[..., list[Cell]], outcome: Callable[..., Outcome], tmp_path: Path
) -> None:
    cells = asked()
    asked(train__epochs=5)
    store, runs = Store(), list({cell.run.id: cell for cell in cells if cell.seed_ratio == 0.2}.values())
    for n, cell in enumerate(runs[:-1]):
        store.write(cell.run, outcome(0.5 + 0.01 * n))
    store.fail(runs[-1].run.id, "the loss is not finite")
    made = site.build(tmp_path / "site", searches=[Search("a search", "eva", "toy", "3/9", "mrr", ".5", "running")])
    text = made.start.read_text(encoding="utf-8")
    plain, other, search = sorted(shown(text), key=lambda line: ("search" in line, "--set" in line))
    assert plain.startswith("A small suite small · Table 9 · Somebody &amp; others loginmea toy")
    assert f"{len(runs) - 1} finished , 1 failed , {len({c.run.id for c in cells}) - len(runs)} missing" in plain
    assert re.search(r"MRR \.6\d\d best \.6\d\d, w/o Low-rank_50%", plain)
    marks = re.findall(r'<span class="tell([ a-z]*)">\d+ ([a-z :]+)</span>', text)
    assert (" no", "not reproduced: lower") in marks
    assert all(mark == VERDICTS[word.split(":")[0]] for mark, word in marks if "reproduced" in word), marks
    assert "--set train.epochs=5" in other
    assert search == "a search eva toy 3/9 .5 mrr running"
    assert made.drawn == ("small", Asked.of(suites.read(str(tmp_path / "small.yaml")), None, {"train.epochs": 5}).name)
    for link in re.findall(r'href="([^#"]*)"', text):
        assert link.startswith("https://example.org") or (tmp_path / "site" / link).is_file(), link


def test_what_has_not_changed_is_not_drawn_again(
    asked: Callable[..., list[Cell]], outcome: Callable[..., Outcome], tmp_path: Path
) -> None:
    cell = asked()[0]
    other = asked(train__epochs=5)[0]
    folder = tmp_path / "site"
    assert len(site.build(folder).drawn) == 2
    before = {file.name: file.stat().st_mtime_ns for file in folder.iterdir() if file.suffix == ".html"}
    assert site.build(folder).drawn == ()
    assert {file.name: file.stat().st_mtime_ns for file in folder.iterdir() if file.suffix == ".html"} == before
    Store().write(cell.run, outcome(0.5))
    assert site.build(folder).drawn == ("small",)
    (folder / "small.html").unlink()
    assert site.build(folder).drawn == ("small",)
    Store().fail(other.run.id, "out of memory")
    (drawn,) = site.build(folder).drawn
    assert "out of memory" in (folder / f"{drawn}.html").read_text(encoding="utf-8")


def test_what_is_damaged_or_gone_keeps_nothing_else_back(
    asked: Callable[..., list[Cell]], own_home: Path, small: Suite, tmp_path: Path
) -> None:
    asked()
    gone = small.model_copy(update={"suite": "gone"})
    asked(gone)
    (own_home / "studies" / "bad").mkdir()
    (own_home / "studies" / "bad" / FILE).write_text('{"cells": 3', encoding="utf-8")
    made = site.build(tmp_path / "site", left_out=["a storage: damaged"])
    assert len(made.lines) == 2
    storage, bad, left = made.left_out
    assert storage == "a storage: damaged"
    assert bad.startswith(f"{own_home / 'studies' / 'bad'}: study.json: ")
    assert left == "gone: its file is not here any more"
    # It is left where it is: the next time is told again.
    assert site.build(tmp_path / "site").left_out == (bad, left)
    text = made.start.read_text(encoding="utf-8")
    assert any(line.startswith("gone gone its file") for line in shown(text))


def test_a_suite_whose_file_is_gone_keeps_its_last_page(asked: Callable[..., list[Cell]], tmp_path: Path) -> None:
    asked()
    folder = tmp_path / "site"
    site.build(folder)
    (tmp_path / "small.yaml").unlink()
    made = site.build(folder)
    assert made.drawn == ()
    text = made.start.read_text(encoding="utf-8")
    assert '<a href="small.html">A small suite</a>' in text
    assert shown(text)[0].startswith("A small suite small · Table 9")
    assert made.left_out == ("small: its file is not here any more; the page is as it was last drawn",)


def test_no_title_is_more_than_its_letters(asked: Callable[..., list[Cell]], text: str, tmp_path: Path) -> None:
    evil = json.dumps(EVIL)
    words = text.replace("A small suite", evil).replace('"Somebody & others"', evil)
    (tmp_path / "small.yaml").write_text(words.replace("https://example.org/paper", "javascript:alert(1)"), "utf-8")
    asked(suites.read(str(tmp_path / "small.yaml")))
    page = site.build(tmp_path / "site").start.read_text(encoding="utf-8")
    assert EVIL not in page
    assert "javascript:" not in page
    assert "&lt;script&gt;" in page


def test_a_suite_called_index_does_not_take_the_first_page(
    asked: Callable[..., list[Cell]], text: str, tmp_path: Path
) -> None:
    (tmp_path / "index.yaml").write_text(text.replace("suite: small", "suite: index"), encoding="utf-8")
    asked(suites.read(str(tmp_path / "index.yaml")))
    made = site.build(tmp_path / "site")
    assert '<a href="index_.html">' in made.start.read_text(encoding="utf-8")
    assert '<section id="table"' in (tmp_path / "site" / "index_.html").read_text(encoding="utf-8")
