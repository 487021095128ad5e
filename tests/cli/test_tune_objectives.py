"""Several objectives on the command line: a front, with costs from the store, and a search that goes on."""

import json
from contextlib import nullcontext
from pathlib import Path

import pytest

from kgprism.platform.studies.search.listing import found_by_name, searches
from kgprism.platform.studies.search.running.costs import costs_of
from kgprism.platform.studies.search.searcher import TrialNews
from kgprism.platform.studies.search.sweep import found_already, search
from kgprism.platform.studies.store.runs import Store

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


def test_a_search_for_several_objectives_has_a_front_and_goes_on(
    inline: None, kgprism, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("kgprism.platform.cluster.session.session", nullcontext)
    (tmp_path / "tiny.yaml").write_text(FILE)
    words = ["tune", str(tmp_path / "tiny.yaml"), "-d", "toy", "--name", "mine", "--gpus", "0"]
    words += [word for key, value in SMALL.items() for word in ("--set", f"{key}={json.dumps(value)}")]
    called = kgprism(*words, "--trials", "2")
    assert called.code == 0, called.err
    assert "of 2 trials: no other is as good in all and better in one" in called.out
    assert "parameters" in called.out
    wanted, heard = found_by_name("mine", trials=4), list[TrialNews]()
    assert found_already(wanted, Store()) is None
    sweep = search(wanted, Store(), listener=heard.append)
    assert {news.trial for news in heard} == {2, 3}
    assert sweep.costs == ("parameters",)
    assert sweep.front is not None
    told = sweep.trials.set_index("number")
    for number, row in told.iterrows():
        counted = costs_of(Store(), row["user_attrs_run"], ("parameters",))
        assert row["parameters"] == counted["parameters"]
        beaten = (told["value"] >= row["value"]) & (told["parameters"] <= row["parameters"])
        beaten &= (told["value"] > row["value"]) | (told["parameters"] < row["parameters"])
        assert (number in sweep.front["number"].tolist()) == (not beaten.any())
    assert sweep.best is not None
    best = told[told["user_attrs_run"] == sweep.best.id]
    assert best["value"].item() == sweep.front["value"].max() == told["value"].max()
    (listed,) = searches()
    assert (listed.objective, listed.state) == ("valid/l2r/mrr, parameters", "finished")
    assert listed.best == sweep.front["value"].max()
    again = json.loads(kgprism("tune", "mine", "--resume", "--json").out)
    assert again["objectives"] == ["valid/l2r/mrr", "parameters"]
    assert again["front"] == sweep.front["number"].tolist()
    assert again["best"]["run"] == sweep.best.id
