"""Rows that are compared with another one than the full method: differences, what is said of them, pages, seeds."""

import csv
import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from kgprism.platform.data.graph import AlignedGraphs
from kgprism.platform.errors import ConfigurationError
from kgprism.platform.studies.execution.adaptive import undecided
from kgprism.platform.studies.inspection.inspection import inspect
from kgprism.platform.studies.reports.entries import IDLE, Table
from kgprism.platform.studies.reports.notes import gaps_told
from kgprism.platform.studies.reports.page.behind import Behind
from kgprism.platform.studies.reports.page.dots import forest
from kgprism.platform.studies.reports.page.page import page
from kgprism.platform.studies.reports.page.runs import runs
from kgprism.platform.studies.reports.render import render
from kgprism.platform.studies.reports.table import tabulate
from kgprism.platform.studies.reports.view import view
from kgprism.platform.studies.reports.words import titled
from kgprism.platform.studies.results.epochs import epochs
from kgprism.platform.studies.store.runs import Store
from kgprism.platform.studies.suites import suite as suites
from kgprism.platform.studies.suites.cells import Cell, expand
from kgprism.platform.studies.suites.protocol import Protocol
from kgprism.platform.studies.suites.suite import Suite
from kgprism.platform.training.outcome import Outcome

TEXT = """\
schema: 1
suite: pairs
method: loginmea
base: {train.epochs: 3, modal_width: 8}
grid: {dataset: [toy], seed: {count: 3, start: 7}}
variants:
  - {id: log, label: LoginMEA, group: all, full: true}
  - {id: log-blind, label: LoginMEA, group: blind, override: {modalities: [attribute, relation]}}
  - {id: eva, label: EVA, group: all, method: eva}
  - {id: eva-blind, label: EVA, group: blind, versus: eva, method: eva, override: {modalities: [attribute]}}
published_only:
  - {id: other}
reference:
  - {variant: log, dataset: toy, values: {mrr: .9}}
  - {variant: eva, dataset: toy, values: {mrr: .5}}
  - {variant: eva-blind, dataset: toy, values: {mrr: .4}}
  - {variant: other, dataset: toy, values: {mrr: .3}}
metrics: [mrr]
evaluations:
  - {id: cosine, set: {eval.csls_k: 0}, of: [log, eva]}
"""


@pytest.fixture
def pairs(tmp_path: Path) -> Suite:
    (tmp_path / "pairs.yaml").write_text(TEXT)
    return suites.read(str(tmp_path / "pairs.yaml"))


@pytest.fixture
def cells(pairs: Suite, graphs: AlignedGraphs) -> list[Cell]:
    return expand(pairs, {"toy": graphs})


@pytest.fixture
def table(pairs: Suite, cells: list[Cell], store: Store, outcome: Callable[..., Outcome]) -> Table:
    """Seeds add .1 each to .6, .5, .4 and .1."""
    for cell in cells:
        least = {"log": 0.6, "log-blind": 0.5, "eva": 0.4, "eva-blind": 0.1}[cell.variant]
        store.write(cell.run, outcome(least + (cell.seed - 7) / 10))
    return tabulate(pairs, cells, store)


def test_a_row_is_compared_with_the_one_it_names(table: Table) -> None:
    found = {row.id: (row.versus, row.entries[0].delta) for row in table.rows}
    assert found["log"] == ("", None)
    assert found["eva"] == ("", None), "what others are compared with stands for itself"
    assert found["log-blind"] == ("log", pytest.approx(-0.1))
    assert found["eva-blind"] == ("eva", pytest.approx(-0.3)), "not -.5, its distance from the full method"
    # What is judged again is compared as its source is, or with it.
    assert [found[f"{row}-cosine"][0] for row in ("log", "eva")] == ["log", "eva"]


def test_the_note_names_no_base_that_nobody_asked_for(pairs: Suite, cells: list[Cell], store: Store) -> None:
    some = [cell for cell in cells if cell.variant.startswith("eva")]
    line = next(line for line in tabulate(pairs, some, store).notes if "mean paired difference" in line)
    assert "LoginMEA" not in line
    assert line.endswith("EVA (blind) to EVA (all).")


def test_the_papers_differences_are_to_the_same_rows(table: Table) -> None:
    found = {row.id: row.entries[0].published_delta for row in table.rows}
    assert found["eva-blind"] == pytest.approx(-0.1)
    assert found["other"] == pytest.approx(-0.6)
    assert found["eva"] is None


def test_every_form_shows_the_difference_and_says_to_what(pairs: Suite, table: Table) -> None:
    note = "Δ the mean paired difference to LoginMEA (all); of EVA, cosine, EVA (blind) to EVA (all)."
    assert any(line.endswith(note) for line in table.notes)
    written = [line.split("|")[-2].strip() for line in render(table, "md").splitlines() if line.startswith("| EVA ")]
    assert written == ["", "-.300"], "EVA itself, and without pictures"
    frame = table.frame().set_index("variant")
    assert frame.loc["eva-blind", "versus"] == "eva"
    written = list(csv.DictReader(io.StringIO(render(table, "csv"))))
    assert {row["variant"]: row["versus"] for row in written}["eva-blind"] == "eva"
    (dots,) = forest(view(table))
    assert "EVA (blind) vs. EVA (all)" in [name for name, _ in dots.rows]
    assert "LoginMEA (blind)" in [name for name, _ in dots.rows]
    assert "Differences to what a row is compared with" in page(view(table))


