"""TensorBoard's files as TensorBoard reads them."""

from collections.abc import Callable
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import plugin_data_pb2

from kgprism.platform.data.graph import AlignedGraphs
from kgprism.platform.studies import tensorboard
from kgprism.platform.studies.cells import Cell, expand
from kgprism.platform.studies.store import Record, Store
from kgprism.platform.studies.suite import Suite
from kgprism.platform.studies.table import tabulate
from kgprism.platform.training.outcome import Outcome


def seen(folder: Path) -> EventAccumulator:
    found = EventAccumulator(str(folder))
    found.Reload()
    return found


def curve(folder: Path, name: str) -> list[tuple[int, float]]:
    return [(event.step, event.value) for event in seen(folder).Scalars(name)]


@pytest.fixture
def record(small: Suite, graphs: AlignedGraphs, store: Store, outcome: Callable[..., Outcome]) -> Record:
    return store.write(expand(small, {"toy": graphs})[0].run, outcome(0.5))


def test_a_cell_has_its_own_folder(small: Suite, graphs: AlignedGraphs, tmp_path: Path) -> None:
    cells: list[Cell] = expand(small, {"toy": graphs})
    folders = [tensorboard.folder(tmp_path, cell) for cell in cells]
    assert len(set(folders)) == len(cells)
    assert folders[0] == tmp_path / "toy-0.2" / "whole" / "seed-7"


def test_a_run_that_resumes_draws_no_epoch_twice(tmp_path: Path) -> None:
    with tensorboard.Live(tmp_path) as live:
        assert live({"epoch": 1.0, "loss": 4.0}) is False
        live({"epoch": 2.0, "loss": 3.0})
        live({"epoch": 3.0, "loss": 9.0})
    with tensorboard.Live(tmp_path) as live:
        live({"epoch": 3.0, "loss": 2.0, "valid/l2r/mrr": 0.5})
    assert curve(tmp_path, "loss") == [(1, 4.0), (2, 3.0), (3, 2.0)]
    assert curve(tmp_path, "valid/l2r/mrr") == [(3, 0.5)]


def test_a_finished_run_replaces_what_was_live_and_is_drawn_once(record: Record, tmp_path: Path) -> None:
    folder = tmp_path / "events" / "seed-7"
    with tensorboard.Live(folder) as live:
        live({"epoch": 1.0, "loss": 99.0})
    for _ in range(2):
        tensorboard.write_run(folder, record, {"variant": "whole"})
    assert curve(folder, "loss") == [(1, 2.0), (2, 1.0)]
    assert curve(folder, "test/l2r/mrr") == [(2, 0.5)]
    assert len(list(folder.iterdir())) == len(list(folder.parent.iterdir())) == 1


def test_hyper_parameters_come_with_final_metrics(record: Record, tmp_path: Path) -> None:
    tensorboard.write_run(tmp_path / "run", record, {"variant": "whole"})
    metadata = seen(tmp_path / "run").summary_metadata
    started = plugin_data_pb2.HParamsPluginData.FromString(
        metadata["_hparams_/session_start_info"].plugin_data.content
    ).session_start_info.hparams
    assert started["variant"].string_value == "whole"
    assert started["data.seed_ratio"].number_value == 0.2
    assert started["fusion.kind"].string_value == "low_rank"
    assert curve(tmp_path / "run", "selected/best_test/hits_at_1") == [(0, pytest.approx(0.55))]


def test_the_table_is_text_and_the_latest_only(small: Suite, store: Store, tmp_path: Path) -> None:
    table = tabulate(small, [], store)
    for _ in range(2):
        tensorboard.write_table(tmp_path / "table", table)
    (event,) = seen(tmp_path / "table").Tensors("table/text_summary")
    assert "| The method" in event.tensor_proto.string_val[0].decode()
