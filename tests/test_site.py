"""The site (`make docs`): built from the pages as they lie and from docstrings, without one warning."""

import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

import kgprism

ROOT = Path(__file__).parents[1]
CONFIG = ROOT / "docs/site/mkdocs.yml"
REFERENCE = (ROOT / "docs/site/pages/reference.md").read_text(encoding="utf-8")


def test_the_reference_has_every_public_name() -> None:
    shown = re.findall(r"^::: kgprism\.(\w+)$", REFERENCE, re.MULTILINE)
    assert sorted(shown) == sorted([*kgprism.__all__, "testing"])


def test_every_guide_is_in_the_menu() -> None:
    menu = set(re.findall(r": (\S+\.md)$", CONFIG.read_text(encoding="utf-8"), re.MULTILINE))
    pages = {f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")}
    assert menu == pages | {"README.md", "CHANGELOG.md", "CONTRIBUTING.md", "benchmarks/README.md", "reference.md"}


@pytest.mark.slow
@pytest.mark.skipif(not find_spec("mkdocstrings"), reason="mkdocs comes with the extra 'docs'")
def test_the_site_is_built_without_a_warning(tmp_path: Path) -> None:
    build = (sys.executable, "-m", "mkdocs", "build", "--strict", "-f", str(CONFIG), "-d", str(tmp_path / "site"))
    done = subprocess.run(
        build,
        capture_output=True,
        text=True,
        check=False,
        encoding="utf-8",
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "WARNING" not in done.stderr
    start, house, names = (
        (tmp_path / "site" / page / "index.html").read_text(encoding="utf-8")
        for page in ("", "docs/architecture", "reference")
    )
    assert 'href="docs/results/"' in start
    assert 'src="docs/page.png"' in start
    assert (tmp_path / "site/docs/page.png").exists()
    # CONTRIBUTING links here as the forge writes the heading.
    assert 'id="where-do-i-put-"' in house
    assert "<li><strong>A method is a composition.</strong>" in start.replace("\n", "").replace("<p>", "")
    for name in (*kgprism.__all__, "MethodContract"):
        assert re.search(rf'<h[2-5] id="kgprism\.[\w.]*\b{name}"', names), name
