"""What ``kgprism tune`` says of a search: its best trial, how to go on, and how it came to nothing."""

import json
import shlex
from contextlib import nullcontext
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

SMALL_KEYS = ("modal_width=8", "graph_width=8", "train.epochs=1", "eval.every=1", "pseudo_pairs=none")
SMALL = [word for key in SMALL_KEYS for word in ("--set", key)]
SPACE = "schema: 1\nspace: tiny\nmethod: loginmea\nparams:\n  {}\n"


def space(folder: Path, params: str) -> str:
    (folder / "tiny.yaml").write_text(SPACE.format(params))
    return str(folder / "tiny.yaml")


@pytest.mark.ray
def test_an_exhausted_space_says_so(kgprism, cluster, tmp_path: Path) -> None:
    words = ("tune", space(tmp_path, "fusion: {type: choice, of: [sum, concat]}"), "-d", "toy", "--trials", "4", *SMALL)
    called = kgprism(*words)
    assert called.code == 0, called.err
    assert "the space is exhausted: only known configurations were proposed any more, 2 in all" in called.out
    counted = [line for line in called.err.splitlines() if line.startswith("[")]
    assert [line[:5] for line in counted] == ["[1/4]", "[2/4]"]
    assert "Best of 2 trials" in called.out
    assert json.loads(kgprism(*words, "--json").out)["exhausted"]


@pytest.mark.ray
def test_a_search_without_a_completed_trial_fails(kgprism, cluster, tmp_path: Path) -> None:
    file = space(tmp_path, "train.learning_rate: {type: float, low: 1e29, high: 1e30}")
    called = kgprism("tune", file, "-d", "toy", "--trials", "1", *SMALL, "--set", "train.epochs=3")
    assert called.code == 1
    assert "no trial was completed" in called.out
    assert "is not finite" in called.err or "is nan" in called.err


