"""Searches of a suite's rows, what is chosen, what a table says of it, and a driver that is killed."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kgprism.platform.data.catalogue import toy
from kgprism.platform.studies.fair.rows import searches
from kgprism.platform.studies.fair.tuning import Tuning
from kgprism.platform.studies.reports.entries import Table
from kgprism.platform.studies.reports.panels import only
from kgprism.platform.studies.reports.render import render
from kgprism.platform.studies.reports.table import asked_table
from kgprism.platform.studies.store.runs import Store
from kgprism.platform.studies.suites.cells import Cell, expand
from kgprism.platform.studies.suites.manifest import save_manifest
from kgprism.platform.studies.suites.suite import Suite
from kgprism.platform.training.run import execute

#: One seed, and rows of one method.
FEW = (("{count: 3, start: 5}", "{count: 1, start: 5}"), ("  - {id: eva, method: eva}\n", ""))


class Killed(BaseException):
    """Ends whatever is under way."""


def carry_out(cells: list[Cell], store: Store) -> None:
    """Do what Ray does: what is finished is not run again."""
    for cell in cells:
        if not store.has(cell.run.id):
            store.write(cell.run, execute(cell.run, toy.aligned(), folder=store.partial(cell.run.id)))


def ablate(
    suite: Suite, file: Path, store: Store, home: Path, tell: Callable[[Any], None] | None = None, dies_after: int = 99
) -> None:
    """Do what ``kgprism ablate`` does, in this process; after so many trials it dies."""
    data, heard = {"toy": toy.aligned()}, list[Any]()

    def listen(news: Any) -> None:
        heard.append(news)
        if tell:
            tell(news)
        if sum(one.state == "complete" for one in heard) > dies_after:
            raise Killed

    cells, folder = expand(suite, data), home / "studies" / suite.suite
    manifest = save_manifest(folder, suite, cells, called=str(file))
    carry_out(cells, store)
    tuning = Tuning.begun(suite, searches(suite, cells, data, called=str(file)), store, folder, manifest)
    for one in tuning.left():
        tuning.carry_out(one, listen)
    carry_out(tuning.cells(), store)


def table(suite: Suite, store: Store, home: Path) -> Table:
    return asked_table(suite, home / "studies" / suite.suite, store)


def made(store: Store) -> dict[str, int]:
    return {record.id: (record.folder / "run.json").stat().st_mtime_ns for record in store}


@pytest.mark.slow
def test_a_killed_driver_makes_the_same_table_and_repeats_nothing(
    inline: None, fair: Callable[..., Suite], own_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    suite, file = fair(*FEW), tmp_path / "fair.yaml"
    store = Store(tmp_path / "whole")
    ablate(suite, file, store, own_home)
    whole = table(suite, store, own_home)

    again, elsewhere = Store(tmp_path / "killed"), tmp_path / "elsewhere"
    monkeypatch.setenv("KGPRISM_HOME", str(elsewhere))
    with pytest.raises(Killed):
        ablate(suite, file, again, elsewhere, dies_after=1)
    before, partial = made(again), table(suite, again, elsewhere).fair
    assert partial is not None
    assert [(len(row.values), row.chosen) for row in partial.rows if row.id == "whole"] == [(2, None)]
    assert "not through yet" in render(table(suite, again, elsewhere), "text")
    with pytest.raises(Killed):
        ablate(suite, file, again, elsewhere, dies_after=2)
    ablate(suite, file, again, elsewhere)
    assert table(suite, again, elsewhere) == whole
    after = made(again)
    assert {run: after[run] for run in before} == before
    assert after.keys() == made(store).keys()
    ablate(suite, file, again, elsewhere)
    assert made(again) == after


@pytest.mark.slow
def test_a_row_gets_the_best_of_its_trials_or_stays_as_it_is(
    inline: None, fair: Callable[..., Suite], own_home: Path, tmp_path: Path
) -> None:
    suite, store = fair(FEW[1]), Store(tmp_path / "runs")
    ablate(suite, tmp_path / "fair.yaml", store, own_home)
    shown = table(suite, store, own_home)
    assert shown.fair is not None
    rows = {row.id: row for row in shown.fair.rows}
    assert list(rows) == ["whole", "sum", "slow"]
    for row in rows.values():
        reached = [value for value in (*row.values, row.frozen) if value is not None]
        assert len(row.values) == (3 if row.keys else 0)
        assert row.best == max(reached)
        assert bool(row.chosen) == (row.best != row.frozen)
        assert set(row.chosen or ()) <= set(row.keys)
        (both,) = row.entries
        assert both.tuned.seeds == both.frozen.seeds == (5, 6, 7)
        assert (both.worth is None) == row.full
        for run, seed in zip(both.tuned.runs, both.tuned.seeds, strict=True):
            record = store.read(run)
            assert record is not None
            assert record.seed == seed
            assert {key: record.configuration[key] for key in row.chosen or ()} == row.chosen
    assert (rows["slow"].chosen, rows["slow"].keys) == ({}, ())
    assert rows["slow"].entries[0].tuned.runs == rows["slow"].entries[0].frozen.runs

    whole, own = rows["whole"].entries[0], rows["sum"].entries[0]
    assert own.tuned.delta == pytest.approx((own.tuned.mean or 0) - (whole.tuned.mean or 0))
    assert own.frozen.evidence == shown.rows[1].entries[0].evidence

    for form in ("text", "md", "html"):
        told = render(shown, form)
        assert "Tuned row by row: 3 trials of random search for each, with seed 5" in told
        assert "fusion.rank is not tuned (the row has none): sum, own rate" in told
        assert told.count("cannot tell") + told.count("no difference") >= 1
    assert "expected best" in render(shown, "html")
    assert shown.plain()["fair"]["rows"][1]["entries"][0]["worth"].keys() == {"word", "why"}
    assert only(shown, ["toy@0.5"]).fair == shown.fair

    other = fair(FEW[1], ("keys: [train.learning_rate, fusion.rank]", "keys: [train.learning_rate]"))
    assert table(other, store, own_home).fair is None, "nothing was found yet of other keys"
    assert table(fair(FEW[1], ("mode: per_variant", "mode: none")), store, own_home).fair is None


DRIVER = """\
import importlib.util, sys
from pathlib import Path
from kgprism.platform.cluster.session import session
from kgprism.platform.studies.store.runs import Store
from kgprism.platform.studies.suites.suite import read

