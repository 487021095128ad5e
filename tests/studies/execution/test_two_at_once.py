"""Two processes that want the same runs: each run is carried out once, and both end well."""

import json
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import ray

from kgprism.platform.data.catalogue import toy
from kgprism.platform.studies.execution.ablation import Event, carry_out
from kgprism.platform.studies.store.ownership import in_turn, owning
from kgprism.platform.studies.store.runs import Store
from kgprism.platform.studies.suites.cells import Cell, expand
from kgprism.platform.studies.suites.manifest import load_manifest
from kgprism.platform.studies.suites.suite import Suite
from kgprism.platform.training.run import execute

TINY = {"graph_width": 8, "modal_width": 8, "eval.every": 2, "pseudo_pairs": "none", "train.checkpoint_seconds": 0}
SUITE = """\
schema: 1
suite: {name}
method: loginmea
base:
  train.epochs: 10
  train.checkpoint_seconds: 0
  eval.every: 2
  graph_width: 8
  modal_width: 8
  pseudo_pairs: none
grid: {{dataset: [toy], seed: [0, 1]}}
variants:
  - {{id: whole, full: true}}
  - {{id: quick, override: {{train.learning_rate: 0.01}}}}
  - {{id: quicker, override: {{train.learning_rate: 0.02}}}}
"""
DRIVER = """\
import json, sys
from pathlib import Path
from kgprism.platform.cluster.session import session
from kgprism.platform.data.catalogue import toy
from kgprism.platform.home import home
from kgprism.platform.studies.execution.ablation import carry_out
from kgprism.platform.studies.store.runs import Store
from kgprism.platform.studies.suites.cells import expand
from kgprism.platform.studies.suites.manifest import save_manifest
from kgprism.platform.studies.suites.suite import read

def told(event):
    if event.kind != "epoch":
        print(json.dumps([event.kind, event.cells[0].run.id]), flush=True)

suite, folder = read(sys.argv[2]), home() / "studies" / sys.argv[3]
cells = expand(suite, {"toy": toy.aligned()})
with session(sys.argv[1]):
    print("ready", flush=True)
    sys.stdin.readline()
    save_manifest(folder, suite, cells, command=sys.argv[2])
    failures = carry_out(cells, {"toy": toy.aligned()}, Store(), events=folder / "tensorboard", listener=told)
print(json.dumps(["failures", failures]), flush=True)
"""
OWNER = """\
import sys
from pathlib import Path
from kgprism.platform.studies.store.ownership import owning
from kgprism.platform.studies.store.runs import Store
with owning(Store(Path(sys.argv[1])), sys.argv[2]) as mine:
    print(mine, flush=True)
    sys.stdin.read()
"""


@contextmanager
def owner(store: Store, run_id: str) -> Iterator[subprocess.Popen]:
    """Let another process own a run."""
    words = [sys.executable, "-c", OWNER, str(store.folder), run_id]
    with subprocess.Popen(words, stdin=-1, stdout=-1, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "True\n"
        yield process
        process.kill()


def one_cell(small: Suite) -> Cell:
    return expand(small, {"toy": toy.aligned()}, seeds=1, variants=["whole"], overrides=TINY)[0]


@pytest.mark.ray
@pytest.mark.parametrize("names", [("two", "two"), ("two", "two_b")], ids=["the same suite", "suites that share runs"])
def test_two_suites_at_once_end_well(cluster: None, own_home: Path, tmp_path: Path, names: tuple[str, str]) -> None:
    (tmp_path / "driver.py").write_text(DRIVER)
    for name in names:
        (tmp_path / f"{name}.yaml").write_text(SUITE.format(name=name))
    address = ray.get_runtime_context().gcs_address
    words = [[sys.executable, str(tmp_path / "driver.py"), address, str(tmp_path / f"{n}.yaml"), n] for n in names]
    drivers = [subprocess.Popen(one, stdin=-1, stdout=-1, text=True) for one in words]
    for driver in drivers:
        assert driver.stdout is not None
        assert driver.stdout.readline() == "ready\n"
    for driver in drivers:
        assert driver.stdin is not None
        driver.stdin.write("go\n")
        driver.stdin.flush()
    # Ray puts its warnings among what a driver says, such as that many processes start at once.
    said = [[line for line in driver.communicate()[0].splitlines() if line.startswith("[")] for driver in drivers]
    logs = [[json.loads(line) for line in lines] for lines in said]
    assert [driver.returncode for driver in drivers] == [0, 0]
    assert [log[-1] for log in logs] == [["failures", {}]] * 2
    runs = {record.id for record in Store()}
    assert len(runs) == 6
    started = Counter(run for log in logs for kind, run in log if kind == "started")
    assert started == dict.fromkeys(runs, 1)
    for log in logs:
        assert {run for kind, run in log if kind in ("finished", "reused")} == runs
    assert {path.name for path in (own_home / "runs").iterdir()} == runs
    for name in names:
        folder = own_home / "studies" / name
        manifest = load_manifest(folder)
        assert manifest is not None
        assert {cell.run.id for cell in manifest.cells} == runs
        drawn = [run for path in folder.rglob("events.*") for run in runs if f".{run}" in path.name]
        assert sorted(drawn) == sorted(runs)


@pytest.mark.ray
def test_a_run_whose_owner_dies_is_taken_over(cluster: None, small: Suite, store: Store) -> None:
    cell, told = one_cell(small), list[str]()
    with owner(store, cell.run.id) as process:

        def listen(event: Event) -> None:
            told.append(event.kind)
            if event.kind == "waiting":
                assert event.reason == "another process carries it out"
                process.kill()

        assert carry_out([cell], {"toy": toy.aligned()}, store, listener=listen) == {}
    assert [kind for kind in told if kind != "epoch"] == ["queued", "waiting", "started", "finished"]


@pytest.mark.ray
def test_a_run_that_its_owner_finishes_is_taken_as_it_is(cluster: None, small: Suite, store: Store) -> None:
    cell, told = one_cell(small), list[str]()
    with owner(store, cell.run.id):

        def listen(event: Event) -> None:
            told.append(event.kind)
            if event.kind == "waiting":
                store.write(cell.run, execute(cell.run, toy.aligned()))

        assert carry_out([cell], {"toy": toy.aligned()}, store, listener=listen) == {}
    assert told == ["queued", "waiting", "finished"]


def test_who_comes_second_waits_and_finds_the_result(small: Suite, store: Store) -> None:
    cell, waiting = one_cell(small), threading.Event()
    outcome = execute(cell.run, toy.aligned())
    found: list[bool] = []

    def second() -> None:
        with in_turn(store, cell.run.id, waiting.set):
            found.append(store.has(cell.run.id))

    thread = threading.Thread(target=second)
    with owning(store, cell.run.id) as mine:
        assert mine
        thread.start()
        assert waiting.wait(10)
        assert not found
        store.write(cell.run, outcome)
    thread.join(10)
    assert found == [True]
    assert [path.name for path in store.folder.iterdir()] == [cell.run.id]
