"""The page in a real browser, where Chromium is installed: it draws, fits a narrow screen, and is dark in the dark."""

import json
import re
from collections.abc import Callable
from html import unescape
from pathlib import Path

import pytest

from kgprism.platform.data.catalogue import toy
from kgprism.platform.data.graph import AlignedGraphs
from kgprism.platform.studies.look.look import look
from kgprism.platform.studies.look.page import page

LAST = """<script>addEventListener("load", () => {
  const pictures = [...document.querySelectorAll("img")];
  const wide = [...document.querySelectorAll("body *")].filter(one => !one.closest(".frame, summary, svg")
    && one.getBoundingClientRect().right > innerWidth + 1);
  const cards = [...document.querySelectorAll(".pair")].map(one => [...one.querySelectorAll(".side")]);
  const told = {
    pictures: pictures.length,
    drawn: pictures.filter(one => one.naturalWidth > 0).length,
    partners: [...document.querySelectorAll("li.partner")].length,
    bars: [...document.querySelectorAll("svg rect.fill")].map(one => one.getBoundingClientRect().width),
    wide: wide.map(one => one.className || one.tagName),
    page: document.documentElement.scrollWidth - innerWidth,
    paper: getComputedStyle(document.body).backgroundColor,
    alerted: window.alerted || 0,
    beside: cards.map(([a, b]) => b && b.getBoundingClientRect().left > a.getBoundingClientRect().left),
    rows: cards.map(sides => sides.map(side => [...side.querySelectorAll(".close")].map(
      one => Math.round(one.getBoundingClientRect().top)))),
  };
  const out = document.createElement("pre");
  out.id = "told"; out.textContent = JSON.stringify(told); document.body.append(out);
});</script></body>"""
FIRST = "<head><script>window.alert = () => { window.alerted = (window.alerted || 0) + 1; };</script>"


@pytest.fixture
def seen(browse: Callable[..., str], tmp_path: Path) -> Callable[..., dict]:
    """Return what a browser tells of a page."""

    def opened(drawn: str, *options: str) -> dict:
        file = tmp_path / "page.html"
        file.write_text(drawn.replace("<head>", FIRST, 1).replace("</body>", LAST), encoding="utf-8")
        (said,) = re.findall(r'<pre id="told">(.*?)</pre>', browse(file, "dump-dom", *options), re.DOTALL)
        return json.loads(unescape(said))

    return opened


def test_pairs_stand_side_by_side_and_their_rows_in_line(seen) -> None:
    found = look(toy.aligned(), sample=6)
    told = seen(page(found), "window-size=1300,1000")
    assert told["beside"] == [True] * 6
    for left, right in told["rows"]:
        assert left == right == sorted(left)
        assert len(left) == 4
    marked = sum(partner for row in found.sample for side in row for c in side.close for _, _, partner in c.entities)
    assert told["partners"] == marked
    assert max(told["bars"]) == pytest.approx(80, abs=0.5)
    assert told["paper"] == "rgb(255, 255, 255)"


def test_hostile_names_do_nothing_and_fit_a_narrow_screen(seen, odd: AlignedGraphs) -> None:
    told = seen(page(look(odd, sample=6)), "window-size=500,900")
    assert told["alerted"] == 0
    assert told["wide"] == []
    assert told["page"] <= 0
    assert told["beside"] == [False] * 6


def test_pictures_are_drawn_in_the_dark_too(seen, pictures) -> None:
    graph = toy.completion()
    drawn = page(look(graph, images=[pictures(graph.graph.entities)], sample=4))
    told = seen(drawn, "window-size=900,900", "blink-settings=preferredColorScheme=0")
    assert told["pictures"] == told["drawn"] > 20
    assert told["paper"] == "rgb(15, 18, 23)"
    assert told["page"] <= 0
