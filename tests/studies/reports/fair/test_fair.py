"""Frozen beside re-tuned rows in all forms, from made-up runs and searches."""

import csv
import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from kgprism.platform.data.graph import AlignedGraphs
from kgprism.platform.studies.reports.documents import _breakable
from kgprism.platform.studies.reports.entries import Table
from kgprism.platform.studies.reports.fair.kept import FILE, KeptRow, basis, cells_kept, load, save
from kgprism.platform.studies.reports.panels import only
from kgprism.platform.studies.reports.render import render
from kgprism.platform.studies.reports.table import asked_table
from kgprism.platform.studies.store.runs import Store
from kgprism.platform.studies.suites.cells import Cell, expand
from kgprism.platform.studies.suites.manifest import SuiteManifest, save_manifest
from kgprism.platform.studies.suites.suite import Suite, read

TUNING = "tuning: {mode: per_variant, keys: [fusion.rank, train.learning_rate], trials: 4}\n"


@pytest.fixture
def fair(tmp_path: Path, text: str) -> Suite:
    (tmp_path / "fair.yaml").write_text(text + TUNING)
    return read(str(tmp_path / "fair.yaml"))


@pytest.fixture
def cells(fair: Suite, graphs: AlignedGraphs, store: Store, outcome: Callable) -> list[Cell]:
    """The frozen cells at two seed ratios, finished."""
    found = expand(fair, {"toy": graphs}, variants=["whole", "sum"])
    for cell in found:
        store.write(cell.run, outcome(0.5 if cell.variant == "whole" else 0.4))
    return found


@pytest.fixture
def manifest(fair: Suite, cells: list[Cell], tmp_path: Path) -> SuiteManifest:
    return save_manifest(tmp_path / "asked", fair, cells)


@pytest.fixture
def kept(fair: Suite, cells: list[Cell], manifest: SuiteManifest, tmp_path: Path) -> list[KeptRow]:
    """At one ratio: the full method as it is, and a row in the midst of its search; nothing at the other."""
    own = [cell for cell in cells if (cell.variant, cell.seed_ratio) == ("whole", 0.2)]
    told = {"dataset": "toy", "seed_ratio": 0.2, "seed": 7, "metric": "valid/l2r/mrr", "trials": 4, "frozen": 0.5}
    rows = [
        KeptRow(
            variant="whole",
            keys=("fusion.rank", "train.learning_rate"),
            left={},
            study="a",
            values=(0.1, 0.2, 0.3, None),
            chosen={},
            cells=cells_kept(own),
            **told,
        ),
        KeptRow(
            variant="sum",
            keys=("train.learning_rate",),
            left={"fusion.rank": "the row has none"},
            study="b",
            values=(0.2, 0.4),
            **told,
        ),
    ]
    save(tmp_path / "asked", basis(manifest, fair.tuning), rows)
    return rows


@pytest.fixture
def table(fair: Suite, kept: list[KeptRow], store: Store, tmp_path: Path) -> Table:
    return asked_table(fair, tmp_path / "asked", store)


def test_a_table_has_the_rows_that_were_asked_to_be_tuned(table: Table) -> None:
    assert table.fair is not None
    whole, own = table.fair.rows
    assert (whole.best, whole.chosen, whole.entries[0].tuned.mean) == (0.5, {}, 0.5)
    # Of the values .1 .1 .2 .3, the failed trial counting as the worst.
    assert whole.curve[:2] == pytest.approx([0.175, (0.1 * 4 + 0.2 * 5 + 0.3 * 7) / 16])
    assert (own.best, own.chosen) == (None, None)
    assert own.curve == pytest.approx([0.3, 0.35])
    assert own.entries[0].frozen.delta == pytest.approx(-0.1)
    assert str(own.entries[0].worth) == "cannot tell: no run has finished"
    assert {row.seed_ratio for row in table.fair.rows} == {0.2}
    shown = only(table, ["toy@0.5"]).fair
    assert shown is not None
    assert shown.rows == ()


def test_every_form_tells_it(table: Table) -> None:
    for form in ("text", "md", "html"):
        told = render(table, form)
        for words in (
            "Tuned row by row: 4 trials of random search for each, with seed 7, by valid/l2r/mrr",
            "fusion.rank is not tuned (the row has none): w/o Low-rank_50%",
            "not through yet",
            "cannot tell: no run has finished",
            "2/4",
        ):
            assert words in told, (form, words)
    assert "toy, 20 % seed pairs: expected best valid/l2r/mrr" in render(table, "html")
    plain = table.plain()["fair"]["rows"]
    assert [row["values"] for row in plain] == [(0.1, 0.2, 0.3, None), (0.2, 0.4)]
    assert plain[1]["entries"][0]["worth"] == {"word": "cannot tell", "why": "no run has finished"}


