"""The forms of a table: what stands where, what is escaped, what is marked."""

import csv
import io
import json
import re
from html.parser import HTMLParser

import pytest

from kgprism.platform.errors import ConfigurationError
from kgprism.platform.studies.reports.entries import Column, Entry, Row, Table
from kgprism.platform.studies.reports.forms import FORMS
from kgprism.platform.studies.reports.render import render


def measured(published: float | None, *values: float, delta: float | None = None, missing: int = 0) -> Entry:
    count = len(values)
    runs = tuple(f"run{n}" for n in range(count))
    return Entry(
        published, None, values, tuple(range(count)), (50,) * count, runs, missing, (), delta, count if delta else 0, ""
    )


@pytest.fixture
def table() -> Table:
    columns = (Column("toy", 0.2, "hits_at_1"), Column("toy", 0.2, "mr"))
    whole = (measured(0.6, 0.5, 0.7), measured(None, 12.0))
    less = (measured(0.55, 0.45, delta=-0.0504, missing=1), measured(None, 20.0, delta=8.0))
    failed = Entry(None, None, (), (), (), (), 1, ("loss is <nan>",), None, 0, "")
    twin = Entry(None, None, (0.5,), (0,), (50,), ("run0",), 0, (), 0.0, 1, "Whole")
    rows = (
        Row("rival", "A & B_1", "", False, False, (measured(0.3), measured(None))),
        Row("whole", "Whole", "", True, True, whole),
        Row("less", "w/o |x| 50%", "parts", False, True, less, "whole"),
        Row("bad", "<b>bad</b>", "parts", False, True, (failed, failed), "whole"),
        Row("twin", "twin", "data", False, True, (twin, measured(None)), "whole"),
    )
    paper = {"key": "Some & One", "table": "Table 1", "url": "https://example.org"}
    notes = ("100 % <sure>", "two")
    return Table("small", "Title_1 & more", paper, "valid", "l2r", False, 3, columns, rows, notes)


def test_markdown_is_aligned_and_says_published_measured_and_difference(table: Table) -> None:
    lines = render(table, "md").splitlines()
    assert lines[0] == "# Title_1 & more"
    assert "## toy, 20 % seed pairs" in lines
    rows = [line for line in lines if line.startswith("|")]
    assert len({len(line) for line in rows}) == 1
    cells = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in rows]
    assert cells[0] == ["Variant", "Hits@1 published", "Hits@1 measured", "Δ", "MR published", "MR measured", "Δ"]
    assert cells[2] == ["A & B_1", ".300", "", "", "—", "", ""]
    assert cells[3] == ["Whole", ".600", ".600 ± .141", "", "—", "12.0 ± -", ""]
    assert cells[4] == ["*parts*", *[""] * 6]
    assert cells[5] == [r"w/o \|x\| 50%", ".550", ".450 ± - (1/2)", "-.050", "—", "20.0 ± -", "+8.0"]
    assert cells[6][2:4] == ["failed", "—"]
    assert cells[8][2:4] == ["= .500 ± -", "+.000"]
    assert lines[-2:] == ["- 100 % <sure>", "- two"]


def test_text_is_aligned(table: Table) -> None:
    lines = render(table, "text").splitlines()
    row = next(line for line in lines if line.startswith("Whole"))
    head = next(line for line in lines if line.startswith("Variant"))
    assert row.index(".600 ± .141") + len(".600 ± .141") == head.index("Hits@1 measured") + len("Hits@1 measured")


def test_no_published_number_no_column_for_it(table: Table) -> None:
    alone = Table(
        **{**vars(table), "rows": (Row("one", "One", "", True, True, (measured(None, 0.5), measured(None))),)}
    )
    assert "published" not in render(alone, "md")
    assert "pub." not in render(alone, "latex")
    assert "| .500 ± - |" in render(alone, "md")


def test_percent_and_decimals(table: Table) -> None:
    shown = render(Table(**{**vars(table), "percent": True, "decimals": 1}), "md")
    assert "60.0 ± 14.1" in shown
    assert " -5.0 " in shown


def test_latex_escapes_marks_and_balances(table: Table) -> None:
    text = render(table, "latex")
    assert r"\caption{Title\_1 \& more}" in text
    assert r"A \& B\_1 & .300 &  &" in text
    assert r"\textbf{.600} & \textbf{.600 $\pm$ .141}" in text
    assert r"\underline{.550}" in text
    # A low mean rank is a good one.
    assert r"\textbf{12.0 $\pm$ -}" in text
    assert r"\underline{20.0 $\pm$ -}" in text
    assert "$-.050$" in text
    assert text.count("{") - text.count(r"\{") == text.count("}") - text.count(r"\}")
    opened: list[str] = []
    for way, name in re.findall(r"\\(begin|end){(.*?)}", text):
        assert way == "begin" or opened.pop() == name
        opened += [name] if way == "begin" else []
    assert not opened
    rows = [line for line in text.splitlines() if line.endswith(r"\\") and "multicolumn" not in line]
    assert {len(re.findall(r"(?<!\\)&", line)) for line in rows} == {6}


def test_latex_notes_stand_under_the_table_and_what_looks_like_a_template_is_printed(table: Table) -> None:
    row = Row("odd", "<< x >> {{ y }} <% z %>", "", False, True, (measured(None, 0.5), measured(None)))
    notes = ("one\ntw\x1b\u202eo", "kgprism ablate --set λ=`1`")
    text = render(Table(**{**vars(table), "rows": (row,), "notes": notes}), "latex")
    assert r"\textless{}\textless{} x \textgreater{}\textgreater{} \{\{ y \}\}" in text
    below = text[text.index(r"\begin{tablenotes}") : text.index(r"\end{tablenotes}")].splitlines()
    # Two dashes would be drawn as one.
    told = r"\item kgprism ablate -{}-set $\lambda$=\textasciigrave{}1\textasciigrave{}"
    assert below[2:] == [r"\item one two", told]


