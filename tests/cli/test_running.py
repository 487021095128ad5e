"""The commands that start Ray, on a small method and the toy."""

import json
from pathlib import Path

import pytest
import typer

from kgprism.platform.cli.running import on_ray

pytestmark = pytest.mark.ray

SMALL_KEYS = ("modal_width=8", "graph_width=8", "train.epochs=4", "eval.every=2", "pseudo_pairs=none")
SMALL = [word for key in SMALL_KEYS for word in ("--set", key)]
SPACE = """
schema: 1
space: tiny
method: loginmea
params:
  fusion: {type: choice, of: [sum, concat]}
start: [{fusion: sum}]
search: {trials: 2}
"""


def test_train_keeps_the_run_and_shows_it_again(kgprism, cluster, own_home: Path) -> None:
    words = ("train", "loginmea", "--dataset", "toy", "--seed", "3", *SMALL)
    first = kgprism(*words, "--json")
    assert first.code == 0, first.err
    run = json.loads(first.out)
    assert list(run["selections"]["last"]["metrics"])
    assert run["selections"]["last"]["epoch"] == 4
    assert (own_home / "runs" / run["id"] / "run.json").exists()
    assert list(Path(run["tensorboard"]).glob("events*"))
    assert "epoch 2/4" in first.err
    again = kgprism(*words)
    assert f"run {run['id']} is finished already" in again.err
    assert "starting Ray" not in again.err
    for word in ("valid", "best_test", "last", f"tensorboard --logdir {run['tensorboard']}"):
        assert word in again.out


def test_more_workers_than_the_cluster_holds_are_refused(kgprism, cluster) -> None:
    called = kgprism("train", "loginmea", "--dataset", "toy", "--workers", "999", *SMALL)
    assert called.code == 2
    assert "--workers 999" in called.err.splitlines()[-1]


def test_plan_runs_nothing(kgprism, own_home: Path) -> None:
    called = kgprism("ablate", "demo", "--plan", "--json", "--seeds", "1", *SMALL)
    planned = json.loads(called.out)
    assert planned["forecast"]["remaining"] == planned["forecast"]["runs"] == len(planned["cells"]) == 5
    assert not (own_home / "runs").exists()
    assert "starting Ray" not in called.err


def test_ablate_prints_the_table_and_runs_nothing_twice(kgprism, cluster, own_home: Path) -> None:
    words = ("ablate", "demo", "--variants", "full,no-low-rank", "--seeds", "1", *SMALL)
    first = kgprism(*words)
    assert first.code == 0, first.err
    assert "w/o Low-rank" in first.out
    # Other settings than the suite's own have a place of their own.
    (study,) = (own_home / "studies" / "demo").iterdir()
    assert first.out.rstrip().endswith(f"tensorboard --logdir {study / 'tensorboard'}")
    kept = {f"demo-{study.name}.{ending}" for ending in ("md", "html", "json")}
    assert {path.name for path in (own_home / "tables").iterdir()} == kept
    runs = {path.name: path.stat().st_mtime_ns for path in (own_home / "runs").iterdir()}
    assert len(runs) == 2
    again = kgprism(*words, "--json")
    assert json.loads(again.out)["suite"] == "demo"
    assert "starting Ray" not in again.err
    assert {path.name: path.stat().st_mtime_ns for path in (own_home / "runs").iterdir()} == runs
    for form, word in (("md", "| "), ("latex", "\\toprule"), ("csv", ","), ("html", "<table"), ("json", '"suite"')):
        assert word in kgprism("report", "demo", *SMALL, "--format", form, "--select", "last").out
    assert json.loads(kgprism("report", "demo", *SMALL, "--json").out)["suite"] == "demo"
    assert f"Other settings of this suite: kgprism report demo {' '.join(SMALL)}" in kgprism("report", "demo").out
    output = own_home / "some" / "table.md"
    assert kgprism("report", "demo", "--format", "md", "--output", str(output)).out == ""
    assert "w/o Low-rank" in output.read_text()


def test_tune_finds_the_best_of_its_trials(kgprism, cluster, own_home: Path, tmp_path: Path) -> None:
    (tmp_path / "tiny.yaml").write_text(SPACE)
    words = ("tune", str(tmp_path / "tiny.yaml"), "--dataset", "toy", "--concurrent", "1", *SMALL)
    called = kgprism(*words, "--json")
    assert called.code == 0, called.err
    found = json.loads(called.out)
    states = [trial["state"] for trial in found["trials"]]
    assert states.count("COMPLETE") >= 2
    assert found["best"]["run"]
    text = kgprism(*words, "--resume").out
    assert f"best run {found['best']['run']}" in text
    assert f"optuna-dashboard {found['storage']}" in text
    drawn = {path.parent.name for path in own_home.glob("studies/*/tensorboard/*/trial-*/events.*")}
    assert {name.split()[0] for name in drawn} == {f"trial-{trial['number']:03}" for trial in found["trials"]}


def test_ctrl_c_says_that_nothing_is_lost(cluster, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted() -> None:
        with on_ray():
            print("chatter")
            raise KeyboardInterrupt

    with pytest.raises(typer.Exit) as left:
        interrupted()
    assert left.value.exit_code == 130
    called = capsys.readouterr()
    assert called.out == ""
    assert "finished runs are kept" in called.err
