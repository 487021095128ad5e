"""A search's page in a real browser, where Chromium is installed: it draws, no script fails, a click sorts."""

import json
import re
from collections.abc import Callable
from html import unescape
from pathlib import Path

import pytest

from kgprism.platform.studies.search.after.page import page

pytestmark = pytest.mark.slow

#: Before all else: whatever fails is noted.
FIRST = "<script>const failed = []; addEventListener('error', e => failed.push(e.message));</script>"
#: Behind all else: what is seen is counted, links are looked up, the table is sorted by each column, up and down.
LAST = """
<script>addEventListener("load", () => {
  const seen = where => [...document.querySelectorAll(where)].filter(e => e.getBoundingClientRect().width > 0).length;
  const told = { failed, sorted: {}, lost: [] };
  for (const link of document.querySelectorAll('a[href^="#"]'))
    if (!document.getElementById(link.getAttribute("href").slice(1))) told.lost.push(link.getAttribute("href"));
  told.marks = seen("#history circle");
  told.fields = seen("#contour rect");
  told.threads = document.querySelectorAll("#parallel .thread").length;
  const order = () => [...document.querySelectorAll("#all tbody tr")].map(row => row.children[0].textContent);
  for (const head of document.querySelectorAll("#all th[data-sort]")) {
    head.click(); const down = order(); head.click();
    told.sorted[head.textContent] = [down, order()];
  }
  const out = document.createElement("pre");
  out.id = "told"; out.textContent = JSON.stringify(told); document.body.append(out);
});</script></body>"""


def test_the_page_draws_and_a_click_sorts(found, trial, tmp_path: Path, browse: Callable[..., str]) -> None:
    some = [
        trial(0.3, rank=9.0, rate=1e-2, kind="sum"),
        trial(0.9, rank=1.0, rate=1e-3),
        trial(0.5, rank=10.0, rate=1e-1, kind="low_rank"),
        trial(0.4, rank=4.0, rate=1e-4),
        trial(0.6, rank=5.0, rate=2e-3),
        trial(attributes={"reason": "loss is nan"}),
    ]
    text = page(found(some)).replace("<head>", f"<head>{FIRST}").replace("</body>", LAST)
    (tmp_path / "page.html").write_text(text, encoding="utf-8")
    drawn = browse(tmp_path / "page.html", "dump-dom")
    (said,) = re.findall(r'<pre id="told">(.*?)</pre>', drawn)
    told = json.loads(unescape(said))
    assert (told["failed"], told["lost"]) == ([], [])
    assert (told["marks"], told["fields"], told["threads"]) == (5, 24 * 24, 5)
    # What has no value stays at the end.
    value, rank = told["sorted"]["objective 1"], told["sorted"]["rank"]
    assert sorted(value) == sorted([["1", "4", "2", "3", "0", "5"], ["0", "3", "2", "4", "1", "5"]])
    assert rank == [["2", "0", "4", "3", "1", "5"], ["1", "3", "4", "0", "2", "5"]]
    assert told["sorted"]["trial"][1] == ["0", "1", "2", "3", "4", "5"]
    assert [row[:2] for row in told["sorted"]["kind"]] == [["0", "2"], ["2", "0"]]
