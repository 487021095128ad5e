"""What a search was asked for: one value with one meaning, told to the study and read back from there."""

import shlex
from contextlib import nullcontext
from itertools import pairwise
from pathlib import Path
from typing import Any

import optuna
import pytest

from kgprism.platform.configuration import parse
from kgprism.platform.data.catalogue import toy
from kgprism.platform.errors import ConfigurationError
from kgprism.platform.studies.search.driver import driving
from kgprism.platform.studies.search.listing import found_by_name, searches
from kgprism.platform.studies.search.request import request
from kgprism.platform.studies.search.searcher import TrialNews
from kgprism.platform.studies.search.spaces import space as spaces
from kgprism.platform.studies.search.spaces.comparison import Goal
from kgprism.platform.studies.search.spaces.samplers import Search
from kgprism.platform.studies.search.spaces.space import Space
from kgprism.platform.studies.search.study import open_study, sqlite, studies_of
from kgprism.platform.studies.search.sweep import found_already, run_sweep, search
from kgprism.platform.studies.store.runs import Store
from kgprism.platform.training.run import plan

FILE = """\
schema: 1
space: tiny
method: loginmea
params:
  fusion: {type: choice, of: [low_rank, sum]}
  fusion.rank: {type: int, low: 1, high: 4, when: {fusion: low_rank}}
  train.learning_rate: {type: float, low: 1e-3, high: 1e-1, log: true}
start:
  - {fusion: sum, train.learning_rate: 5e-3}
search: {sampler: random, trials: 2}
"""
SMALL = {
    "modalities": ["relation"],
    "train.epochs": 3,
    "eval.every": 1,
    "eval.valid_ratio": 0.5,
    "modal_width": 8,
    "graph_width": 8,
    "structure": "none",
    "pseudo_pairs": "none",
}


def tiny(folder: Path, more: str = "") -> Space:
    (folder / "tiny.yaml").write_text(FILE + more)
    return spaces.read(str(folder / "tiny.yaml"))


@pytest.mark.parametrize("objective", ["", "objective: {metric: valid/mean/mrr}\n"])
def test_a_trials_value_is_that_of_its_stored_run(inline: None, tmp_path: Path, objective: str) -> None:
    store = Store()
    sweep = run_sweep(tiny(tmp_path, objective), toy.aligned(), store=store, overrides=SMALL)
    assert sweep.objective == ("valid/mean/mrr" if objective else "valid/l2r/hits_at_1")
    assert sweep.trials["state"].tolist() == ["COMPLETE"] * 2
    for trial in sweep.trials.to_dict("records"):
        record = store.read(trial["user_attrs_run"])
        assert record is not None
        assert record.metric("valid", sweep.objective) == trial["value"]
    best = sweep.best
    assert best is not None
    words = shlex.split(sweep.command)
    sets = parse([word for before, word in pairwise(words) if before == "--set"])
    assert words[:5] == ["kgprism", "train", "loginmea", "--dataset", "toy"]
    assert {key.removesuffix(".kind") for key in sets} >= SMALL.keys()
    assert plan("loginmea", toy.aligned(), int(words[-1]), sets).id == best.id


AWKWARD: list[dict[str, Any]] = [
    {"fusion": "low_rank", "fusion.rank": 3},  # of a part that not every trial has
    {"modalities": ["image", "relation"]},
    {"train": {"weight_decay": 1e-05}},
    {"train.device": "cpu", "data.split_seed": None},
]


@pytest.mark.parametrize("overrides", AWKWARD)
@pytest.mark.parametrize("fusion", ["sum", "low_rank"])
def test_the_line_of_a_trial_gives_its_run(tmp_path: Path, overrides: dict[str, Any], fusion: str) -> None:
    wanted = request(tiny(tmp_path), toy.aligned(), preset="paper", overrides=SMALL | overrides, seed=3)
    drawn = {"train.learning_rate": 0.01 / 3} | ({} if "fusion" in overrides else {"fusion.kind": fusion})
    run = plan("loginmea", toy.aligned(), 3, wanted.overrides, drawn, preset="paper")
    found: Any = run
    trial = optuna.trial.create_trial(value=1.0, params={}, distributions={})
    trial.params = drawn
    line = wanted.recipe(found, trial).command()
    words = shlex.split(line)
    sets = parse([word for before, word in pairwise(words) if before == "--set"])
    assert plan("loginmea", toy.aligned(), 3, sets, preset="paper").id == run.id
    assert words[5:7] == ["--preset", "paper"]
    assert words[-2:] == ["--seed", "3"]
    assert len(sets) < len(run.configuration)


def test_a_search_is_gone_on_with_by_its_name(inline: None, tmp_path: Path) -> None:
    store, heard = Store(), list[TrialNews]()
    own = sqlite(tmp_path / "own.db")
    for storage in (None, own):
        asked: dict[str, Any] = {"name": "mine", "seed": 2, "overrides": SMALL, "storage": storage}
        first = request(tiny(tmp_path), toy.aligned(), trials=1, **asked)
        assert len(search(first, store).trials) == 1
        again = found_by_name("mine", storage, trials=2)
        assert (again.overrides, again.seed, again.identity) == (SMALL, 2, first.identity)
        assert found_already(again, store, resume=True) is None
        sweep = search(again, store, listener=heard.append)
        assert sweep.trials["number"].tolist() == [0, 1]
        assert {news.trial for news in heard} == {1}
    through = found_already(found_by_name("mine"), store)
    assert through is not None
    assert through.best == sweep.best
    (listed,) = searches()
    assert (listed.name, listed.state, listed.method, listed.dataset) == ("mine", "finished", "loginmea", "toy")
    assert (listed.trials, listed.asked, listed.objective) == (2, 2, "valid/l2r/hits_at_1")
    assert (listed.run, listed.best) == (through.best.id, through.trials["value"].max())
    (study,) = optuna.get_all_study_summaries(own)
    assert study.user_attrs["dataset"] == "toy"
    assert optuna.load_study(study_name="mine", storage=own).metric_names == ["valid/l2r/hits_at_1"]