def test_what_was_found_of_other_keys_is_not_shown(
    fair: Suite, kept: list[KeptRow], store: Store, tmp_path: Path, text: str
) -> None:
    (tmp_path / "other.yaml").write_text(text + TUNING.replace("fusion.rank, ", ""))
    assert asked_table(read(str(tmp_path / "other.yaml")), tmp_path / "asked", store).fair is None
    (tmp_path / "more.yaml").write_text(text + TUNING.replace("trials: 4", "trials: 9"))
    more = asked_table(read(str(tmp_path / "more.yaml")), tmp_path / "asked", store).fair
    assert more is not None
    assert len(more.rows) == 2, "more trials go on from those that are there"


def test_rows_are_kept_beside_others_and_a_damaged_file_is_set_aside(
    fair: Suite, kept: list[KeptRow], manifest: SuiteManifest, tmp_path: Path
) -> None:
    digest = basis(manifest, fair.tuning)
    save(tmp_path / "asked", digest, [kept[1].model_copy(update={"values": (0.6,)})])
    found = load(tmp_path / "asked")
    assert found is not None
    assert [(row.variant, row.values[0]) for row in found.rows] == [("whole", 0.1), ("sum", 0.6)]
    assert [cell.asked() for cell in found.rows[0].cells] == [cell.asked() for cell in kept[0].cells]
    (tmp_path / "asked" / FILE).write_text("{", encoding="utf-8")
    with pytest.warns(UserWarning, match="set aside"):
        assert load(tmp_path / "asked") is None


def test_a_tie_is_told_of_its_row_and_of_the_full_method_s_in_all_rows(
    fair: Suite, kept: list[KeptRow], manifest: SuiteManifest, store: Store, tmp_path: Path
) -> None:
    def verdicts(**tied: int) -> list[str]:
        rows = [row.model_copy(update={"tied": tied.get(row.variant, 1)}) for row in kept]
        save(tmp_path / "asked", basis(manifest, fair.tuning), rows)
        shown = asked_table(fair, tmp_path / "asked", store)
        assert shown.fair is not None
        assert [row["tied"] for row in shown.plain()["fair"]["rows"]] == [tied.get(row.variant, 1) for row in kept]
        for form in ("text", "md", "html"):
            told = render(shown, form)
            assert ("as it is; tied: 2" in told, "tied: so many settings" in told) == ("whole" in tied, bool(tied))
        return [str(row.entries[0].worth) for row in shown.fair.rows if not row.full]

    assert verdicts() == ["cannot tell: no run has finished"]
    assert verdicts(whole=2) == ["cannot tell: 2 settings tie on held-out data (of what it is compared with)"]
    assert verdicts(sum=3) == ["cannot tell: 3 settings tie on held-out data"]


def test_csv_has_the_re_tuned_rows_behind_all_others(table: Table, fair: Suite) -> None:
    rows = list(csv.DictReader(io.StringIO(render(table, "csv"))))
    told = [(row["variant"], row["seed_ratio"], row["metric"]) for row in rows if row["tuned"] == "re-tuned"]
    assert told == [("whole", "0.2", metric) for metric in fair.metrics], "the other's search is not through"
    assert rows[-1] == rows[-1] | {"select": "valid", "seeds": "7 8", "settings": "{}", "older_code": "", "covers": ""}
    assert {row["mean"] for row in rows if row["variant"] == "whole" and row["metric"] == fair.metrics[0]} == {"0.5"}
    assert all(None not in row and None not in row.values() for row in rows), "every row has every column"
    before = render(replace(table, fair=None), "csv").splitlines()
    frozen = [line.removesuffix(",,,") for line in before[1:]]
    assert [line.removesuffix(",frozen,,") for line in render(table, "csv").splitlines()[1:-2]] == frozen


def test_latex_has_a_table_of_each_metric_and_of_the_searches(table: Table) -> None:
    told = render(table, "latex")
    assert r"\label{tab:small-tuned}" in told
    assert told.count(r"\begin{table*}") == told.count(r"\end{table*}")
    assert "Tuned row by row: 4 trials of random search for each" in told
    assert "not through yet" in told
    assert "tuned" not in render(replace(table, fair=None), "latex")
    for line in (line for line in told.splitlines() if line.endswith(r"\tabularnewline")):
        assert line.count(" & ") in (9, 7), line


def test_latex_keeps_the_space_between_long_settings_and_cuts_no_number() -> None:
    told = _breakable("loss.temperature=0.187, train.learning_rate=0.00202")
    assert "=\\allowbreak 0.187, train.\\allowbreak " in told
    assert told.endswith("=\\allowbreak 0.00202")
