"""Charts as files: the forms, what is written in them, bands and marks."""

import warnings
from pathlib import Path

import pytest
from matplotlib.collections import PolyCollection

from kgprism.platform.errors import ConfigurationError
from kgprism.platform.studies.reports.figures.chart import Axis, Chart, Curve, Plot, Point
from kgprism.platform.studies.reports.figures.plot import draw, drawing

BEGINS = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}


def swept(label: str = "Ours", title: str = "Title") -> Chart:
    points = (Point(1, 0.2, 0.1, 0.3), Point(10, 0.4, None), Point(100, 0.6, 0.2), Point(1000, None, None, 0.5))
    curves = (Curve(label, points), Curve("Rival", (Point(None, 0.3, 0.05, 0.35),)))
    return Chart(title, Axis("width", (1, 10, 100, 1000), log=True), ((Plot("toy: MRR", curves),),))


def rows(*words: str) -> Chart:
    points = tuple(Point(n, 0.5, 0.1, 0.6) for n in range(len(words)))
    axis = Axis("", tuple(map(float, range(len(words)))), words)
    return Chart("Title", axis, ((Plot("toy: MRR", (Curve("", points),)),),))


def test_equal_charts_are_equal_files_of_each_form(tmp_path: Path) -> None:
    files = [tmp_path / "deep" / f"figure.{ending}" for ending in BEGINS]
    draw(swept(), files)
    first = [file.read_bytes() for file in files]
    assert all(data.startswith(BEGINS[file.suffix[1:]]) for file, data in zip(files, first, strict=True))
    # Publishers refuse Type 3.
    assert b"/Type3" not in first[2]
    draw(swept(), files[1:])
    assert [file.read_bytes() for file in files] == first


def test_bands_marks_and_levels() -> None:
    (axis,) = drawing(swept()).axes
    assert axis.get_xscale() == "log"
    assert [label.get_text() for label in axis.get_xticklabels()] == ["1", "10", "100", "1000"]
    # All ticks are seen, also where there is nothing to draw.
    low, high = axis.get_xlim()
    assert 0.5 < low < 1
    assert 1000 < high < 2000
    # One deviation above and below where there is one: at 1 and 100.
    (band,) = [found for found in axis.collections if isinstance(found, PolyCollection)]
    corners = {(x, round(y, 9)) for x, y in band.get_paths()[0].vertices}
    assert corners == {(1, 0.1), (1, 0.3), (100, 0.4), (100, 0.8)}
    lines = {line.get_label(): line for line in axis.lines}
    assert list(lines["Ours"].get_xdata()) == [1, 10, 100]
    hollow = [line for line in axis.lines if line.get_markerfacecolor() == "none" and len(line.get_xdata())]
    assert [list(line.get_ydata()) for line in hollow] == [[0.3, 0.5]]
    levels = {line.get_linestyle(): line.get_ydata()[0] for line in axis.lines if list(line.get_xdata()) == [0, 1]}
    assert levels == {"--": 0.3, ":": 0.35}


def test_rows_stand_below_each_other_by_name() -> None:
    (axis,) = drawing(rows("first", "a name that is by far too long for one line")).axes
    names = [label.get_text() for label in axis.get_yticklabels()]
    assert names == ["first", "a name that is by far too long\nfor one line"]
    low, high = axis.get_ylim()
    assert low > high


def test_dollars_and_lines_are_shown_as_they_are_written(tmp_path: Path) -> None:
    draw(swept("_costs $5 and $6", title=r"a $\title"), [tmp_path / "figure.svg"])
    # A vector drawing names in its comments the texts that it draws.
    drawn = (tmp_path / "figure.svg").read_text(encoding="utf-8").replace("\\$", "$")
    assert all(f"{words} -->" in drawn for words in ("_costs $5 and $6", r"a $\title"))


def test_letters_that_the_font_lacks_are_drawn_without_a_word(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        draw(swept("权重", title="没有\x07图像"), [tmp_path / "figure.png", tmp_path / "figure.pdf"])


def test_a_place_where_no_figure_can_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(ConfigurationError, match="cannot be written"):
        draw(swept(), [tmp_path / "taken" / "figure.png"])