@pytest.fixture
def no_ray(inline: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kgprism.platform.cluster.session.session", nullcontext)


def test_a_best_run_of_another_home_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    import pandas as pd

    from kgprism.platform.cli.searches import show_sweep
    from kgprism.platform.studies.search.sweep import Sweep

    trials = pd.DataFrame([{"number": 0, "state": "COMPLETE", "value": 0.5, "params_rate": 0.1}])
    show_sweep(Sweep(None, {}, "", "valid/l2r/mrr", trials, "s", "sqlite:///x"), json=False)
    said = capsys.readouterr().out
    assert "the best trial's run is in another home's store" in said
    assert "no trial was completed" not in said


def never(*words: object) -> None:
    raise AssertionError("Ray was started")


def test_the_best_trial_is_carried_out_again_by_the_line_that_is_printed(
    kgprism, no_ray: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, own_home: Path
) -> None:
    file = space(tmp_path, "fusion: {type: choice, of: [sum, concat]}\n  graph_width: {type: int, low: 4, high: 9}")
    sets = (
        "--preset",
        "paper",
        "--seed",
        "3",
        "--set",
        "modal_width=8",
        "--set",
        "train.epochs=2",
        "--set",
        "eval.every=1",
    )
    called = kgprism("tune", file, "-d", "toy", "--trials", "2", "--name", "mine", "--gpus", "0", *sets)
    assert called.code == 0, called.err
    (line,) = [line for line in called.out.splitlines() if line.startswith("kgprism train loginmea")]
    assert "--set modal_width=8" in line
    assert "graph_width=" in called.out.split("best run")[0]
    monkeypatch.setattr("kgprism.platform.cluster.session.session", never)
    again = json.loads(kgprism("tune", "mine", "--resume", "--json").out)
    assert again["command"] == line
    trained = kgprism(*shlex.split(line)[1:], "--json")
    assert "is finished already" in trained.err
    record = json.loads(trained.out)
    best = max(again["trials"], key=lambda trial: trial["value"])
    assert record["id"] == again["best"]["run"] == best["user_attrs_run"]
    assert record["selections"]["valid"]["metrics"][again["objective"]] == best["value"]
    from_file = kgprism("train", "--config", again["config"], "--json")
    assert "is finished already" in from_file.err
    assert json.loads(from_file.out)["id"] == record["id"]
    assert shlex.join(["kgprism", "train", "--config", again["config"]]) in called.out
    shown = kgprism("runs", "show", record["id"], "--config")
    assert shown.err == ""  # neither code nor data have changed
    (tmp_path / "shown.yaml").write_text(shown.out)
    assert json.loads(kgprism("train", "--config", str(tmp_path / "shown.yaml"), "--json").out)["id"] == record["id"]

    page = own_home / "studies" / "tiny" / "mine.html"
    assert f"its page: {page}" in called.out
    assert again["config"] in page.read_text()
    written = kgprism("searches", "report", "mine", "-o", str(tmp_path / "own.html"))
    assert (written.code, written.err) == (0, f"written: {tmp_path / 'own.html'}\n")
    assert (tmp_path / "own.html").read_text() == page.read_text()
    shown = json.loads(kgprism("searches", "show", "mine", "--json").out)
    assert shown["best"][0]["run"] == record["id"]
    assert kgprism("searches", "show", "mine").err == "importance: 2 of at least 5 complete trials\n"
    assert "no search 'mnie' (did you mean 'mine'?)" in kgprism("searches", "show", "mnie").err
    assert "a search's page ends in .html" in kgprism("searches", "report", "mine", "-o", "x.pdf").err

    assert "mine" in kgprism("tune", "list").out
    (listed,) = json.loads(kgprism("tune", "list", "--json").out)
    assert (listed["name"], listed["trials"], listed["state"]) == ("mine", 2, "finished")
    for word, told in (("--seed", "--seed makes another search"), ("--trials", "")):
        refused = kgprism("tune", "mine", "--resume", word, "2")
        assert (refused.code, told in refused.err) == (2 if told else 0, True)
    assert "--dataset is missing" in kgprism("tune", "loginmea").err

    monkeypatch.setattr("kgprism.platform.cluster.session.session", nullcontext)
    more = kgprism("tune", "mine", "--resume", "--trials", "3", "--gpus", "0")
    # Those of before are counted, as by --trials.
    assert [line[:11] for line in more.err.splitlines() if line.startswith("[")] == ["[3/3] trial"]


def test_a_search_that_is_over_before_its_first_trial_says_so(kgprism, no_ray: None, tmp_path: Path) -> None:
    file = space(tmp_path, "graph_width: {type: int, low: 4, high: 9}")
    called = kgprism("tune", file, "-d", "toy", "--gpus", "0", "--budget", "0.000001s", *SMALL)
    assert called.code == 1
    assert "no trial was completed" in called.out
    assert "the budget of 0.000001s is spent: no trial was started any more; with a larger one it goes on" in called.out
    assert kgprism("tune", file, "-d", "toy", "--budget", "soon", *SMALL).code == 2


def test_curves_of_trials_that_fail_are_there_while_the_search_runs(
    kgprism, no_ray: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, own_home: Path
) -> None:
    from kgprism.platform.cli.progress import Board

    steps = []
    monkeypatch.setattr(Board, "step", lambda board, key, done, news="": steps.append((key, done, news)))
    file = space(tmp_path, "train.learning_rate: {type: float, low: 1e29, high: 1e30}")
    epochs = ("--set", "train.epochs=3", "--set", "eval.every=3", "--set", "train.clip=0")
    called = kgprism("tune", file, "-d", "toy", "--trials", "1", "--gpus", "0", *SMALL, *epochs)
    assert called.code == 1, called.err
    # Before anything was judged.
    assert steps[0][:2] == ("0", 1)
    (trial,) = (own_home / "studies" / "tiny" / "tensorboard").glob("*/trial-000*")
    events = EventAccumulator(str(trial))
    events.Reload()
    assert events.Scalars("loss")[0].step == 1