def test_latex_lets_a_long_word_of_a_note_go_on_in_the_next_line(table: Table) -> None:
    text = render(Table(**{**vars(table), "notes": ("see https://example.org/some_where",)}), "latex")
    assert r"\item see https:\allowbreak /\allowbreak /\allowbreak example.\allowbreak org/\allowbreak some\_" in text


ODD = ["[12] cited", "* ours", " [x]", "line one\nline two", "tab\tand\u2028line", "*"]


@pytest.fixture
def odd(table: Table) -> Table:
    """A table whose labels, groups, title, notes and failures hold what ends a line, or begins an argument."""
    failed = Entry(None, None, (), (), (), (), 1, ("lost\na worker",), None, 0, "")
    rows = [
        Row(f"row{n}", label, f"[group]\n{n // 2}" if n else "", not n, True, (measured(None, 0.5), failed))
        for n, label in enumerate(ODD)
    ]
    notes = ("one\ntwo\r\\three", "Failed: x: lost\na worker")
    return Table(**{**vars(table), "title": "Two\nlines", "rows": tuple(rows), "notes": notes})


def test_latex_takes_no_label_for_the_argument_of_what_stands_before_it(odd: Table) -> None:
    lines = render(odd, "latex").splitlines()
    assert not [line for line in lines if line.lstrip().startswith(("[", "*"))]
    begun = [line.split(" & ")[0] for line in lines if ".500" in line]
    assert begun == ["{[}12] cited", "{*} ours", "{[}x]", "line one line two", "tab and line", "{*}"]
    assert r"\caption{Two lines}" in lines
    items = [line for line in lines if line.startswith(r"\item")]
    assert items == [r"\item one two \textbackslash{}three", r"\item Failed: x: lost a worker"]


def test_a_new_line_ends_no_row_and_no_item(odd: Table) -> None:
    lines = render(odd, "md").splitlines()
    assert lines[0] == "# Two lines"
    assert lines[-2:] == ["- one two \\three", "- Failed: x: lost a worker"]
    rows = [line for line in lines if line.startswith("|")]
    assert len(rows) == 2 + len(ODD) + 3
    assert len({len(line) for line in rows}) == 1
    text = render(odd, "text").splitlines()
    assert "line one line two" in {line[:17] for line in text}
    assert text[-2:] == ["one two \\three", "Failed: x: lost a worker"]


def test_csv_keeps_new_lines(odd: Table) -> None:
    rows = list(csv.DictReader(io.StringIO(render(odd, "csv"), newline="")))
    assert [row["label"] for row in rows[::2]] == ODD
    assert {row["failures"] for row in rows[1::2]} == {"lost\na worker"}


def test_csv_has_one_row_a_cell(table: Table) -> None:
    rows = list(csv.DictReader(io.StringIO(render(table, "csv"))))
    assert len(rows) == 10
    less = next(row for row in rows if (row["variant"], row["metric"]) == ("less", "hits_at_1"))
    assert (less["published"], less["mean"], less["std"], less["runs"]) == ("0.55", "0.45", "", "1")
    assert (less["missing"], float(less["delta"]), less["ids"], less["epochs"]) == ("1", -0.0504, "run0", "50")


def test_json_is_strict(table: Table) -> None:
    def refuse(word: str) -> None:
        raise AssertionError(word)

    odd = Row("odd", "odd", "", False, True, (measured(None, float("nan")), measured(None)))
    plain = json.loads(render(Table(**{**vars(table), "rows": (odd,)}), "json"), parse_constant=refuse)
    assert plain["rows"][0]["entries"][0]["mean"] is None
    assert plain["columns"][0] == {"dataset": "toy", "seed_ratio": 0.2, "metric": "hits_at_1"}


class Reader(HTMLParser):
    """Notes open tags, links outward, and the words of each table cell."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.outward: list[str] = []
        self.cells: list[str] = []
        self.hints: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if tag not in ("meta", "link", "br"):
            self.open.append(tag)
        found = dict(attributes)
        self.outward += [value for key in ("src", "href") if (value := found.get(key)) and tag != "a"]
        if tag == "td":
            self.cells.append("")
            self.hints.append(found.get("title") or "")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "td" in self.open:
            self.cells[-1] += data


def test_html_is_whole_and_escaped(table: Table) -> None:
    text = render(table, "html")
    reader = Reader()
    reader.feed(text)
    assert reader.open == []
    assert reader.outward == []
    assert "<b>bad</b>" not in text
    assert "&lt;b&gt;bad&lt;/b&gt;" in text
    words = [" ".join(cell.split()) for cell in reader.cells]
    assert words[2:6] == [".600 ± .141 pub. .600", "12.0 ± -", ".450 ± - (1/2) pub. .550 -.050", "20.0 ± - +8.0"]
    assert words[:2] == [".300", ""]
    assert words[6] == "failed"
    assert "seed 1 · epoch 50 · .700 · run run1" in reader.hints[2]
    assert "failed: loss is <nan>" in reader.hints[6]


def test_an_address_that_is_no_web_page_is_no_link(table: Table) -> None:
    text = render(Table(**{**vars(table), "paper": {**table.paper, "url": "javascript:alert(1)"}}), "html")
    assert "javascript:" not in text


def test_every_form_can_be_made_and_no_other(table: Table) -> None:
    assert all(render(table, form).endswith("\n") for form in FORMS)
    with pytest.raises(ConfigurationError, match="did you mean 'latex'"):
        render(table, "latx")
