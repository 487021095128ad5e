"""LaTeX of every packaged suite with full cells fits its pages: by count, and by TeX where there is one."""

import re
import shutil
import subprocess
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from kgprism.platform.studies.reports.entries import Column, Entry, Row, Table
from kgprism.platform.studies.reports.pages import HEIGHT, SIZES, WIDTH, pages
from kgprism.platform.studies.reports.render import render
from kgprism.platform.studies.reports.table import tabulate
from kgprism.platform.studies.reports.view import view
from kgprism.platform.studies.store.runs import Store
from kgprism.platform.studies.suites.reading.inheritance import open_suite
from kgprism.platform.studies.suites.suite import PACKAGE, Suite, suite_names

#: Those that were far too high for a page, and wide, narrow, side by side, or with many notes.
LARGE = ["snag_table2", "loginmea_table1", "simdiff_table2", "dhns_table4", "dhns_table2", "simdiff_figure3"]
EVERY = [pytest.param(name, marks=[] if name in LARGE else pytest.mark.slow) for name in suite_names()]


@cache
def full(name: str) -> Table:
    """Return a packaged suite's table as if all of it had run."""
    suite = open_suite(PACKAGE, name).checked(Suite)
    table = tabulate(suite, [], Store(Path("/nowhere")))

    def filled(row: Row) -> Row:
        made: dict[str, tuple[object, ...]] = {"values": (0.61, 0.62, 0.6), "seeds": (1, 2, 3), "epochs": (5, 5, 5)}
        made |= {"runs": ("a", "b", "c"), "paper": (0.62, 0.63, 0.61), "honest": (0.61, 0.62, 0.6)}
        delta = None if row.full else -0.0123
        entries = [replace(entry, **made, delta=delta, pairs=3) for entry in row.entries]
        return replace(row, entries=tuple(entries)) if row.measured else row

    notes = (*table.notes, "Measured: the epoch that is best on held-out data (select=valid); seeds 1, 2, 3." * 2)
    return replace(table, rows=tuple(map(filled, table.rows)), notes=notes)


def sheets(text: str) -> list[str]:
    return re.findall(r"\\begin{table\*}(.*?)\\end{table\*}", text, flags=re.DOTALL)


