"""The page in a real browser, where Chromium is installed: it draws, no script fails, links open what they lead to."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from html import unescape
from pathlib import Path

import pytest

from kgprism.platform.data.graph import AlignedGraphs
from kgprism.platform.studies.reports.page.gather import gather
from kgprism.platform.studies.reports.page.page import page
from kgprism.platform.studies.reports.table import tabulate
from kgprism.platform.studies.reports.view import view
from kgprism.platform.studies.store.runs import Store
from kgprism.platform.studies.suites.cells import expand
from kgprism.platform.studies.suites.manifest import save_manifest
from kgprism.platform.studies.suites.suite import Suite
from kgprism.platform.training.outcome import Outcome

pytestmark = pytest.mark.slow

#: Before all else: whatever fails is noted.
FIRST = "<script>const failed = []; addEventListener('error', e => failed.push(e.message));</script>"
#: Behind all else: each link is followed, each drawing measured, the first panel hidden, and told in an element.
LAST = """
<script>addEventListener("load", async () => {
  const told = { failed, lost: [], closed: [], far: [], links: 0 };
  for (const link of document.querySelectorAll('a[href^="#"]')) {
    link.click();
    await new Promise(done => setTimeout(done, 0));
    const found = document.getElementById(link.getAttribute("href").slice(1));
    const around = found && found.closest("details");
    told.links += 1;
    if (!found) told.lost.push(link.getAttribute("href"));
    if (around && !around.open) told.closed.push(found.id);
    const top = found ? found.getBoundingClientRect().top : 0;
    if (top < 0 || top > innerHeight) told.far.push([found.id, top]);
  }
  const seen = where => [...document.querySelectorAll(where)].filter(e => e.getBoundingClientRect().width > 0).length;
  told.dots = seen("#differences circle");
  told.bars = [...document.querySelectorAll("#differences .dot line")].length;
  told.curves = seen("#runs .curve");
  const first = document.querySelector("#table thead .name").getBoundingClientRect().left;
  const frame = document.querySelector("#table .frame");
  frame.scrollLeft = 300;
  told.scrolled = frame.scrollLeft > 0;
  told.fixed = document.querySelector("#table thead .name").getBoundingClientRect().left === first;
  const cells = seen("#table td");
  document.getElementById("panel-0").click();
  told.hidden = cells - seen("#table td");
  const out = document.createElement("pre");
  out.id = "told"; out.textContent = JSON.stringify(told); document.body.append(out);
});</script></body>"""


def test_the_page_draws_and_its_links_work(
    tmp_path: Path,
    small: Suite,
    graphs: AlignedGraphs,
    store: Store,
    outcome: Callable[..., Outcome],
    browse: Callable[..., str],
) -> None:
    data = {"toy": graphs, "other": replace(graphs, name="other")}
    cells = expand(small, data)
    for n, cell in enumerate({cell.run.id: cell for cell in cells}.values()):
        store.write(cell.run, outcome(0.5 + 0.01 * n, epoch=1 + n % 3))
    save_manifest(tmp_path / "study", small, cells)
    table = tabulate(small, cells, store)
    text = page(view(table), gather(small, table, tmp_path / "study", store))
    file = tmp_path / "page.html"
    file.write_text(text.replace("<head>", f"<head>{FIRST}").replace("</body>", LAST), encoding="utf-8")
    drawn = browse(file, "window-size=700,900", "dump-dom")
    (found,) = re.findall(r'<pre id="told">(.*?)</pre>', drawn)
    told = json.loads(unescape(found))
    assert (told["failed"], told["lost"], told["closed"], told["far"]) == ([], [], [], [])
    assert told["links"] > 20
    # Two rows beside the full method, on three panels, for two metrics.
    assert (told["dots"], told["bars"]) == (12, 12)
    assert told["curves"] >= 9
    assert (told["scrolled"], told["fixed"]) == (True, True)
    assert told["hidden"] == 4 * (2 + 1)