here, address, file, home = sys.argv[1:]
spec = importlib.util.spec_from_file_location("tuned", here)
tuned = importlib.util.module_from_spec(spec)
spec.loader.exec_module(tuned)
with session(address):
    tell = lambda news: print(news.state, flush=True)
    tuned.ablate(read(file), Path(file), Store(Path(home) / "runs"), Path(home), tell)
"""


@pytest.mark.ray
def test_kill_9_in_the_middle_of_a_fair_suite(
    cluster: None, fair: Callable[..., Suite], own_home: Path, tmp_path: Path
) -> None:
    import ray

    suite, file, store = fair(*FEW), tmp_path / "fair.yaml", Store(own_home / "runs")
    words = [__file__, ray.get_runtime_context().gcs_address, str(file), str(own_home)]
    with subprocess.Popen([sys.executable, "-c", DRIVER, *words], stdout=subprocess.PIPE, text=True) as driver:
        assert driver.stdout is not None
        told = []
        for line in driver.stdout:
            told.append(line.strip())
            if told.count("complete") == 2:
                driver.kill()
                break
    assert told[-1] == "complete", told
    before = made(store)
    assert len(before) >= 5, "three rows as they are, and two trials"
    ablate(suite, file, store, own_home)
    after, found = made(store), table(suite, store, own_home).fair
    assert {run: after[run] for run in before} == before
    assert found is not None
    assert [len(row.values) for row in found.rows] == [3, 3, 0]
    assert all(row.chosen is not None for row in found.rows)
