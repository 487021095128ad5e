"""Suites on Ray: each run once, failures apart, deaths and interruptions survived."""

import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from kgprism.platform.cluster.resources import Resources
from kgprism.platform.data.graph import AlignedGraphs
from kgprism.platform.studies.execution import worker
from kgprism.platform.studies.execution.ablation import Event, carry_out
from kgprism.platform.studies.reports.board.folders import cell_folder
from kgprism.platform.studies.store.runs import Store
from kgprism.platform.studies.suites.cells import Cell, expand
from kgprism.platform.studies.suites.suite import Suite
from kgprism.platform.training.run import execute

pytestmark = [pytest.mark.ray, pytest.mark.usefixtures("cluster")]

#: Small enough that a run takes a second or two.
TINY = {"graph_width": 8, "eval.every": 2, "train.checkpoint_seconds": 0, "pseudo_pairs": "none"}


def cells_of(small: Suite, graphs: AlignedGraphs, variants: list[str] | None = None, **extra: object) -> list[Cell]:
    cells = expand(small, {"toy": graphs}, seeds=1, variants=variants, overrides={**TINY, **extra})
    return [cell for cell in cells if cell.seed_ratio == 0.2]


def running(word: str) -> list[int]:
    """Return our own processes of a task or an actor, such as a run's id; Ray names them so."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                words = (folder / "cmdline").read_bytes()
            except OSError:  # it has ended in the meantime
                continue
            if words.startswith(b"ray::") and word.encode() in words and os.getpid() in above(int(folder.name)):
                found.append(int(folder.name))
    return found


def above(process: int) -> list[int]:
    """Return the processes that a process comes from."""
    found = []
    while process > 1:
        # The name in brackets may hold spaces: what follows it is state and parent.
        process = int(Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[1])
        found.append(process)
    return found


class Log:
    """Keeps the events, and acts on them."""

    def __init__(self, act: Callable[[Event], None] | None = None) -> None:
        self.events: list[Event] = []
        self.act = act

    def __call__(self, event: Event) -> None:
        self.events.append(event)
        if self.act:
            self.act(event)

    def kinds(self, variant: str) -> list[str]:
        return [event.kind for event in self.events if variant in {cell.variant for cell in event.cells}]


def test_a_run_that_cells_share_is_run_once_and_never_again(
    small: Suite, graphs: AlignedGraphs, store: Store, tmp_path: Path
) -> None:
    bare = replace(graphs, left=replace(graphs.left, features={}), right=replace(graphs.right, features={}))
    cells, log = cells_of(small, bare), Log()
    assert carry_out(cells, {"toy": bare}, store, events=tmp_path / "events", listener=log) == {}
    assert len(cells) == 3
    assert len(list(store)) == 2
    shared = [event for event in log.events if {"whole", "blind"} <= {cell.variant for cell in event.cells}]
    assert [e.kind for e in shared if e.kind != "epoch"] == ["queued", "started", "finished"]
    assert [e.row["epoch"] for e in shared if e.row][-1] == 3
    drawn = [path for cell in cells for path in cell_folder(tmp_path / "events", cell).iterdir()]
    assert len(drawn) == len(cells)
    assert all(any(f".{cell.run.id}" in path.name for path in drawn) for cell in cells)

    again = Log()
    carry_out(cells, {"toy": bare}, store, listener=again)
    assert [event.kind for event in again.events] == ["reused", "reused"]


def test_the_result_is_that_of_this_process(small: Suite, graphs: AlignedGraphs, store: Store) -> None:
    (cell,) = cells_of(small, graphs, ["whole"])
    carry_out([cell], {"toy": graphs}, store)
    record, here = store.read(cell.run.id), execute(cell.run, graphs)
    assert record is not None
    assert record.metric("last", "test/l2r/mrr") == pytest.approx(here.selections["last"].metrics["test/l2r/mrr"])


def test_a_failing_run_and_a_lost_messenger_end_nothing_else(small: Suite, graphs: AlignedGraphs, store: Store) -> None:
    broken = cells_of(small, graphs, ["sum"], **{"train.learning_rate": 1e30})

    def lose_news(event: Event) -> None:
        if event.kind == "started" and not lost:
            lost.extend(running("ray::Channel"))
            for process in lost:
                os.kill(process, signal.SIGKILL)

    cells, log, lost = [*broken, *cells_of(small, graphs, ["whole"])], Log(lose_news), list[int]()
    failures = carry_out(cells, {"toy": graphs}, store, listener=log)
    assert list(failures) == [broken[0].run.id]
    reason = failures[broken[0].run.id]
    assert "is not finite" in reason
    assert "\n" not in reason
    assert store.failure(broken[0].run.id) == reason
    assert log.kinds("sum")[-1] == "failed"
    assert log.kinds("whole")[-1] == "finished"
    assert lost  # one of an earlier test's may be about to end


def test_workers_wait_for_the_nodes_that_they_need(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = iter([0, 0, 1])
    monkeypatch.setattr(Resources, "fitting", lambda asked: next(looks))
    monkeypatch.setattr(worker, "_PAUSE", 0)
    worker.await_nodes(Resources(workers=3))
    assert next(looks, None) is None


def test_an_interrupted_suite_goes_on(small: Suite, graphs: AlignedGraphs, store: Store) -> None:
    slow = cells_of(small, graphs, ["sum"], **{"train.epochs": 5000, "eval.every": 5000})
    cells = [*slow, *cells_of(small, graphs, ["whole"])]

    def interrupt(event: Event) -> None:
        if event.kind == "finished":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        carry_out(cells, {"toy": graphs}, store, listener=Log(interrupt))
    assert [record.id for record in store] == [cells[1].run.id]
    log = Log()
    rest = [*cells_of(small, graphs, ["sum"]), cells[1]]
    assert carry_out(rest, {"toy": graphs}, store, listener=log) == {}
    assert log.kinds("whole") == ["reused"]
    assert log.kinds("sum")[-1] == "finished"
