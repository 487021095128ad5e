"""TensorBoard's files of a search: every trial has curves, however it ends."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import plugin_data_pb2
from tensorboard.plugins.hparams.metadata import parse_experiment_plugin_data

from kgprism.platform.data.graph import AlignedGraphs
from kgprism.platform.studies.search.curves import Curves, named
from kgprism.platform.studies.search.searcher import TrialNews
from kgprism.platform.studies.store.runs import Store
from kgprism.platform.training.outcome import Outcome
from kgprism.platform.training.run import plan


def seen(folder: Path) -> EventAccumulator:
    events = EventAccumulator(str(folder))
    events.Reload()
    return events


def steps(folder: Path) -> list[int]:
    return [event.step for event in seen(folder).Scalars("loss")]


def values(folder: Path, name: str) -> list[tuple[int, float]]:
    events = seen(folder)
    return [(event.step, event.value) for event in events.Scalars(name)] if name in events.Tags()["scalars"] else []


def row(folder: Path) -> Any:
    """Return what HPARAMS shows of a trial."""
    content = seen(folder).summary_metadata["_hparams_/session_start_info"].plugin_data.content
    return plugin_data_pb2.HParamsPluginData.FromString(content).session_start_info.hparams


def test_a_pruned_trial_keeps_its_curves_and_one_that_goes_on_repeats_none(tmp_path: Path) -> None:
    with Curves(tmp_path, Store(tmp_path / "runs")) as curves:
        for trial, epochs in {4: (1, 2, 3), 5: (1, 2, 3, 2, 3, 4)}.items():
            for epoch in epochs:
                row = {"epoch": float(epoch), "loss": 1.0 / epoch}
                curves(TrialNews(trial, "epoch", {}, f"run {trial}", epoch, row=row))
                assert steps(tmp_path / f"trial-00{trial}")[-1] == epoch
        curves(TrialNews(4, "pruned", {}, "run 4", 3))
    assert steps(tmp_path / "trial-004") == [1, 2, 3]
    assert steps(tmp_path / "trial-005") == [1, 2, 3, 4]


def test_a_trial_is_called_what_was_drawn_for_it_and_has_a_row_however_it_ends(
    graphs: AlignedGraphs, outcome: Callable[..., Outcome], tmp_path: Path
) -> None:
    store, drawn = Store(tmp_path / "runs"), {"fusion.kind": "concat", "train.learning_rate": 0.003}
    record = store.write(plan("loginmea", graphs, 0, drawn), outcome(0.5))
    events = tmp_path / "events"
    (events / "trial-7").mkdir(parents=True)
    with Curves(events, store) as curves:
        curves(TrialNews(7, "complete", drawn, record.id, 2, 0.5))
        curves(TrialNews(8, "epoch", {"fusion.kind": "sum"}, "other", 1, row={"epoch": 1.0, "loss": 1.0}))
        curves(TrialNews(8, "pruned", {"fusion.kind": "sum"}, "other", 1, 0.25))
        curves(TrialNews(9, "failed", {"fusion.kind": "sum", "width": 10**9}, "third", reason="out of memory"))
    states = ["COMPLETE", "PRUNED", "FAIL", "RUNNING", "FAIL"]
    frame = pd.DataFrame({"number": [7, 8, 9, 10, 11], "state": states, "value": 0.5})
    frame["user_attrs_run"] = [record.id, "other", "third", "fourth", "fifth"]
    frame["user_attrs_reason"] = [None, None, "out of memory", None, None]
    again = Curves(events, store)
    again.write(frame.assign(**{"params_fusion.kind": ["concat", "sum", "sum", None, "sum"]}))
    names = (
        "trial-007 fusion=concat learning_rate=0.003",
        "trial-008 fusion=sum",
        "trial-009 fusion=sum width=1000000000",
    )
    assert {path.name for path in events.iterdir()} == {*names, "columns"}
    rows = [row(events / name) for name in names]
    assert [found["state"].string_value for found in rows] == ["complete", "pruned", "failed"]
    assert [found["fusion.kind"].string_value for found in rows] == ["concat", "sum", "sum"]
    assert [values(events / name, "trial/value") for name in names] == [[(2, 0.5)], [(1, 0.25)], []]
    assert steps(events / names[1]) == [1]
    content = seen(events / "columns").summary_metadata["_hparams_/experiment"].plugin_data.content
    experiment = parse_experiment_plugin_data(content)
    assert {"state", "fusion.kind"} <= {info.name for info in experiment.hparam_infos}
    assert "trial/value" in {info.name.tag for info in experiment.metric_infos}


def test_a_name_is_short_and_its_keys_are_told_apart() -> None:
    drawn = {"a.kind": "x/y", "a.rate": 1 / 3, "b.rate": 2, "modalities": ["image"], "on": True}
    assert named("trial-000", drawn) == 'trial-000 a=x_y a.rate=0.333 b.rate=2 modalities=["image"] on=true'
    assert named("trial-001", {"first": "f" * 30, "long": "l" * 60, "last": 1}) == f"trial-001 first={'f' * 30}"
