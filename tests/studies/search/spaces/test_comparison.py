"""What trials are compared by: an objective that the task reports, on data that no trial chooses."""

from pathlib import Path

import pytest

from kgprism.platform.configuration import flatten
from kgprism.platform.data.catalogue import toy
from kgprism.platform.errors import ConfigurationError
from kgprism.platform.method import load
from kgprism.platform.studies.search.request import request
from kgprism.platform.studies.search.spaces import space as spaces
from kgprism.platform.studies.search.spaces.comparison import JUDGED_ON, Goal, objectives, stateless
from kgprism.platform.training.outcome import Outcome
from kgprism.platform.training.run import execute, plan

HEADS = {
    "alignment": "schema: 1\nspace: s\nmethod: mclea\npreset: code\n",
    "completion": "schema: 1\nspace: s\nmethod: kge\npreset: code\n",
}
RATE = "params:\n  train.learning_rate: {type: float, low: 1e-4, high: 1e-2, log: true}\n"
RANGES = {
    "data.seed_ratio": "{type: float, low: 0.1, high: 0.5}",
    "data.split": "{type: choice, of: [seeded, published]}",
    "data.split_seed": "{type: int, low: 0, high: 9}",
    "data.valid": "{type: choice, of: [auto, holdout]}",
    "data.holdout": "{type: choice, of: [0.02, 0.4]}",
    "data.holdout_seed": "{type: int, low: 0, high: 9}",
    "data.seeds": "{type: choice, of: [none, unsupervised]}",
    "eval.csls_k": "{type: choice, of: [1, 3]}",
    "eval.every": "{type: int, low: 1, high: 9}",
    "eval.filter": "{type: choice, of: [all, train]}",
    "eval.valid_ratio": "{type: float, low: 0.1, high: 0.5}",
}


def refused(folder: Path, text: str) -> str:
    (folder / "s.yaml").write_text(text)
    with pytest.raises(ConfigurationError) as error:
        spaces.read(str(folder / "s.yaml"))
    assert "\n" not in str(error.value)
    return str(error.value).removeprefix(f"{folder / 's.yaml'}:")


@pytest.mark.parametrize(
    ("task", "objective", "told"),
    [
        (
            "alignment",
            "metric: valid/l2r/mmr",
            "7:13: 'valid/l2r/mmr': no run of alignment picks its epoch by it (did you mean",
        ),
        ("alignment", "metric: valid/tail/mrr", "7:13: 'valid/tail/mrr': no run of alignment picks its epoch by it"),
        (
            "completion",
            "metric: valid/l2r/mrr",
            "no run of completion picks its epoch by it (did you mean 'valid/mean/mrr'?)",
        ),
        ("completion", "metric: valid/r2l/hits_at_1", "(did you mean 'valid/mean/hits_at_1'?)"),
        ("completion", "metric: valid/seen/mrr", "7:13: 'valid/seen/mrr': no run of completion picks its epoch by it"),
        ("alignment", "metric: valid/l2r/mr", "7:1: the best valid/l2r/mr is the minimum: mode: min"),
        ("alignment", "mode: min", "7:13: the best valid/l2r/mrr is the maximum: mode: max"),
    ],
)
def test_an_objective_that_no_trial_reports_is_refused_when_the_space_is_read(
    tmp_path: Path, task: str, objective: str, told: str
) -> None:
    text = HEADS[task] + RATE + (f"objective: {{{objective}}}\n" if objective else "")
    assert told in refused(tmp_path, text)


def judged(outcome: Outcome) -> set[str]:
    return {key for key in outcome.history[0] if key.startswith("valid/") and not key.endswith("_optimistic")}


def test_objectives_are_what_the_toys_report() -> None:
    small = {"train.epochs": 1, "modal_width": 8}
    outcome = execute(plan("mclea", toy.aligned(), 0, small), toy.aligned())
    assert judged(outcome) == set(objectives("alignment"))
    graph = toy.completion()
    outcome = execute(plan("kge", graph, 0, {"train.epochs": 1, "scoring.dim": 8}), graph)
    # Triples whose ends are both seen are reported apart, but no epoch is picked by them.
    assert {key for key in judged(outcome) if "/seen/" not in key} == set(objectives("completion"))


@pytest.mark.parametrize("name", spaces.space_names())
def test_a_shipped_search_compares_by_what_the_method_picks_its_epoch_by(name: str) -> None:
    space = spaces.read(name)
    data = toy.aligned() if "eval.csls_k" in space.base() else toy.completion()
    wanted = request(space, data)
    assert wanted.overrides == {}
    picked = wanted.base.settings.eval
    assert wanted.goal.metric == f"valid/{picked.direction}/{picked.metric}"
    assert (wanted.goal.metric == "valid/l2r/hits_at_1") == (name in {"loginmea", "ibmea"})


def test_an_objective_of_ones_own_is_what_the_runs_pick_by(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(HEADS["alignment"] + RATE + "objective: {metric: valid/r2l/hits_at_10}\n")
    space = spaces.read(str(tmp_path / "s.yaml"))
    wanted = request(space, toy.aligned(), overrides={"modal_width": 8})
    assert wanted.overrides == {"modal_width": 8, "eval.direction": "r2l", "eval.metric": "hits_at_10"}
    by_hand = request(space, toy.aligned(), overrides={"eval": {"metric": "mr"}})
    assert by_hand.goal == Goal(metric="valid/r2l/mr", mode="min")


@pytest.mark.parametrize("key", sorted(RANGES))
def test_what_decides_on_what_is_compared_is_not_tuned(tmp_path: Path, key: str) -> None:
    task = "completion" if key.startswith(("data.valid", "data.holdout", "eval.filter")) else "alignment"
    way = "mean" if task == "completion" else "l2r"
    text = f"{HEADS[task]}params:\n  {key}: {RANGES[key]}\nobjective: {{metric: valid/{way}/mrr}}\n"
    assert any(f"{key}.".startswith(f"{judged}.") for judged in JUDGED_ON)
    assert refused(tmp_path, text) == f"6:3: {key} decides what is compared: do not tune it, use --set"


IDLE = {
    "train.device": "{type: choice, of: [cpu, cuda]}",
    "train.checkpoint_seconds": "{type: int, low: 0, high: 60}",
    "eval.chunk": "{type: int, low: 1, high: 512, log: true}",
    "pseudo_pairs.chunk": "{type: int, low: 1, high: 512, when: {pseudo_pairs: probation}}",
}


@pytest.mark.parametrize("key", IDLE)
def test_what_changes_no_number_is_not_tuned(tmp_path: Path, key: str) -> None:
    text = f"{HEADS['alignment']}params:\n  {key}: {IDLE[key]}\n"
    assert refused(tmp_path, text) == f"6:3: {key} changes no number of a run: do not tune it, use --set"


@pytest.mark.parametrize("method", ["mclea", "dhns"])
def test_what_changes_no_number_is_what_stays_out_of_a_runs_identity(method: str) -> None:
    found = stateless(load(method).Config)
    whole = load(method).Config()
    assert found & {*flatten(whole)} == {*flatten(whole)} - {*flatten(whole, stateless=False)}
