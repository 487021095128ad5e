"""A home's site in a real browser, where Chromium is installed: pixels that are drawn, widths, links that lead on."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from html import unescape
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest
from matplotlib.image import imread

from kgprism.platform.data.graph import AlignedGraphs
from kgprism.platform.studies.reports.site import building as site
from kgprism.platform.studies.reports.site.index import Search
from kgprism.platform.studies.store.runs import Store
from kgprism.platform.studies.suites.asked import Asked
from kgprism.platform.studies.suites.cells import expand
from kgprism.platform.studies.suites.manifest import save_manifest
from kgprism.platform.studies.suites.suite import Suite
from kgprism.platform.training.outcome import Outcome

pytestmark = pytest.mark.slow
WIDTH, HEIGHT = 1100, 2400
#: Where things are on a page, and how wide it is, told in an element.
TOLD = """
<script>addEventListener("load", () => {
  const told = { wide: document.documentElement.scrollWidth, places: {} };
  for (const where of ["h1", ".frame", "#table .frame", "#differences .frame", ".bar"]) {
    const found = document.querySelector(where);
    if (found) { const r = found.getBoundingClientRect(); told.places[where] = [r.left, r.top, r.right, r.bottom]; }
  }
  const box = document.getElementById("filter");
  if (box) {
    box.value = "nothing of that kind"; box.dispatchEvent(new Event("input"));
    told.left = [...document.querySelectorAll("tr.line")].filter(line => !line.hidden).length;
    box.value = "search"; box.dispatchEvent(new Event("input"));
    told.found = [...document.querySelectorAll("tr.line")].filter(line => !line.hidden).length;
  }
  const out = document.createElement("pre"); out.id = "told"; out.hidden = true;
  out.textContent = JSON.stringify(told); document.body.append(out);
});</script></body>"""


@pytest.fixture
def folder(small: Suite, graphs: AlignedGraphs, outcome: Callable[..., Outcome], tmp_path: Path) -> Path:
    """Return the site of a home with one suite, with two settings, all of it finished."""
    data, store = {"toy": graphs, "other": replace(graphs, name="other")}, Store()
    for epochs in (3, 4):
        given = {"train.epochs": epochs} if epochs == 4 else {}
        cells = expand(small, data, overrides=given)
        for n, cell in enumerate({cell.run.id: cell for cell in cells}.values()):
            store.write(cell.run, outcome(0.5 + 0.03 * (n % 5), epoch=1 + n % 3))
        place = Asked.of(small, None, given).folder
        save_manifest(place, small, cells, overrides=given, called=str(tmp_path / "small.yaml"))
    searches = [Search("a search", "loginmea", "toy", "3/3", "valid/l2r/mrr", ".5", "finished")]
    return site.build(tmp_path / "site", searches=searches).start.parent


@pytest.fixture
def seen(browse: Callable[..., str], tmp_path: Path) -> Callable[[Path], tuple[dict, np.ndarray]]:
    """Return what a page tells of itself, and its pixels, as it is without being asked."""

    def looked(page: Path) -> tuple[dict, np.ndarray]:
        window = f"window-size={WIDTH},{HEIGHT}"
        asking = page.with_name(f"asking-{page.name}")
        asking.write_text(page.read_text(encoding="utf-8").replace("</body>", TOLD), encoding="utf-8")
        (found,) = re.findall(r'<pre id="told".*?>(.*?)</pre>', browse(asking, window, "dump-dom"))
        asking.unlink()
        browse(page, window, f"screenshot={tmp_path / 'seen.png'}")
        pixels = (imread(tmp_path / "seen.png")[:, :, :3] * 255).round().astype(int)
        assert pixels.shape == (HEIGHT, WIDTH, 3)
        return json.loads(unescape(found)), pixels

    return looked


def colours(pixels: np.ndarray, place: list[float]) -> set[str]:
    left, top, right, bottom = (round(end) for end in place)
    return {f"#{r:02x}{g:02x}{b:02x}" for r, g, b in pixels[top:bottom, left:right].reshape(-1, 3)}


def test_the_page_of_a_suite_is_drawn_and_no_wider_than_the_window(folder: Path, seen) -> None:
    told, pixels = seen(folder / "small.html")
    assert told["wide"] <= WIDTH
    table = colours(pixels, told["places"]["#table .frame"])
    # Letters with soft edges, and the full method's row.
    assert len(table) > 50
    assert {"#eef3ff", "#16191f"} <= table
    forest = colours(pixels, told["places"]["#differences .frame"])
    assert len(forest) > 50
    assert {"#067647", "#b42318"} & forest


def test_the_index_is_drawn_and_filtered(folder: Path, seen) -> None:
    told, pixels = seen(folder / "index.html")
    assert told["wide"] <= WIDTH
    assert (told["left"], told["found"]) == (0, 1)
    assert len(colours(pixels, told["places"][".frame"])) > 50
    assert "#067647" in colours(pixels, told["places"][".bar"])


def test_every_link_leads_to_a_file_or_a_place(folder: Path) -> None:
    pages = sorted(folder.glob("*.html"))
    assert len(pages) == 3
    links = 0
    for page in pages:
        text = page.read_text(encoding="utf-8")
        for link in re.findall(r'<a href="([^"]*)"', text):
            links += 1
            address, _, place = unescape(link).partition("#")
            if address.startswith("https://"):
                assert address == "https://example.org/paper"
                continue
            there = folder / unquote(address) if address else page
            assert there.is_file(), f"{page.name}: {link}"
            assert not place or f'id="{place}"' in there.read_text(encoding="utf-8"), f"{page.name}: {link}"
    assert links > 30