def test_names_that_groups_share_are_told_apart_everywhere(
    pairs: Suite, cells: list[Cell], store: Store, table: Table
) -> None:
    records = {cell.run.id: record for cell in cells if (record := store.read(cell.run.id))}
    assert {line[0] for line in epochs(pairs, cells, records)} >= {"EVA (all)", "EVA (blind)"}
    trained = [row for row in table.rows if row.measured and not row.id.endswith("-cosine")]
    (gaps,) = gaps_told(pairs, table.columns, trained, Protocol("best_test", "l2r"))
    assert all(f" {name} " in gaps for name in ("LoginMEA (all)", "LoginMEA (blind)", "EVA (all)", "EVA (blind)"))
    dead = [replace(row, label=f"{row.label} {IDLE}") if row.id == "eva" else row for row in table.rows]
    names = [titled(replace(table, rows=tuple(dead)), row) for row in dead]
    assert f"EVA (all) {IDLE}" in names
    assert "EVA (blind)" in names


def test_the_row_that_is_full_once_the_full_one_is_dropped_has_no_base(tmp_path: Path) -> None:
    text = TEXT.replace("group: blind, override", "group: blind, versus: eva, override") + "drop: [log]\n"
    (tmp_path / "suite.yaml").write_text(text)
    with pytest.raises(ConfigurationError, match="variant 'log-blind' is the full method: it is compared with none"):
        suites.read(str(tmp_path / "suite.yaml"))


def test_runs_tell_what_is_set_otherwise_than_in_the_base(
    pairs: Suite, cells: list[Cell], store: Store, table: Table
) -> None:
    found = {one.row: one for one in runs(table, Behind(pairs, cells, store))}
    assert found["EVA (blind)"].base == "EVA (all)"
    assert [key for key, *_ in found["EVA (blind)"].changes] == ["modalities"]
    assert found["EVA (all)"].changes == ()


def test_more_seeds_go_to_the_row_and_to_its_base(
    pairs: Suite, cells: list[Cell], store: Store, table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, str] = {}
    import kgprism.platform.studies.execution.adaptive as adaptive

    class Open:
        decided = False

    def proofs(grouped: dict[tuple[str, ...], object], _: object, base: Callable[[str], str], *__: object) -> object:
        seen.update({row: base(row) for row, *_ in grouped})
        return {("eva-blind", "toy", None, "mrr"): Open()}

    monkeypatch.setattr(adaptive, "proofs", proofs)
    assert undecided(pairs, cells, store) == {("eva-blind", "toy", None), ("eva", "toy", None)}
    assert seen == {"log": "", "log-blind": "log", "eva": "", "eva-blind": "eva"}


def test_rows_are_inspected_beside_what_they_are_compared_with(
    pairs: Suite, cells: list[Cell], graphs: AlignedGraphs, tmp_path: Path
) -> None:
    found, without = inspect(pairs, cells, {"toy": graphs}, tmp_path / "inspections")
    assert {row for row, _ in found} == {"log-blind", "eva-blind"}
    assert not without
    assert found["eva-blind", "toy"].keys == ("modalities",)


@pytest.mark.parametrize(
    ("good", "bad", "line", "message"),
    [
        ("versus: eva,", "versus: evva,", 10, "unknown variant 'evva' (did you mean 'eva'?)"),
        ("versus: eva,", "versus: other,", 10, "variant 'other' is not run by itself"),
        ("versus: eva,", "versus: log-cosine,", 10, "variant 'log-cosine' is not run by itself"),
        ("versus: eva,", "versus: eva-blind,", 10, "variant 'eva-blind' names itself"),
        ("method: eva}", "method: eva, versus: eva-blind}", 9, "names 'eva-blind', which is compared with it"),
        ("full: true", "full: true, versus: eva", 7, "variant 'log' is the full method: it is compared with none"),
        ("metrics:", "drop: [log-blind, eva]\nmetrics:", 18, "variant 'eva-blind' is compared with 'eva'"),
    ],
)
def test_a_row_that_cannot_be_compared_is_refused(tmp_path: Path, good: str, bad: str, line: int, message: str) -> None:
    text = TEXT.replace("of: [log, eva]", "of: [log]")
    file = tmp_path / "suite.yaml"
    file.write_text(text.replace(good, bad, 1))
    with pytest.raises(ConfigurationError) as caught:
        suites.read(str(file))
    assert str(caught.value).startswith(f"{file}:{line}:")
    assert message in str(caught.value)