def test_a_name_is_of_one_search(inline: None, tmp_path: Path) -> None:
    space, store = tiny(tmp_path), Store()
    run_sweep(space, toy.aligned(), store=store, overrides=SMALL, trials=1, name="mine")
    other = {key: value for key, value in SMALL.items() if key != "modal_width"} | {"graph_width": 9, "train.clip": 2.0}
    more = space.model_copy(update={"search": space.search.model_copy(update={"trials": 9})})
    gp = space.model_copy(update={"search": Search(sampler="gp", trials=2)})
    ways: list[tuple[Space, dict[str, Any], str]] = [
        (space, {"seed": 1}, "seed (seed: 0 there, 1 here)"),
        (more, {"seed": 1}, "seed (seed: 0 there, 1 here)"),
        (
            space,
            {"overrides": other},
            "settings (modal_width: 8 there, not set here; graph_width: 8 there, 9 here; "
            "train.clip: not set there, 2.0 here)",
        ),
        (
            space,
            {"preset": "paper", "overrides": SMALL | {"structure": "structure"}},
            "preset and settings (preset: not set there, paper here; structure.kind: none there, structure here)",
        ),
        (gp, {}, "space (space.search.sampler: random there, gp here)"),
    ]
    for searched, changed, told in ways:
        asked: dict[str, Any] = {"overrides": SMALL, "name": "mine"} | changed
        with pytest.raises(ConfigurationError) as refused:
            run_sweep(searched, toy.aligned(), store=store, **asked)
        assert str(refused.value) == f"--name: 'mine' is a search with other {told}: choose another name"
    with pytest.raises(ConfigurationError, match=r"no search 'mien' \(did you mean 'mine'\?\)"):
        found_by_name("mien")


def test_a_resume_that_fails_leaves_nothing_behind(inline: None, own_home: Path, tmp_path: Path) -> None:
    before = {*tmp_path.rglob("*")}
    for storage in (None, sqlite(tmp_path / "own.db")):
        with pytest.raises(ConfigurationError, match="holds no trial of this search"):
            run_sweep(tiny(tmp_path), toy.aligned(), store=Store(), overrides=SMALL, storage=storage, resume=True)
        with pytest.raises(ConfigurationError, match="no search 'mine'"):
            found_by_name("mine", storage)
        assert searches(storage) == []
    assert {*tmp_path.rglob("*")} - before == {tmp_path / "tiny.yaml"}


def test_a_search_that_another_home_carries_out_is_refused_before_anything_is_begun(
    inline: None, own_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, own = Store(), sqlite(tmp_path / "own.db")
    wanted = request(tiny(tmp_path), toy.aligned(), overrides=SMALL, storage=own, trials=1)
    search(wanted, store)
    (study,) = studies_of(own)
    more = request(wanted.space, wanted.dataset, overrides=SMALL, storage=own, trials=2)
    monkeypatch.setenv("KGPRISM_HOME", "/elsewhere")
    with driving(study, lambda: nullcontext(True)):
        monkeypatch.setenv("KGPRISM_HOME", str(own_home))
        with pytest.raises(ConfigurationError, match=r"running in another process: process \d+ on .*home /elsewhere"):
            found_already(more, store)
        assert searches(own)[0].state == "running"
    assert found_already(more, store) is None


def test_other_code_or_data_is_another_search(inline: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_sweep(tiny(tmp_path), toy.aligned(), store=Store(), overrides=SMALL, trials=1, name="mine")
    monkeypatch.setattr("kgprism.platform.training.run.source_digest", lambda method: "other")
    with pytest.raises(ConfigurationError, match="the code of loginmea or the data of toy have changed since 'mine'"):
        found_by_name("mine")


def test_a_search_of_an_earlier_version_is_gone_on_with(inline: None, own_home: Path, tmp_path: Path) -> None:
    """Its study says nothing of itself, and has the name that the same search has now."""
    store, space = Store(), tiny(tmp_path, "objective: {metric: valid/l2r/hits_at_1}\n")
    name = request(space, toy.aligned(), overrides=SMALL).name
    study = open_study(name, sqlite(own_home / "studies" / "tiny" / "optuna.db"), Search(), Goal(), 0)
    trial = study.ask()
    trial.suggest_float("train.learning_rate", 1e-3, 1e-1, log=True)
    trial.set_user_attr("run", "0123")
    study.tell(trial, 0.25)
    (listed,) = searches()
    assert (listed.name, listed.state, listed.method, listed.trials, listed.best) == (name, "finished", "", 1, 0.25)
    with pytest.raises(ConfigurationError, match=r"begun by a version that did not keep .* repeat its command"):
        found_by_name(name)
    sweep = run_sweep(space, toy.aligned(), store=store, overrides=SMALL, resume=True)
    assert sweep.trials["number"].tolist() == [0, 1]
    assert found_by_name(name).name == name


@pytest.mark.parametrize("name", ["", "..", ".a", "-a", "a/b", "../../a", "a\\b", "a\x1bb", "a\nb", "λ" * 51, "list"])
def test_a_name_that_no_file_can_have_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigurationError, match="--name: "):
        request(tiny(tmp_path), toy.aligned(), overrides=SMALL, name=name)
