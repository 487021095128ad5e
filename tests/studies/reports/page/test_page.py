"""A suite's page: what stands on it, where its links lead, what is marked and how."""

import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import get_args

import pytest

from kgprism.platform.data.graph import AlignedGraphs
from kgprism.platform.studies.reports.entries import Column, Entry, Row, Table
from kgprism.platform.studies.reports.page.dots import forest
from kgprism.platform.studies.reports.page.gather import gather
from kgprism.platform.studies.reports.page.page import page
from kgprism.platform.studies.reports.table import tabulate
from kgprism.platform.studies.reports.view import view
from kgprism.platform.studies.reports.words import MISSING
from kgprism.platform.studies.statistics.evidence import Evidence
from kgprism.platform.studies.statistics.verdict import Verdict, Word
from kgprism.platform.studies.store.runs import Store
from kgprism.platform.studies.suites.cells import expand
from kgprism.platform.studies.suites.manifest import save_manifest
from kgprism.platform.studies.suites.suite import Paper, Suite
from kgprism.platform.training.outcome import Outcome

#: Of HTML, and of SVG where nothing is within.
VOID = {"meta", "br", "input", "path", "circle", "line"}


class Reader(HTMLParser):
    """Checks that each element is closed and gathers names, links and texts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.names: list[str] = []
        self.links: list[str] = []
        self.fetched: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.names += [found["id"] or ""] if "id" in found else []
        self.links += [found["href"] or ""] if "href" in found and tag == "a" else []
        self.fetched += [found["src"] or ""] if "src" in found else []
        self.fetched += [tag] if tag in ("link", "img", "iframe") else []
        self.open += [] if tag in VOID else [tag]

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert tag in VOID or self.open.pop() == tag


def worth(low: float, high: float, seeds: int, adjusted: float) -> Evidence:
    return Evidence((low, high), "other seeds and queries", seeds, adjusted, None, 0.5, 0.1, False, adjusted)


def entry(delta: float | None, evidence: Evidence | None = None, **more: object) -> Entry:
    plain = Entry(None, None, (0.5,), (1,), (5,), ("a",), 0, (), delta, 1, "", evidence)
    return replace(plain, **more)  # type: ignore[arg-type]


WHY = "† Idle on toy does nothing at first: gradient change 0 (kgprism inspect)."
#: Nothing was measured.
NONE: dict[str, object] = {"values": (), "seeds": (), "epochs": (), "runs": ()}


@pytest.fixture
def table() -> Table:
    rows = (
        Row("rival", "A rival", "", False, False, (entry(None, **NONE, published=0.4),)),
        Row("other", "Another", "", False, False, (entry(None, **NONE, published=0.3),)),
        Row("full", "Full", "", True, True, (entry(None, published=0.45, verdict=Verdict("reproduced")),)),
        Row("worse", "Same", "one", False, True, (entry(-0.2, worth(-0.3, -0.1, 3, 0.01)),), "full"),
        Row("even", "Same", "two", False, True, (entry(0.05, worth(-0.1, 0.2, 3, 0.4)),), "full"),
        Row("idle", "Idle †", "two", False, True, (entry(None),), "full"),
        Row("todo", "Todo", "two", False, True, (entry(None, **NONE, missing=1),), "full"),
    )
    return Table(
        "s", "S", Paper().model_dump(), "valid", "l2r", False, 3, (Column("toy", None, "mrr"),), rows, ("a note", WHY)
    )


def test_the_forest_has_a_dot_and_an_interval_a_difference_and_fills_the_starred(table: Table) -> None:
    (found,) = forest(view(table))
    assert [label for label, _ in found.rows] == ["Same (one)", "Same (two)"]
    (worse,), (even,) = (dots for _, dots in found.rows)
    (strip,) = found.strips
    assert worse
    assert even
    assert strip.zero is not None
    assert worse.low < worse.x < worse.high < strip.zero
    assert even.low < strip.zero < even.x < even.high
    # One length everywhere: .1 to the left of zero is half of .2.
    assert strip.zero - worse.x == pytest.approx(2 * (strip.zero - even.low), abs=0.2)
    assert (worse.full, worse.falls, even.full, even.falls) == (True, True, False, False)
    assert worse.text == "-.200*"
    assert "-.300 to -.100" in worse.told


def test_a_published_row_is_one_line_and_the_best_published_number_is_marked(table: Table) -> None:
    text = page(view(table))
    Reader(text)
    cells = [re.sub("<.*?>", "", cell).split() for cell in re.findall(r"<td class=.*?</td>", text, re.DOTALL)]
    assert cells[:2] == [[".400"], []]
    assert '<span class="pub second">.400</span>' in text
    assert '<span class="pub">pub. <span class="best">.450</span></span>' in text
    assert f'<th class="name idle" scope="row" title="{WHY}">Idle †</th>' in text
    assert text.count("name idle") == 1
    assert '<span class="said yes">reproduced</span>' in text


@pytest.mark.parametrize("word", [word for word in get_args(Word) if word.startswith("not")])
def test_a_missed_number_is_marked_whichever_side_ours_lies(table: Table, word: Word) -> None:
    full, *others = table.rows
    missed = replace(full, entries=(entry(None, published=0.45, verdict=Verdict(word)),))
    text = page(view(replace(table, rows=(missed, *others))))
    assert f'<span class="said no">{word}</span>' in text


def test_without_numbers_there_is_a_sentence_and_no_table_of_dashes(table: Table) -> None:
    rows = tuple(replace(row, entries=(entry(None, **NONE, missing=1),)) for row in table.rows if row.measured)
    text = page(view(replace(table, rows=rows)))
    assert "Nothing was measured yet" in text
    assert "<table>" not in text


def test_what_was_only_published_so_far_is_one_line_without_a_dash(small: Suite, store: Store) -> None:
    text = page(view(tabulate(small, [], store)))
    row = text[text.index(">The method<") :]
    cells = [re.sub("<.*?>", "", cell).split() for cell in re.findall(r"<td class=.*?</td>", row, re.DOTALL)]
    assert cells[0] == ["pub.", ".600"]
    assert [MISSING] in cells


def test_a_figure_is_drawn_of_published_numbers_alone(small: Suite, store: Store, tmp_path: Path) -> None:
    figure = small.model_copy(update={"layout": small.layout.model_copy(update={"kind": "figure"})})
    table = tabulate(figure, [], store)
    text = page(view(table), gather(figure, table, tmp_path, store))
    assert '<section id="figure">' in text
    assert ".7 published" in text
    assert '<section id="figure">' not in page(view(table), gather(small, table, tmp_path, store))


@pytest.fixture
def whole(small: Suite, graphs: AlignedGraphs, store: Store, outcome: Callable[..., Outcome]) -> str:
    """Return the page of the small suite: one run has no result, two seeds differ in their ranks."""
    data = {"toy": graphs, "other": replace(graphs, name="other")}
    cells = expand(small, data)
    for n, cell in enumerate({cell.run.id: cell for cell in cells}.values()):
        if n:
            store.write(cell.run, outcome(0.5 + 0.01 * n, epoch=1 + n % 3))
    folder = store.folder.parent / "study"
    save_manifest(folder, small, cells)
    table = tabulate(small, cells, store)
    return page(view(table), gather(small, table, folder, store))


def test_the_page_needs_nothing_else_its_links_lead_somewhere_and_cells_to_their_runs(whole: str) -> None:
    read = Reader(whole)
    assert read.fetched == []
    assert len(set(read.names)) == len(read.names)
    inward = [link for link in read.links if link.startswith("#")]
    assert [link for link in inward if link.removeprefix("#") not in read.names] == []
    assert {"#runs-1-0", "#runs-3-2", "#differences", "#runs", "#notes"} <= set(inward)
    assert [link for link in read.links if link not in inward] == ["https://example.org/paper"]
    part = whole[whole.index('id="runs-2-0"') :]
    part = part[: part.index("</details>")]
    assert part.count("<code>fusion.kind</code>") == 1
    assert "<code>low_rank</code>" in part
    assert "<code>sum</code>" in part
    titles = re.findall("<figcaption>(.*?)</figcaption>", part)
    assert titles == ["loss", "test MRR"]
    assert part.count('<path class="curve"') >= 2
    first = whole[whole.index('id="runs-1-0"') :]
    assert ">to run<" in first[: first.index("</details>")]