def points_down(sheet: str) -> float:
    """Count what stands below each other, in a way of its own: rows, rules, spaces, a caption of two lines."""
    line = next((size.line for size in SIZES if f"\\{size.name}\\set" in sheet), 12.0)
    table, _, notes = sheet.partition(r"\begin{tablenotes}")
    rules = len(re.findall(r"\\(?:top|mid|bottom|cmid)rule", table)) - table.count(r"} \cmidrule")
    down = 24 + 12 + line * (table.count(r"\\") + 0.45 * rules + 0.45 * table.count("addlinespace"))
    # About a hundred letters of a note go into a line.
    told = [re.sub(r"\\[a-z]+ ?|[{}\\]", "", note) for note in notes.split(r"\end")[0].split(r"\item")[1:]]
    return down + sum(9.5 * (1 + len(note) // 100) for note in told)


@pytest.mark.parametrize("name", EVERY)
def test_every_row_stands_on_a_page_that_is_high_enough(name: str) -> None:
    table = full(name)
    found = sheets(render(table, "latex"))
    assert all(points_down(sheet) < HEIGHT for sheet in found)
    assert len({re.search(r"\\label{(.*?)}", sheet).group(1) for sheet in found}) == len(found)  # type: ignore[union-attr]
    # Nothing is lost and nothing is twice: each row once a panel and group of metrics.
    rows = [line for sheet in found for line in sheet.splitlines() if line.endswith(r"\\") and "&" in line]
    body = [line for line in rows if not line.startswith((" &", "Variant"))]
    seen = pages(view(table))
    cells = sum(len(line.cells) for page in seen for part in page.sections for b in part.blocks for line in b.lines)
    assert cells == len(table.rows) * len(table.columns)
    assert len(body) == sum(len(b.lines) for page in seen for part in page.sections for b in part.blocks)
    assert [note for page in seen for note in page.notes] == list(table.notes)


def narrow(rows: int, panels: int, notes: int = 0, label: str = "w/o x") -> Table:
    entry = Entry(None, None, (0.5, 0.6), (0, 1), (5, 5), ("a", "b"), 0, (), None, 2, "")
    columns = tuple(Column("toy", n / 100, "mrr") for n in range(1, panels + 1))
    made = tuple(Row(f"r{n}", label, f"g{n // 4}", not n, True, (entry,) * panels) for n in range(rows))
    told = tuple(f"note {n}" for n in range(notes))
    return Table("small", "Title", {}, "valid", "l2r", False, 3, columns, made, told)


def test_what_fits_is_one_table_in_letters_of_the_text() -> None:
    (page,) = pages(view(narrow(4, 2, notes=3)))
    assert (page.size.name, page.beside, len(page.sections), len(page.notes)) == ("normalsize", 1, 2, 3)


def test_narrow_panels_stand_beside_each_other() -> None:
    (page,) = pages(view(narrow(20, 3)))
    assert (page.beside, [part.titles for part in page.sections]) == (
        3,
        [tuple(f"toy, {n} % seed pairs" for n in (1, 2, 3))],
    )
    assert len(page.sections[0].blocks[0].lines[0].cells) == 3


def test_a_panel_that_is_higher_than_a_page_is_cut_and_its_group_named_again() -> None:
    found = pages(view(narrow(102, 1)))
    lines = [line.row.id for page in found for part in page.sections for b in part.blocks for line in b.lines]
    assert len(found) > 1
    assert lines == [f"r{n}" for n in range(102)]
    assert all(part.titles == ("toy, 1 % seed pairs",) for page in found for part in page.sections)
    assert all(points_down(sheet) < HEIGHT for sheet in sheets(render(narrow(102, 1), "latex")))


def test_notes_beyond_a_page_go_on_the_next() -> None:
    found = pages(view(narrow(4, 1, notes=150)))
    assert len(found) == 4
    assert [note for page in found for note in page.notes] == [f"note {n}" for n in range(150)]
    assert [len(page.sections) for page in found] == [1, 0, 0, 0]


def test_metrics_that_are_too_wide_together_are_parted() -> None:
    wide = narrow(3, 1, label="a label that is so long that it takes the most of the page " * 1)
    columns = tuple(Column("toy", 0.01, metric) for metric in ("hits_at_1", "hits_at_3", "hits_at_10", "mrr"))
    rows = tuple(replace(row, entries=row.entries * 4) for row in wide.rows)
    found = pages(view(replace(wide, columns=columns, rows=rows)))
    assert [page.metrics for page in found] == [("hits_at_1", "hits_at_3"), ("hits_at_10", "mrr")]


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("pdflatex"), reason="TeX is not installed")
def test_tex_finds_no_box_too_wide_and_no_float_too_high(tmp_path: Path) -> None:
    for name in suite_names():
        (tmp_path / f"{name}.tex").write_text(render(full(name), "latex"), encoding="utf-8")
    page = rf"\usepackage[textwidth={WIDTH}pt,textheight={HEIGHT}pt]{{geometry}}"
    head = (
        rf"\documentclass[twocolumn]{{article}}\usepackage[T1]{{fontenc}}{page}\usepackage{{booktabs,threeparttable}}"
    )
    body = "".join(rf"\input{{{name}}}\clearpage" for name in suite_names())
    (tmp_path / "all.tex").write_text(rf"{head}\begin{{document}}{body}\end{{document}}", encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "all.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, errors="replace", check=False)
    wrong = [
        line for line in done.stdout.splitlines() if line.startswith("!") or "Overfull" in line or "too large" in line
    ]
    assert (done.returncode, wrong) == (0, [])
    assert "Output written" in done.stdout
