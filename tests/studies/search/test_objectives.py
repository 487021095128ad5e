"""Several objectives: a front, its costs from the store, and searches that go on."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pytest

from kgprism.platform.data.catalogue import toy
from kgprism.platform.errors import ConfigurationError
from kgprism.platform.studies.search.request import request
from kgprism.platform.studies.search.running.costs import costs_of
from kgprism.platform.studies.search.searcher import StudySearcher, TrialNews
from kgprism.platform.studies.search.spaces import space as spaces
from kgprism.platform.studies.search.spaces.comparison import Goal
from kgprism.platform.studies.search.spaces.region import Region
from kgprism.platform.studies.search.spaces.samplers import Search
from kgprism.platform.studies.search.study import begun, continued, evaluated
from kgprism.platform.studies.search.sweep import found_already
from kgprism.platform.studies.search.trainable import CURVE, EPOCH, VALUE
from kgprism.platform.studies.search.trials import best_of, front_of, table_of
from kgprism.platform.studies.store.runs import Store
from kgprism.platform.training.outcome import Outcome
from kgprism.platform.training.run import plan

FILE = """\
schema: 1
space: tiny
method: loginmea
params:
  modal_width: {type: int, low: 2, high: 9}
  train.learning_rate: {type: float, low: 1e-3, high: 1e-1, log: true}
