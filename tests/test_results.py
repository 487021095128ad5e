"""docs/results.md is what the command makes of docs/results/."""

from pathlib import Path

from kgprism.platform.studies.results.page import page

DOCS = Path(__file__).parents[1] / "docs"


def test_the_page_of_results_is_the_one_that_its_folder_makes() -> None:
    same = (DOCS / "results.md").read_bytes() == page(DOCS / "results").encode()
    assert same, "docs/results.md is not what docs/results/ makes: edit there, then run: kgprism report --results"