objectives: [{metric: valid/l2r/mrr}, {metric: parameters}]
search: {sampler: nsga2, trials: 3}
"""
SMALL = {"modalities": ["relation"], "train.epochs": 2, "eval.every": 1, "graph_width": 8}
SMALL |= {"structure": "none", "pseudo_pairs": "none"}


def test_costs_are_what_the_stored_run_tells(outcome: Callable[..., Outcome]) -> None:
    record = Store().write(plan("loginmea", toy.aligned(), 0, SMALL), outcome(0.5))
    found = costs_of(Store(), record.id, ("parameters", "seconds", "peak_bytes", "cpu_seconds"))
    # The outcome's one weight has three numbers; nobody has noted processors' seconds.
    assert found == {"parameters": 3, "seconds": 6, "peak_bytes": 1024, "cpu_seconds": None}
    (record.folder / "model.safetensors").unlink()
    assert costs_of(Store(), record.id, ("parameters",)) == {"parameters": None}
    assert costs_of(Store(), "0" * 16, ("seconds",)) == {"seconds": None}


def _searcher(study: optuna.Study, draw: Any, cost: float | None = 7.0, **options: Any) -> StudySearcher:
    return StudySearcher(study, draw, 6, costs=lambda run: {"seconds": cost}, **options)


def _coin(trial: optuna.Trial) -> dict[str, Any]:
    return {"side": trial.suggest_categorical("side", ["head", "tail"])}


def _carried_out(searcher: StudySearcher) -> None:
    while (proposed := searcher.suggest("a")) != StudySearcher.FINISHED:
        assert proposed is not None
        searcher.on_trial_result("a", {EPOCH: 1, VALUE: 0.5})
        searcher.on_trial_complete("a", {EPOCH: 2, VALUE: 0.25, CURVE: [(1, 0.5), (2, 0.25)]})


def _study() -> optuna.Study:
    study = optuna.create_study(directions=["maximize", "minimize"])
    continued(study, "sqlite:///s.db", Search(sampler="random"), 0)
    return study


def test_what_is_known_is_told_again_with_its_costs_and_stands_on_the_front_once() -> None:
    study = _study()
    _carried_out(_searcher(study, _coin))
    assert {tuple(trial.values) for trial in study.trials} == {(0.5, 7.0)}
    assert len(study.trials) > 2
    assert len(front_of(study)) == len([*evaluated(study)]) == 2
    best = best_of(study)
    assert best is not None
    assert best.number == 0
    assert {"value", "state"} <= {*table_of(study)}
    # Another process knows it too.
    heard = list[TrialNews]()
    _carried_out(_searcher(study, _coin, listener=heard.append))
    assert {news.state for news in heard} == {"repeated"}


def test_a_run_that_does_not_tell_its_cost_has_failed() -> None:
    study = _study()
    _carried_out(_searcher(study, _coin, cost=None))
    assert {trial.user_attrs["reason"] for trial in study.trials} == {"its run does not tell its seconds"}
    assert best_of(study) is None


@pytest.mark.parametrize("sampler", ["tpe", "nsga2", "qmc", "grid", pytest.param("gp", marks=pytest.mark.slow)])
def test_samplers_know_what_several_objectives_do_not_allow(tmp_path: Path, sampler: str) -> None:
    small = FILE.replace("{type: float, low: 1e-3, high: 1e-1, log: true}", "{type: choice, of: [0.1, 0.2]}")
    (tmp_path / "tiny.yaml").write_text(small.replace("nsga2", sampler) + "requires: modal_width > 3\n")
    space = spaces.read(str(tmp_path / "tiny.yaml"))
    where, study = Region(space, space.base()), optuna.create_study(directions=["maximize", "minimize"])
    continued(study, "sqlite:///s.db", Search.model_validate({"sampler": sampler, "startup": 2}), 0, (), where)
    _carried_out(_searcher(study, where.suggest, region=where))
    assert len([*evaluated(study)]) == 6
    assert all(trial.params["modal_width"] > 3 for trial in evaluated(study))


REFUSED = {
    "objective: {metric: valid/l2r/mrr}\n": "9:1: either objective or objectives",
    "schedule: {kind: median, min: 3}\n": "9:12: with several objectives no trial is stopped early",
}
WRONG = {
    "[{metric: seconds}, {metric: parameters}]": "7:15: 'seconds': expected what runs are picked by, such as valid/",
    "[{metric: valid/l2r/mrr}, {metric: second}]": "7:40: 'second': behind the first objective stand costs",
    "[{metric: valid/l2r/mrr}, {metric: seconds}, {metric: seconds}]": "7:59: 'seconds' stands twice",
    "[{metric: valid/l2r/mrr}, {metric: seconds, mode: max}]": "7:57: the best seconds is the minimum: mode: min",
    "[{metric: valid/l2r/mr, mode: max}, {metric: seconds}]": "7:37: the best valid/l2r/mr is the minimum: mode: min",
    "[{metric: valid/tail/mrr}, {metric: seconds}]": "7:15: 'valid/tail/mrr': no run of alignment picks its",
}


@pytest.mark.parametrize("text", [*REFUSED, *WRONG, "cmaes"])
def test_objectives_that_are_none_are_refused_when_the_file_is_read(tmp_path: Path, text: str) -> None:
    whole = "[{metric: valid/l2r/mrr}, {metric: parameters}]"
    told = (REFUSED | WRONG | {"cmaes": "8:10: cmaes searches for one objective only"})[text]
    file = FILE.replace(whole, text) if text in WRONG else FILE + (text if text in REFUSED else "")
    (tmp_path / "tiny.yaml").write_text(file.replace("nsga2", "cmaes") if text == "cmaes" else file)
    with pytest.raises(ConfigurationError) as error:
        spaces.read(str(tmp_path / "tiny.yaml"))
    assert str(error.value).startswith(f"{tmp_path}/tiny.yaml:{told}")
    assert "\n" not in str(error.value)


def test_other_objectives_are_another_search(tmp_path: Path) -> None:
    (tmp_path / "tiny.yaml").write_text(FILE)
    space = spaces.read(str(tmp_path / "tiny.yaml"))
    alone = space.model_copy(update={"objectives": ()})
    several = request(space, toy.aligned(), overrides=SMALL)
    assert several.goal == request(alone, toy.aligned(), overrides=SMALL).goal == Goal()
    assert several.identity != request(alone, toy.aligned(), overrides=SMALL).identity
    with pytest.raises(ConfigurationError, match=r"train.keep_weights is false: parameters are counted in the weights"):
        request(space, toy.aligned(), overrides=SMALL | {"train.keep_weights": False})
    minimised = spaces.read(str(_written(tmp_path, FILE.replace("valid/l2r/mrr", "valid/l2r/mr"))))
    assert request(minimised, toy.aligned(), overrides=SMALL).goal == Goal(metric="valid/l2r/mr", mode="min")


def test_a_name_of_a_search_for_one_objective_is_another_search(inline: None, tmp_path: Path) -> None:
    space = spaces.read(str(_written(tmp_path, FILE)))
    alone = request(space.model_copy(update={"objectives": ()}), toy.aligned(), overrides=SMALL, name="mine")
    study = begun("mine", alone.storage, alone.goal)
    for key, value in alone.asked().model_dump().items():
        study.set_user_attr(key, value)
    several = request(space, toy.aligned(), overrides=SMALL, name="mine")
    with pytest.raises(ConfigurationError, match=r"--name: 'mine' is a search with other space \(space.objectives"):
        found_already(several, Store())


def _written(folder: Path, text: str) -> Path:
    (folder / "other.yaml").write_text(text)
    return folder / "other.yaml"
